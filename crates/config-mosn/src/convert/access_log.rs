//! `access_logs` of a listener (reference 1.3, 7.1).

use mecha_config::AccessLog;
use mecha_config::access_log::{DEFAULT_FORMAT, check};
use mecha_config::server::LogTarget;
use mecha_document::Node;

use super::Context;
use super::server::log_target;

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
            if let Err(error) = check(format) {
                node.error(error.to_string());
            }
            format.to_owned()
        }
        None => DEFAULT_FORMAT.to_owned(),
    };
    Some(AccessLog { target, format })
}
