//! `spec.api`: which APIs are open.

use mecha_config::runtime::Settings;
use mecha_config::runtime::settings::ApiRule;
use mecha_document::{Node, Object, shortened};

/// Reads the two lists that are there.
pub(super) fn apis(fields: &Object<'_>, settings: &mut Settings) {
    if fields.get("allowed").is_some() {
        settings.api_allowed = fields.each("allowed", rule);
    }
    if fields.get("denied").is_some() {
        settings.api_denied = fields.each("denied", rule);
    }
}

/// `{name, version, protocol}`; the protocol is `http` unless it is said.
fn rule(node: Node<'_>) -> Option<ApiRule> {
    let fields = node.object()?;
    let text = |key| fields.text(key).unwrap_or_default().to_owned();
    let grpc = fields.text_at("protocol").is_some_and(|(node, protocol)| {
        let grpc = protocol.eq_ignore_ascii_case("grpc");
        if !grpc && !protocol.eq_ignore_ascii_case("http") {
            node.error(format!("\"{}\" can be either http or grpc", shortened(protocol)));
        }
        grpc
    });
    Some(ApiRule { name: text("name"), version: text("version"), grpc })
}
