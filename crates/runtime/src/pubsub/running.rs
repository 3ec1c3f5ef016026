//! A subscription that runs: the driver's end, what it does with messages, and how it begins and ends.

use std::sync::Arc;
use std::time::Duration;

use mecha_component::Feature;
use mecha_component::pubsub::{Handler, SubscribeRequest, Subscription as DriverSubscription};
use mecha_config::runtime::Subscription;
use tokio::sync::watch;
use tokio::time::timeout;

use super::bulk::Many;
use super::collect::Collector;
use super::delivery::{Delivery, Single, Target};
use super::metadata;
use super::rules::Rules;
use crate::runtime::Runtime;

/// How long messages under way may take when a subscription ends (reference 1.6).
const DRAIN: Duration = Duration::from_secs(30);
/// How long a driver may take to begin a subscription. One that hangs must not hold up changes of the others.
pub(super) const BEGINNING: Duration = Duration::from_secs(10);
/// Who consumes; the application unless said.
const CONSUMER: &str = "consumerID";

/// A subscription that runs. Dropping it ends it without waiting.
pub(super) struct Running {
    delivery: Arc<Delivery>,
    driver: Arc<dyn DriverSubscription>,
}

/// Why a subscription can't begin.
#[derive(Clone, Debug)]
pub(super) struct NotStarted {
    pub(super) text: String,
    /// It may be able to later.
    pub(super) again: bool,
}

impl Running {
    /// Begins a subscription.
    pub(super) async fn start(
        runtime: &Arc<Runtime>,
        wish: &Subscription,
        target: Target,
    ) -> Result<Self, NotStarted> {
        let never = |text: String| NotStarted { text, again: false };
        let Subscription { pubsub, topic, .. } = wish;
        // Loading the component begins it.
        let broker = runtime.broker(pubsub).ok_or_else(|| never(format!("pubsub {pubsub} is not found")))?;
        if !broker.access.may_subscribe(topic) {
            let text = format!("subscription to topic '{topic}' on pubsub '{pubsub}' is not allowed");
            return Err(never(text));
        }
        let raw = metadata::raw_payload(&wish.metadata).map_err(never)?;
        let rules = Rules::compile(&wish.rules).map_err(never)?;
        let mut request = SubscribeRequest {
            topic: broker.access.outer(topic.clone()),
            metadata: wish.metadata.clone(),
            bulk: None,
        };
        if metadata::get(&request.metadata, CONSUMER).is_none() {
            request.metadata.insert(CONSUMER.to_owned(), broker.consumer.clone());
        }
        let again = |error: mecha_component::Error| NotStarted {
            text: format!("failed to subscribe to topic {topic}: {error}"),
            again: true,
        };
        let driver = broker.driver().map_err(again)?;
        let is_bulk = broker.features.has(Feature::BulkSubscribe);
        let delivery = Arc::new(Delivery {
            runtime: Arc::downgrade(runtime),
            broker,
            raw,
            rules,
            dead_letter: wish.dead_letter.clone().filter(|topic| !topic.is_empty()),
            target,
            closing: watch::Sender::new(false),
        });
        let handler: Arc<dyn Handler> = match wish.bulk {
            None => Arc::new(Single(delivery.clone())),
            Some(bulk) if is_bulk => {
                request.bulk = Some((bulk.max_messages.max(1), bulk.max_await));
                Arc::new(Many(delivery.clone()))
            }
            Some(bulk) => Arc::new(Collector::new(delivery.clone(), bulk, runtime.tasks())),
        };
        let late = |_| NotStarted {
            text: format!("failed to subscribe to topic {topic}: no answer of the broker in {BEGINNING:?}"),
            again: true,
        };
        let subscribed = timeout(BEGINNING, driver.subscribe(request, handler)).await;
        let driver = subscribed.map_err(late)?.map_err(again)?;
        Ok(Running { delivery, driver })
    }

    /// Says that it ends: nothing is tried again, nothing counts as failed.
    pub(super) fn begin_to_end(&self) {
        self.delivery.closing.send_replace(true);
    }

    /// Takes no more messages and waits, to a limit, until those under way are settled.
    pub(super) async fn stop(self) {
        self.begin_to_end();
        if timeout(DRAIN, self.driver.stop()).await.is_err() {
            tracing::warn!(
                "messages of pubsub {} were still under way after {DRAIN:?}; they come again",
                self.delivery.broker.name
            );
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begin_to_end();
    }
}
