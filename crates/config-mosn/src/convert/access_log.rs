//! `access_logs` of a listener (reference 1.3, 7.1).

use mecha_config::AccessLog;
use mecha_config::access_log::DEFAULT_FORMAT;
use mecha_config::server::LogTarget;

use super::Context;
use super::server::log_target;
use crate::document::Node;

/// One log; `name` is the listener's, for the default path.
pub(super) fn access_log(node: Node<'_>, name: &str, context: &Context<'_>) -> Option<AccessLog> {
    let fields = node.object()?;
    let target = match fields.text("log_path") {
        Some(path) => log_target(path),
        None => {
            let file = format!("{}_access.log", name.replace(['/', ':'], "_"));
            context.log_file(&file).map_or(LogTarget::Stdout, LogTarget::File)
        }
    };
    let format = match fields.text_at("log_format") {
        Some((node, format)) => {
            check_format(node, format);
            format.to_owned()
        }
        None => DEFAULT_FORMAT.to_owned(),
    };
    Some(AccessLog { target, format })
}

/// Variables stand between two `%`; `\%` is the sign itself.
fn check_format(node: Node<'_>, format: &str) {
    let mut escaped = false;
    let mut open: Option<usize> = None;
    for (at, letter) in format.char_indices() {
        if letter == '%' && !escaped {
            match open.take() {
                Some(start) if at == start + 1 => {
                    node.error_with("`%%` names no variable", "write \\% for the sign itself");
                    return;
                }
                Some(_) => {}
                None => open = Some(at),
            }
        }
        escaped = letter == '\\' && !escaped;
    }
    if let Some(start) = open {
        let rest: String =
            format.chars().skip(format.get(..start).map_or(0, |head| head.chars().count())).collect();
        node.error_with(
            format!("the variable that begins at \"{}\" is not closed", crate::read::shortened(&rest)),
            "put `%` behind its name, or write \\% for the sign itself",
        );
    }
}
