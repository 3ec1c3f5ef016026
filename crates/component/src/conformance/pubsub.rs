//! The suite of message brokers: [`check`] runs the base on every broker and the rest by its declared features.

mod base;
mod bulk;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::recorder::Recorder;
use super::{Report, refused, unique};
use crate::pubsub::{DynPubSub, Metadata, PublishRequest, SubscribeRequest, Subscription};
use crate::{Feature, Result};

/// What the suite can't see from outside.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Messages of a topic arrive in the order of publishing, as long as none is refused.
    pub ordered: bool,
    /// Everything published must have arrived after this.
    pub within: Duration,
}

impl Default for Options {
    /// Ordered, a minute.
    fn default() -> Self {
        Options { ordered: true, within: Duration::from_secs(60) }
    }
}

/// Holds `broker` to its promises.
///
/// # Panics
/// When it does not keep one.
pub async fn check(broker: Arc<dyn DynPubSub>, options: Options) -> Report {
    let run = unique();
    let features = broker.features();
    let mut report = Report::default();
    let subject = |case| Subject { broker: &*broker, case, run: &run, options };

    base::delivers(&subject("delivery")).await;
    base::redelivers(&subject("redelivery")).await;
    base::isolates(&subject("isolation")).await;
    base::stops(&subject("stop")).await;
    base::settles(&subject("settle")).await;
    report.ran.extend(["delivery", "redelivery", "isolation", "stop", "settle"]);
    if options.ordered {
        base::keeps_order(&subject("order")).await;
        report.ran.push("order");
    }
    if features.has(Feature::BulkPublish) {
        bulk::publishes(&subject("bulk-publish")).await;
        report.ran.push("bulk-publish");
    } else {
        let topic = subject("bulk-publish").topic("t");
        refused("bulk-publish", broker.bulk_publish(&topic, bulk::entries(1), &Metadata::new()).await);
        report.refused.push("bulk-publish");
    }
    if features.has(Feature::BulkSubscribe) {
        bulk::subscribes(&subject("bulk-subscribe")).await;
        report.ran.push("bulk-subscribe");
    }
    if features.has(Feature::SubscribeWildcards) {
        base::wildcards(&subject("wildcards")).await;
        report.ran.push("wildcards");
    }
    broker.ping().await.unwrap_or_else(|error| panic!("[ping] must succeed: {error}"));
    report
}

/// The broker in the hands of one case.
struct Subject<'a> {
    broker: &'a dyn DynPubSub,
    case: &'static str,
    run: &'a str,
    options: Options,
}

impl Subject<'_> {
    /// A topic of this case.
    fn topic(&self, name: &str) -> String {
        format!("{}-{}-{name}", self.run, self.case)
    }

    async fn publish(&self, name: &str, data: &str) {
        let request = PublishRequest {
            topic: self.topic(name),
            data: Bytes::copy_from_slice(data.as_bytes()),
            content_type: Some("text/plain".to_owned()),
            ..Default::default()
        };
        self.ok("publish", self.broker.publish(request).await);
    }

    async fn subscribe(&self, name: &str, recorder: &Recorder) -> Arc<dyn Subscription> {
        self.subscribe_bulk(name, recorder, None).await
    }

    async fn subscribe_bulk(
        &self,
        name: &str,
        recorder: &Recorder,
        bulk: Option<(usize, Duration)>,
    ) -> Arc<dyn Subscription> {
        let topic = self.topic(name);
        // A consumer of its own: brokers that share the messages of a topic out by consumer shall not here.
        let metadata = Metadata::from([("consumerID".to_owned(), unique())]);
        let request = SubscribeRequest { topic, metadata, bulk };
        self.ok("subscribe", self.broker.subscribe(request, recorder.handler()).await)
    }

    /// Waits until `recorder` has taken `count` messages.
    async fn arrive(&self, recorder: &Recorder, count: usize) {
        let arrived = tokio::time::timeout(self.options.within, recorder.taken_at_least(count)).await;
        let found = recorder.taken().len();
        assert!(arrived.is_ok(), "[{}] {count} messages must arrive, {found} did", self.case);
    }

    #[track_caller]
    fn ok<T>(&self, what: &str, result: Result<T>) -> T {
        result.unwrap_or_else(|error| panic!("[{}] {what} must succeed: {error:?}", self.case))
    }

    #[track_caller]
    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, found: T, expected: T) {
        assert!(found == expected, "[{}] {what}: expected {expected:?}, found {found:?}", self.case);
    }
}
