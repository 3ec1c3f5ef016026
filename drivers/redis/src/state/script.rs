//! The script that writes, and the commands that call it: by its hash, which is known to a server that ran it before, or
//! by its text.

use std::sync::LazyLock;

use redis::{Cmd, Script};

use super::write::{Action, Condition, Layout, Write};

const TEXT: &str = include_str!("apply.lua");
static HASH: LazyLock<String> = LazyLock::new(|| Script::new(TEXT).get_hash().to_owned());

/// How far the script goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looks at the conditions alone.
    Check,
    Do,
}

/// How the script is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Hash,
    /// Makes the server know it.
    Text,
}

/// A call for `writes`, whose keys are in one slot.
pub(super) fn call(named: Named, mode: Mode, writes: &[&Write]) -> Cmd {
    let mut command = match named {
        Named::Hash => redis::cmd("EVALSHA"),
        Named::Text => redis::cmd("EVAL"),
    };
    match named {
        Named::Hash => command.arg(HASH.as_str()),
        Named::Text => command.arg(TEXT),
    };
    command.arg(writes.len());
    for write in writes {
        command.arg(&write.key);
    }
    command.arg(match mode {
        Mode::Check => "check",
        Mode::Do => "do",
    });
    for write in writes {
        add(&mut command, write);
    }
    command
}

/// The six values of a write; `apply.lua` tells what they are.
fn add(command: &mut Cmd, write: &Write) {
    command.arg(match write.layout {
        Layout::Hash => "hash",
        Layout::Json => "json",
    });
    let condition = match &write.condition {
        Condition::None => "",
        Condition::Nothing => "-",
        Condition::Version(version) => version,
    };
    match &write.action {
        Action::Set { value, mark, ttl } => {
            command.arg("set").arg(condition).arg(value.as_ref()).arg(if *mark { "1" } else { "" });
            command.arg(ttl.unwrap_or(0));
        }
        Action::Delete => {
            command.arg("del").arg(condition).arg("").arg("").arg("0");
        }
    }
}
