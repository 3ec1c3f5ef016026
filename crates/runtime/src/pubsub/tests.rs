//! Tests of subscriptions, by what the application and the broker see.

mod bulk;
mod delivery;
mod garbage;
mod manager;
mod stream;

use std::sync::Arc;

use mecha_config::runtime::{Subscription, SubscriptionRule};

use super::testing::{self, App, Bus, Got};
use crate::runtime::Runtime;

/// The wish for a topic of `bus`, at a path.
fn wish(topic: &str, path: &str) -> Subscription {
    Subscription {
        name: format!("{topic}-subscription"),
        pubsub: "bus".into(),
        topic: topic.into(),
        rules: vec![SubscriptionRule { matches: String::new(), path: path.into() }],
        ..Subscription::default()
    }
}

/// A runtime with an application and a broker, delivering what files declare.
async fn started(bus: &Bus, declared: Vec<Subscription>) -> (Arc<Runtime>, Arc<App>, Got) {
    let mut config = testing::config();
    config.resources.subscriptions = declared;
    let runtime = testing::runtime(config);
    testing::load(&runtime, "bus", bus.clone(), &[]);
    let (app, got) = App::of(&runtime);
    runtime.start_subscriptions().await;
    (runtime, app, got)
}
