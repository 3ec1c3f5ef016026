//! What the application wishes for: asked from it, merged with what files declare. For the same topic of the same
//! component a declaration wins (reference 1.6).

use std::collections::HashSet;
use std::time::Duration;

use mecha_config::runtime::Subscription;
use tokio::time::sleep;

use super::{ListedSubscription, SubscriptionKind};
use crate::runtime::Runtime;

/// Pauses before the application is asked again: three tries that grow by half from 500 ms (reference 3.4).
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_millis(750), Duration::from_millis(1125)];

/// What the application answers; `None` when it can't be asked.
pub(super) async fn ask(runtime: &Runtime) -> Option<Vec<Subscription>> {
    let channel = runtime.channel()?;
    if !runtime.config().app.init_subscribe {
        tracing::info!("Skipping programmatic subscription loading");
        return Some(Vec::new());
    }
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match channel.subscriptions().await {
            Ok(wishes) => return Some(wishes),
            Err(error) => error,
        };
        match pauses.next().filter(|_| error.http() >= 500) {
            Some(pause) => sleep(pause).await,
            None => {
                tracing::error!("error getting topic list from app: {error}");
                return None;
            }
        }
    }
}

/// Everything that is wished for, each topic of a component once.
pub(super) fn merge(declared: &[Subscription], asked: &[Subscription]) -> Vec<ListedSubscription> {
    let kinds = declared
        .iter()
        .map(|wish| (wish, SubscriptionKind::Declarative))
        .chain(asked.iter().map(|wish| (wish, SubscriptionKind::Programmatic)));
    let mut seen = HashSet::new();
    let mut merged = Vec::new();
    for (wish, kind) in kinds {
        if seen.insert((wish.pubsub.as_str(), wish.topic.as_str())) {
            merged.push(ListedSubscription { subscription: wish.clone(), kind });
        } else {
            let Subscription { pubsub, topic, place, .. } = wish;
            tracing::warn!(
                "topic {topic} of pubsub {pubsub} has a subscription already; the {} one ({place}) is ignored",
                kind.name()
            );
        }
    }
    merged
}

/// Says once for each component what the application gets.
pub(super) fn log<'a>(wishes: impl Iterator<Item = &'a Subscription>) {
    let mut topics = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for wish in wishes {
        topics.entry(&wish.pubsub).or_default().push(&wish.topic);
    }
    for (pubsub, topics) in topics {
        let topics = topics.join(" ");
        tracing::info!("app is subscribed to the following topics: [{topics}] through pubsub={pubsub}");
    }
}
