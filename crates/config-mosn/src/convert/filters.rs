//! Filters that a configuration names and that are not there. Most are left out with a warning, as MOSN
//! leaves out the ones it does not know (reference 1.6). A filter that guards something is different:
//! without it the door would stand open, so the start is refused.

use mecha_base::names::nearest;
use mecha_config::StreamFilter;
use mecha_config::filter::{Fault, Transcoder};
use mecha_document::{Node, shortened};

use super::{fault, transcoder};

/// How a known stream filter is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// In effect.
    There,
    /// Left out with a warning.
    Later,
    /// Guards something; the start is refused.
    Security,
}

/// MOSN's stream filters.
const STREAM_FILTERS: [(&str, Standing); 20] = [
    ("dsl", Standing::Later),
    ("dubbo_stream", Standing::There),
    ("ext_authz", Standing::Security),
    ("fault", Standing::There),
    ("fault_tolerance", Standing::Later),
    ("flowControlFilter", Standing::Later),
    ("grpc_metric", Standing::There),
    ("gzip", Standing::Later),
    ("header_to_metadata", Standing::Later),
    ("healthcheck", Standing::Later),
    ("ip_access", Standing::Security),
    ("istio.stats", Standing::Later),
    ("jwt_authn", Standing::Security),
    ("mirror", Standing::Later),
    ("mixer", Standing::Later),
    ("payload_limit", Standing::Later),
    ("proxywasm", Standing::Later),
    ("rbac", Standing::Security),
    ("seata", Standing::Later),
    ("transcoder", Standing::There),
];

/// Parts of names that tell a guard, whoever wrote the filter.
const GUARDS: [&str; 9] = ["rbac", "jwt", "auth", "ip_access", "ipaccess", "csrf", "oidc", "acl", "waf"];

/// A filter of `listener_filters`.
pub(super) fn filter(node: Node<'_>) {
    let Some(fields) = node.object() else { return };
    fields.accept(&["config", "go_plugin_config"]);
    match fields.text_at("type") {
        Some((node, name)) => missing(node, name),
        None => node.warn("a filter without a type is ignored"),
    }
}

/// A filter of `stream_filters`.
pub(super) fn stream(node: Node<'_>) -> Option<StreamFilter> {
    let fields = node.object()?;
    fields.accept(&["go_plugin_config"]);
    let config = fields.get("config");
    match fields.text_at("type") {
        Some((node, name)) => settings(node, name, config),
        None => {
            node.warn("a filter without a type is ignored");
            None
        }
    }
}

/// `per_filter_config`: the filters' names with their settings for one place.
pub(super) fn per_filter(given: Option<Node<'_>>) -> Vec<StreamFilter> {
    let pairs = given.into_iter().flat_map(Node::pairs);
    let mut found: Vec<StreamFilter> =
        pairs.filter_map(|(key, value)| settings(key, key.text(), Some(value))).collect();
    found.shrink_to_fit();
    found
}

/// A filter that is there; one that is not is reported.
fn settings(node: Node<'_>, name: &str, config: Option<Node<'_>>) -> Option<StreamFilter> {
    match name {
        "fault" => match config {
            None => Some(StreamFilter::Fault(Fault::default())),
            Some(config) => Some(StreamFilter::Fault(fault::fault(&config.object()?))),
        },
        "transcoder" => match config {
            None => Some(StreamFilter::Transcoder(Transcoder::default())),
            Some(config) => Some(StreamFilter::Transcoder(transcoder::transcoder(&config.object()?))),
        },
        "dubbo_stream" => {
            if let Some(fields) = config.and_then(Node::object) {
                fields.not_in_effect(&["subset"]);
            }
            Some(StreamFilter::DubboStream)
        }
        "grpc_metric" => Some(StreamFilter::GrpcMetric),
        name => {
            missing(node, name);
            None
        }
    }
}

/// Whether a filter of this name guards something.
pub(super) fn is_guard(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    STREAM_FILTERS.contains(&(name, Standing::Security))
        || GUARDS.iter().any(|part| match *part {
            // Short enough to be part of other words.
            "acl" | "waf" => lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == *part),
            part => lower.contains(part),
        })
}

fn missing(node: Node<'_>, name: &str) {
    let shown = shortened(name);
    let known = STREAM_FILTERS.iter().any(|(known, _)| *known == name);
    if is_guard(name) {
        let why = if known { "is not available yet" } else { "is unknown" };
        node.error_with(
            format!("the security filter \"{shown}\" {why}, and nothing may pass without it"),
            "remove it if the traffic may really go unchecked",
        );
    } else if known {
        node.warn(format!("the filter \"{shown}\" is not available yet and is ignored"));
    } else {
        let near = nearest(name, STREAM_FILTERS.iter().map(|(known, _)| *known));
        let message = format!("the unknown filter \"{shown}\" is ignored");
        match near {
            Some(near) => node.warn_with(message, format!("did you mean \"{near}\"?")),
            None => node.warn(message),
        }
    }
}
