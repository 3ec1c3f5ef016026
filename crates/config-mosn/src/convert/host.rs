//! Hosts of a cluster (reference 1.8).

use std::collections::BTreeMap;

use mecha_config::Host;
use mecha_document::{Node, Object};

use super::address;

/// Heaviest host (reference 1.8).
const MAX_WEIGHT: u32 = 128;

/// One host.
pub(super) fn host(node: Node<'_>) -> Option<Host> {
    let fields = node.object()?;
    fields.accept(&["tls_disable"]);
    let hostname = fields.text("hostname").unwrap_or_default().to_owned();
    let weight = weight(&fields);
    let metadata = metadata(&fields);
    let Some((place, text)) = fields.text_at("address") else {
        node.error_with("this host has no address", "set \"address\", for example \"127.0.0.1:8080\"");
        return None;
    };
    Some(Host { address: address::host(place, text)?, hostname, weight, metadata })
}

/// MOSN brings weights into 1 to 128; a weight that it would change is worth a word.
fn weight(fields: &Object<'_>) -> u32 {
    let Some(node) = fields.get("weight") else { return 1 };
    match node.whole(0, u32::MAX) {
        Some(weight) if (1..=MAX_WEIGHT).contains(&weight) => weight,
        Some(0) => {
            node.warn_with("a weight is at least 1, and 1 is used", "to take a host out, remove it");
            1
        }
        Some(weight) => {
            node.warn(format!("a weight is at most {MAX_WEIGHT}, which is used instead of {weight}"));
            MAX_WEIGHT
        }
        None => 1,
    }
}

/// `metadata.filter_metadata.mosn.lb`, whose keys are the user's.
fn metadata(fields: &Object<'_>) -> BTreeMap<String, String> {
    let Some(filters) = fields.object("metadata").and_then(|metadata| metadata.object("filter_metadata"))
    else {
        return BTreeMap::new();
    };
    let Some(labels) = filters.get("mosn.lb") else { return BTreeMap::new() };
    let pair = |(key, value): (Node<'_>, Node<'_>)| {
        value.string().map(|value| (key.text().to_owned(), value.to_owned()))
    };
    labels.pairs().filter_map(pair).collect()
}
