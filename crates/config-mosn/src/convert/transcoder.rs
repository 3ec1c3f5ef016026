//! The stream filter `transcoder` (reference 1.6): rules that name the protocol in which requests go on, or one of the old
//! converters by its `type`. What a rule says beyond MOSN's keys stands in `rule_info.config`.

use std::sync::Arc;

use mecha_config::Protocol;
use mecha_config::filter::{Conversion, Transcoder, TranscoderRule};
use mecha_document::{Node, Object, shortened};

use super::{matcher, protocol};

/// The one kind of matcher.
const SIMPLE: &str = "simpleMatcher";

/// Converters of before there were rules: their names, and what they make of every request.
const LEGACY: [(&str, Protocol, bool); 3] = [
    ("http2bolt_simple", Protocol::Bolt, true),
    ("httpTohttp2", Protocol::Http2, false),
    ("http2Tohttp", Protocol::Http1, false),
];

/// Its settings.
pub(super) fn transcoder(fields: &Object<'_>) -> Transcoder {
    let mut rules = fields.each("rules", rule);
    if let Some((node, name)) = fields.text_at("type") {
        if !rules.is_empty() {
            node.warn("\"type\" has no effect beside \"rules\"");
        } else {
            rules.extend(legacy(node, name));
        }
    } else if rules.is_empty() && fields.get("rules").is_none() {
        fields.node().warn_with("without \"rules\" no request is changed", "add a rule");
    }
    Transcoder { rules }
}

fn legacy(node: Node<'_>, name: &str) -> Option<TranscoderRule> {
    let known = LEGACY.into_iter().find(|(known, ..)| *known == name);
    let Some((_, protocol, opaque)) = known else {
        let names = LEGACY.map(|(name, ..)| name).join(", ");
        node.error_with(
            format!("there is no converter \"{}\"", shortened(name)),
            format!("use \"rules\", or one of {names}"),
        );
        return None;
    };
    let conversion = Arc::new(Conversion { opaque, ..Conversion::default() });
    Some(TranscoderRule { headers: Vec::new(), protocol, conversion })
}

fn rule(node: Node<'_>) -> Option<TranscoderRule> {
    let fields = node.object()?;
    // MOSN's own tag is misspelt.
    let matcher = fields.object("matcher_config").or_else(|| fields.object("macther_config"));
    let headers = matcher.map_or_else(Vec::new, |matcher| conditions(&matcher));
    let Some(info) = fields.object("rule_info") else {
        node.error_with(
            "a rule without \"rule_info\" changes nothing",
            "write \"rule_info\": {\"upstream_protocol\": \"dubbo\"}",
        );
        return None;
    };
    info.accept(&["description"]);
    let protocol = target(&info);
    let conversion = info.object("config").map(|fields| conversion(&fields)).unwrap_or_default();
    Some(TranscoderRule { headers, protocol: protocol?, conversion: Arc::new(conversion) })
}

fn conditions(fields: &Object<'_>) -> Vec<mecha_config::route::HeaderMatch> {
    if let Some((node, kind)) = fields.text_at("matcher_type").filter(|(_, kind)| *kind != SIMPLE) {
        node.error_with(
            format!("there is no matcher \"{}\"", shortened(kind)),
            format!("write \"{SIMPLE}\""),
        );
    }
    let Some(node) = fields.get("config").filter(|node| node.is_set()) else { return Vec::new() };
    if node.pairs().any(|(key, _)| key.text() == "headers") {
        node.object().map(|fields| matcher::headers(&fields)).unwrap_or_default()
    } else {
        matcher::header(node, true).into_iter().collect()
    }
}

/// The protocol that requests become.
fn target(info: &Object<'_>) -> Option<Protocol> {
    let sub = info.text_at("upstream_sub_protocol");
    let (node, name) = match info.text_at("upstream_protocol") {
        Some((_, "X")) if sub.is_some() => sub?,
        Some(found) => found,
        None => match sub {
            Some(sub) => sub,
            None => {
                info.node().error_with(
                    "the rule names no \"upstream_protocol\"",
                    "name for example \"dubbo\" or \"bolt\"",
                );
                return None;
            }
        },
    };
    let found = protocol::one(node, name)?;
    if matches!(found, Protocol::DubboThrift | Protocol::Tars) {
        node.error_with(
            format!("no request can be made one of {name}"),
            "convert to bolt, boltv2, dubbo, Http1 or Http2",
        );
        return None;
    }
    Some(found)
}

fn conversion(fields: &Object<'_>) -> Conversion {
    let text = |key| fields.text(key).map(str::to_owned);
    Conversion {
        service: text("service"),
        method: text("method"),
        version: text("version"),
        group: text("group"),
        types: fields.get("types").map(|_| fields.each("types", |node| node.string().map(str::to_owned))),
        opaque: fields.flag("opaque"),
        class: text("class"),
    }
}
