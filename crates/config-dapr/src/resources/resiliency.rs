//! Resiliency resources: named policies and what they apply to. Whoever calls leaves out a resource in which anything is
//! wrong.

mod policy;

use std::collections::BTreeMap;

use mecha_config::runtime::Resiliency;
use mecha_config::runtime::resiliency::{ComponentTarget, Target};
use mecha_document::{Node, Object};

use super::head::Head;

/// A resource, as far as it can be read.
pub(super) fn resiliency(head: &Head<'_>) -> Resiliency {
    let mut made = Resiliency { name: head.name.clone(), place: head.place(), ..Resiliency::default() };
    if let Some(policies) = head.spec.object("policies") {
        made.timeouts = by_name(&policies, "timeouts", policy::time);
        made.retries = by_name(&policies, "retries", policy::retry);
        made.breakers = by_name(&policies, "circuitBreakers", policy::breaker);
    }
    if let Some(targets) = head.spec.object("targets") {
        // Actors are not available yet.
        targets.accept(&["actors"]);
        made.apps = by_name(&targets, "apps", |node| Some(target(&node.object()?)));
        made.components = by_name(&targets, "components", component);
        unknown_policies(&made, &targets);
    }
    made
}

/// What `read` makes of each value of the map under a key.
fn by_name<'d, T>(
    fields: &Object<'d>,
    key: &'static str,
    read: impl Fn(Node<'d>) -> Option<T>,
) -> BTreeMap<String, T> {
    let pairs = fields.get(key).into_iter().flat_map(Node::pairs);
    pairs.filter_map(|(name, value)| Some((name.text().to_owned(), read(value)?))).collect()
}

fn target(fields: &Object<'_>) -> Target {
    let text = |key| fields.text(key).map(str::to_owned);
    Target {
        timeout: text("timeout"),
        retry: text("retry"),
        breaker: text("circuitBreaker"),
        breaker_cache: fields.size("circuitBreakerCacheSize").filter(|size| *size > 0),
    }
}

fn component(node: Node<'_>) -> Option<ComponentTarget> {
    let fields = node.object()?;
    let side = |key| fields.object(key).map(|side| target(&side)).unwrap_or_default();
    Some(ComponentTarget { inbound: side("inbound"), outbound: side("outbound") })
}

/// Warns about targets whose policies this resource does not hold: another may, and if none does they have no effect.
fn unknown_policies(made: &Resiliency, targets: &Object<'_>) {
    let sides = made.components.values().flat_map(|target| [&target.inbound, &target.outbound]);
    for target in made.apps.values().chain(sides) {
        let named = [
            (
                "timeout",
                &target.timeout,
                target.timeout.as_ref().is_some_and(|n| made.timeouts.contains_key(n)),
            ),
            ("retry", &target.retry, target.retry.as_ref().is_some_and(|n| made.retries.contains_key(n))),
            (
                "circuitBreaker",
                &target.breaker,
                target.breaker.as_ref().is_some_and(|n| made.breakers.contains_key(n)),
            ),
        ];
        for (key, name, known) in named {
            if let (Some(name), false) = (name, known) {
                targets.node().warn_with(
                    format!("no {key} policy \"{}\" is declared here", mecha_document::shortened(name)),
                    "without one in another resource the target has none",
                );
            }
        }
    }
}
