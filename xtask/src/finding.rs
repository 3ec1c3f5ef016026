//! One thing a rule found: where, how bad, and what to do about it.

use std::fmt;

/// Whether a finding stops the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The rule is broken; `check` exits with status 1.
    Error,
    /// Worth a look; printed, and the check goes on.
    Warning,
}

/// A place in the repository and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Whether it stops the check.
    pub(crate) level: Level,
    /// Path relative to the repository's root.
    pub(crate) path: String,
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong, then what to do.
    pub(crate) message: String,
}

impl Finding {
    /// A broken rule.
    pub(crate) fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { level: Level::Error, path: path.to_owned(), line, message: message.into() }
    }

    /// Something worth a look.
    pub(crate) fn warning(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{level}: {}:{}: {}", self.path, self.line, self.message)
    }
}
