//! Subscriptions of both versions.

use std::collections::BTreeMap;
use std::time::Duration;

use mecha_config::runtime::component::Bulk;
use mecha_config::runtime::{Subscription, SubscriptionRule};
use mecha_document::{Node, Object};

use super::head::{Head, Kind};

/// A subscription; `None` when it has no topic or no broker.
pub(super) fn subscription(head: &Head<'_>, kind: Kind) -> Option<Subscription> {
    let spec = &head.spec;
    let rules = match kind {
        Kind::SubscriptionV2 => rules(spec),
        _ => spec.text("route").map(always).into_iter().collect(),
    };
    let subscription = Subscription {
        name: head.name.clone(),
        pubsub: spec.text("pubsubname").unwrap_or_default().to_owned(),
        topic: spec.text("topic").unwrap_or_default().to_owned(),
        rules,
        metadata: metadata(spec),
        dead_letter: spec.text("deadLetterTopic").map(str::to_owned),
        bulk: spec.object("bulkSubscribe").and_then(|bulk| self::bulk(&bulk)),
        place: head.place(),
    };
    let mut complete = true;
    for (key, value) in [("pubsubname", &subscription.pubsub), ("topic", &subscription.topic)] {
        if value.is_empty() {
            spec.node().error_with(format!("this subscription has no {key}"), format!("set spec.{key}"));
            complete = false;
        }
    }
    if subscription.rules.is_empty() {
        let key = if kind == Kind::SubscriptionV2 { "spec.routes.default" } else { "spec.route" };
        spec.node()
            .warn_with("this subscription has no route: its messages reach nobody", format!("set {key}"));
    }
    complete.then_some(subscription)
}

fn always(path: &str) -> SubscriptionRule {
    SubscriptionRule { matches: String::new(), path: path.to_owned() }
}

/// `routes {rules [{match, path}], default}`.
fn rules(spec: &Object<'_>) -> Vec<SubscriptionRule> {
    let Some(routes) = spec.object("routes") else { return Vec::new() };
    let rule = |node: Node<'_>| {
        let fields = node.object()?;
        let matches = fields.text("match").unwrap_or_default().trim().to_owned();
        let path = fields.text("path").unwrap_or_default().to_owned();
        Some(SubscriptionRule { matches, path })
    };
    let mut rules = routes.each("rules", rule);
    rules.extend(routes.text("default").map(always));
    rules
}

/// `metadata`, a map whose values are strings; others are taken as they are written.
fn metadata(spec: &Object<'_>) -> BTreeMap<String, String> {
    let pairs = spec.get("metadata").into_iter().flat_map(Node::pairs);
    pairs.map(|(key, value)| (key.text().to_owned(), value.plain())).collect()
}

/// `bulkSubscribe {enabled, maxMessagesCount, maxAwaitDurationMs}`; zero means the default.
fn bulk(fields: &Object<'_>) -> Option<Bulk> {
    let defaults = Bulk::default();
    let most = fields.size("maxMessagesCount").filter(|most| *most > 0);
    let wait = fields.number("maxAwaitDurationMs").filter(|wait| *wait > 0);
    let bulk = Bulk {
        max_messages: most.unwrap_or(defaults.max_messages),
        max_await: wait.map_or(defaults.max_await, |wait| Duration::from_millis(wait.into())),
    };
    fields.flag("enabled").then_some(bulk)
}
