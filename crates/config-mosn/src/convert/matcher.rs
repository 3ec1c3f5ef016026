//! What a request must look like (reference 1.7 rules 2 and 3).

use mecha_config::route::{HeaderMatch, PathMatch, RouteMatch, ValueMatch};
use mecha_document::{Node, Object};

use super::{headers as names, pattern};

/// The value that stands for any value.
const ANY: &str = ".*";

/// A route's `match`.
pub(super) fn matcher(fields: &Object<'_>) -> RouteMatch {
    for key in ["variables", "dsl_expressions"] {
        if let Some(node) = fields.get(key).filter(|node| node.is_set()) {
            node.error_with(
                format!("matching by \"{key}\" is not available yet, and the route can't be told without it"),
                "match by prefix, path, regex or headers",
            );
        }
    }
    RouteMatch { path: path(fields), headers: headers(fields) }
}

/// The conditions under `headers`.
pub(super) fn headers(fields: &Object<'_>) -> Vec<HeaderMatch> {
    let alone = fields.list("headers").count() == 1;
    fields.each("headers", |node| header(node, alone))
}

/// MOSN takes the first that is set: prefix, path, regex (reference 1.7 rule 2).
fn path(fields: &Object<'_>) -> PathMatch {
    let given = ["prefix", "path", "regex"].map(|key| (key, fields.text_at(key)));
    let mut given = given.into_iter().filter_map(|(key, found)| found.map(|found| (key, found)));
    let Some((key, (node, text))) = given.next() else { return PathMatch::Any };
    for (other, (node, _)) in given {
        node.warn(format!("\"{other}\" has no effect beside \"{key}\""));
    }
    match key {
        "prefix" => PathMatch::Prefix(text.to_owned()),
        "path" => PathMatch::Exact(text.to_owned()),
        _ => pattern::compile(node, text).map_or(PathMatch::Any, PathMatch::Regex),
    }
}

/// One condition; `alone` when the route has no other.
pub(super) fn header(node: Node<'_>, alone: bool) -> Option<HeaderMatch> {
    let fields = node.object()?;
    let name = names::name(fields.get("name"), node)?;
    let regex = fields.flag("regex");
    let value = match fields.text_at("value") {
        // A single condition on `service` is an index in MOSN, where `.*` needs no flag (rule 3).
        Some((_, ANY)) if regex || (alone && name == "service") => ValueMatch::Present,
        Some((node, text)) if regex => ValueMatch::Regex(pattern::compile(node, text)?),
        Some((_, text)) => ValueMatch::Exact(text.to_owned()),
        None => {
            node.warn_with(
                "without a \"value\" this matches an empty header only",
                "for any value write \"value\": \".*\", \"regex\": true",
            );
            ValueMatch::Exact(String::new())
        }
    };
    Some(HeaderMatch { name, value })
}
