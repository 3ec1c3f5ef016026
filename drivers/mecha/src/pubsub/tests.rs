//! The broker by the suite of its building block, and what the suite does not know of: restarts, groups, order,
//! retention, space.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mecha_component::conformance;
use mecha_component::pubsub::{Message, TTL_KEY};
use mecha_component::{BoxFuture, ErrorKind};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::*;
use crate::testing::{Folder, properties};

type Refuse = Box<dyn Fn(usize, &str) -> bool + Send + Sync>;

/// Takes messages and writes them down; refuses what it is told to.
struct Taker {
    refuse: Refuse,
    calls: AtomicUsize,
    taken: watch::Sender<Vec<String>>,
    metadata: Mutex<Metadata>,
}

impl Taker {
    fn new() -> Arc<Self> {
        Self::refusing(|_, _| false)
    }

    /// Refuses what `refuse` says of the number of the message, counted from 0, and its text.
    fn refusing(refuse: impl Fn(usize, &str) -> bool + Send + Sync + 'static) -> Arc<Self> {
        let taken = watch::channel(Vec::new()).0;
        Arc::new(Taker {
            refuse: Box::new(refuse),
            calls: AtomicUsize::new(0),
            taken,
            metadata: Mutex::default(),
        })
    }

    async fn until(&self, count: usize) -> Vec<String> {
        let mut taken = self.taken.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_secs(30), taken.wait_for(|taken| taken.len() >= count));
        let found = waited.await.map(|taken| taken.unwrap().clone());
        found.unwrap_or_else(|_| {
            panic!("{count} messages should have come, {} did", self.taken.borrow().len())
        })
    }
}

impl Handler for Taker {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let mut results = Vec::new();
        for message in messages {
            let text = String::from_utf8(message.data.to_vec()).unwrap();
            let number = self.calls.fetch_add(1, Ordering::SeqCst);
            if (self.refuse)(number, &text) {
                results.push(Err(Error::internal("refused by the test")));
                continue;
            }
            *self.metadata.lock() = message.metadata;
            self.taken.send_modify(|taken| taken.push(text));
            results.push(Ok(()));
        }
        Box::pin(async move { results })
    }
}

async fn broker<const N: usize>(folder: &Folder, entries: [(&str, &str); N]) -> MechaPubSub {
    MechaPubSub::open(&properties(entries), &folder.context("pubsub")).await.unwrap()
}

async fn publish(broker: &MechaPubSub, topic: &str, text: &str) {
    let data = Bytes::copy_from_slice(text.as_bytes());
    let request = PublishRequest { topic: topic.to_owned(), data, ..Default::default() };
    PubSub::publish(broker, request).await.unwrap();
}

async fn subscribe(broker: &MechaPubSub, group: &str, taker: &Arc<Taker>) -> Arc<dyn Subscription> {
    let metadata = [(CONSUMER.to_owned(), group.to_owned())].into();
    let request = SubscribeRequest { topic: "t".to_owned(), metadata, bulk: None };
    PubSub::subscribe(broker, request, Arc::clone(taker) as Arc<dyn Handler>).await.unwrap()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_of_a_broker() {
    let folder = Folder::new();
    let broker = (PUBSUB.connect)(Properties::default(), folder.context("pubsub")).await.unwrap();
    let options = conformance::pubsub::Options { ordered: false, ..Default::default() };
    let report = conformance::pubsub::check(Arc::clone(&broker), options).await;
    assert!(report.ran.contains(&"bulk-subscribe"), "{report:?}");
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_them_in_order_with_one_call_at_a_time() {
    let folder = Folder::new();
    let properties = properties([("concurrency", "1")]);
    let broker = (PUBSUB.connect)(properties, folder.context("pubsub")).await.unwrap();
    conformance::pubsub::check(Arc::clone(&broker), conformance::pubsub::Options::default()).await;
    broker.close().await;
}

#[tokio::test]
async fn groups_go_on_where_they_were() {
    let folder = Folder::new();
    let first = broker(&folder, []).await;
    let taker = Taker::new();
    let subscription = subscribe(&first, "g", &taker).await;
    for text in numbers(0..5) {
        publish(&first, "t", &text).await;
    }
    taker.until(5).await;
    subscription.stop().await;
    for text in numbers(5..8) {
        publish(&first, "t", &text).await;
    }
    PubSub::close(&first).await;
    drop((subscription, first));

    let second = broker(&folder, [("concurrency", "1")]).await;
    let taker = Taker::new();
    let _subscription = subscribe(&second, "g", &taker).await;
    publish(&second, "t", "8").await;
    assert_eq!(taker.until(4).await, numbers(5..9));
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_a_restart() {
    let folder = Folder::new();
    let first = broker(&folder, [("redeliverInterval", "1h")]).await;
    let taker = Taker::refusing(|_, text| text == "1" || text == "3");
    let subscription = subscribe(&first, "g", &taker).await;
    for text in numbers(0..6) {
        publish(&first, "t", &text).await;
    }
    taker.until(4).await;
    subscription.stop().await;
    PubSub::close(&first).await;
    drop((subscription, first));

    let second = broker(&folder, [("concurrency", "1")]).await;
    let taker = Taker::new();
    let _subscription = subscribe(&second, "g", &taker).await;
    publish(&second, "t", "6").await;
    assert_eq!(taker.until(3).await, ["1", "3", "6"]);
}

#[tokio::test]
async fn members_of_a_group_share_and_groups_do_not() {
    let folder = Folder::new();
    let broker = broker(&folder, []).await;
    let (one, two, other) = (Taker::new(), Taker::new(), Taker::new());
    let _subscriptions = [
        subscribe(&broker, "g", &one).await,
        subscribe(&broker, "g", &two).await,
        subscribe(&broker, "other", &other).await,
    ];
    for text in numbers(0..50) {
        publish(&broker, "t", &text).await;
    }
    let mut all = other.until(50).await;
    all.sort();
    let mut shared = Vec::new();
    while shared.len() < 50 {
        shared = one.until(0).await;
        shared.extend(two.until(0).await);
        tokio::task::yield_now().await;
    }
    shared.sort();
    assert_eq!(shared, all);
}

#[tokio::test]
async fn a_dropped_subscription_gives_back_what_it_held() {
    struct Never;
    impl Handler for Never {
        fn handle(&self, _: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
            Box::pin(std::future::pending())
        }
    }
    let folder = Folder::new();
    let broker = broker(&folder, []).await;
    let request = SubscribeRequest { topic: "t".to_owned(), ..Default::default() };
    let held = PubSub::subscribe(&broker, request.clone(), Arc::new(Never)).await.unwrap();
    for text in numbers(0..3) {
        publish(&broker, "t", &text).await;
    }
    let taker = Taker::new();
    let _subscription =
        PubSub::subscribe(&broker, request, Arc::clone(&taker) as Arc<dyn Handler>).await.unwrap();
    drop(held);
    let mut texts = taker.until(3).await;
    texts.sort();
    assert_eq!(texts, numbers(0..3));
}

#[tokio::test]
async fn with_one_call_at_a_time_a_refused_message_keeps_its_place() {
    let folder = Folder::new();
    let broker = broker(&folder, [("concurrency", "1"), ("redeliverInterval", "1ms")]).await;
    let taker = Taker::refusing(|number, _| number == 2 || number == 3 || number == 7);
    for text in numbers(0..10) {
        publish(&broker, "t", &text).await;
    }
    let _subscription = subscribe(&broker, "g", &taker).await;
    assert_eq!(taker.until(10).await, numbers(0..10));
}

#[tokio::test]
async fn what_is_refused_for_ever_does_not_stop_the_others() {
    let folder = Folder::new();
    let broker = broker(&folder, [("redeliverInterval", "1h"), ("maxInFlight", "20")]).await;
    let taker = Taker::refusing(|_, text| text.ends_with('7'));
    let _subscription = subscribe(&broker, "g", &taker).await;
    for text in numbers(0..100) {
        publish(&broker, "t", &text).await;
    }
    assert_eq!(taker.until(90).await.len(), 90);
}

#[tokio::test]
async fn a_handler_that_panics_has_refused() {
    struct Panics(AtomicUsize, watch::Sender<bool>);
    impl Handler for Panics {
        fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "the first message is too much");
            self.1.send_replace(true);
            Box::pin(async move { messages.iter().map(|_| Ok(())).collect() })
        }
    }
    let folder = Folder::new();
    let broker = broker(&folder, [("redeliverInterval", "1ms")]).await;
    let handler = Arc::new(Panics(AtomicUsize::new(0), watch::channel(false).0));
    let request = SubscribeRequest { topic: "t".to_owned(), ..Default::default() };
    let _subscription =
        PubSub::subscribe(&broker, request, Arc::clone(&handler) as Arc<dyn Handler>).await.unwrap();
    publish(&broker, "t", "x").await;
    let mut handled = handler.1.subscribe();
    tokio::time::timeout(Duration::from_secs(30), handled.wait_for(|done| *done)).await.unwrap().unwrap();
}

#[tokio::test]
async fn new_groups_begin_where_they_are_told() {
    let folder = Folder::new();
    let oldest = broker(&folder, [("keepConsumed", "true")]).await;
    publish(&oldest, "t", "before").await;
    let taker = Taker::new();
    let _first = subscribe(&oldest, "first", &taker).await;
    assert_eq!(taker.until(1).await, ["before"]);
    let late = Taker::new();
    let _late = subscribe(&oldest, "late", &late).await;
    assert_eq!(late.until(1).await, ["before"]);

    let newest = broker(&folder, [("startAt", "newest")]).await;
    let taker = Taker::new();
    let _second = subscribe(&newest, "newest", &taker).await;
    publish(&newest, "t", "after").await;
    assert_eq!(taker.until(1).await, ["after"]);
}

#[tokio::test]
async fn messages_end_and_metadata_comes_along() {
    let folder = Folder::new();
    let broker = broker(&folder, []).await;
    let ended = message::encode(None, &Metadata::new(), b"ended");
    let topic = broker.broker().unwrap().topic("t").await.unwrap();
    topic.publish(vec![Outgoing { expires: 1, data: ended }], Durability::Commit).await.unwrap();
    let metadata: Metadata = [(TTL_KEY.to_owned(), "600".to_owned())].into();
    let request = PublishRequest {
        topic: "t".into(),
        data: Bytes::from_static(b"lives"),
        metadata,
        ..Default::default()
    };
    PubSub::publish(&broker, request.clone()).await.unwrap();
    let taker = Taker::new();
    let _subscription = subscribe(&broker, "g", &taker).await;
    assert_eq!(taker.until(1).await, ["lives"]);
    assert_eq!(*taker.metadata.lock(), request.metadata);

    let metadata = [(TTL_KEY.to_owned(), "soon".to_owned())].into();
    let refused = PubSub::publish(&broker, PublishRequest { metadata, ..request }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn bulk_entries_fail_one_by_one() {
    let folder = Folder::new();
    let broker = broker(&folder, []).await;
    let entry = |id: &str, ttl: &str| BulkEntry {
        id: id.to_owned(),
        data: Bytes::copy_from_slice(id.as_bytes()),
        metadata: [(TTL_KEY.to_owned(), ttl.to_owned())].into(),
        ..Default::default()
    };
    let entries = vec![entry("a", "600"), entry("b", "soon"), entry("c", "600")];
    let failed = PubSub::bulk_publish(&broker, "t", entries, &Metadata::new()).await.unwrap();
    assert_eq!(failed.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["b"]);
    let taker = Taker::new();
    let _subscription = subscribe(&broker, "g", &taker).await;
    assert_eq!(taker.until(2).await, ["a", "c"]);
}

#[tokio::test]
async fn no_more_is_kept_than_retention_allows() {
    let folder = Folder::new();
    let broker = broker(&folder, [("retentionBytes", "1000000"), ("durability", "none")]).await;
    let text = |number: usize| format!("{number:>5}{}", "x".repeat(9_995));
    for number in 0..300 {
        publish(&broker, "t", &text(number)).await;
    }
    let taker = Taker::new();
    let _subscription = subscribe(&broker, "g", &taker).await;
    publish(&broker, "t", "last").await;
    let mut taken = taker.taken.subscribe();
    let taken = taken.wait_for(|taken| taken.iter().any(|text| text == "last")).await.unwrap().len();
    // 64 KiB is as exact as a cut is for so small a log.
    assert!((100..=120).contains(&taken), "{taken} of 300 messages were kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_consumed_gives_its_space_back() {
    let folder = Folder::new();
    let broker = broker(&folder, [("durability", "none")]).await;
    let taker = Taker::new();
    let _subscription = subscribe(&broker, "g", &taker).await;
    let text = "x".repeat(20_000);
    // Sixty megabytes, ten at a time.
    for round in 1..=6 {
        for _ in 0..500 {
            publish(&broker, "t", &text).await;
        }
        taker.until(500 * round).await;
        taker.taken.send_modify(|taken| taken.iter_mut().for_each(String::clear));
    }
    // Two segments, a spare one, and what the file below grew to while a generation was on its way.
    assert!(folder.size() < 30 << 20, "{} bytes are left of what was consumed", folder.size());
}

#[tokio::test]
async fn wrong_properties_are_named() {
    let folder = Folder::new();
    for (name, value) in [
        ("startAt", "yesterday"),
        ("concurrency", "0"),
        ("maxInFlight", "many"),
        ("redeliverInterval", "0s"),
        ("retentionTime", "long"),
        ("retentionBytes", "-1"),
    ] {
        let opened = MechaPubSub::open(&properties([(name, value)]), &folder.context("p")).await;
        let error = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(name), "{name}: {error}");
    }
}
