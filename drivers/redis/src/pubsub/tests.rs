//! The broker against its suite on real servers, and what the suite does not know of: the layout, restarts, consumers that
//! died, messages that wait.

mod again;
mod places;
mod restart;
mod taker;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mecha_component::conformance::pubsub::{Options as Suite, check};
use mecha_component::pubsub::{DynPubSub, PublishRequest, SubscribeRequest, Subscription};
use mecha_component::{Feature, Result};

use self::taker::Taker;
use crate::testing::{Server, context, properties};

/// What is refused comes again soon.
const SOON: [(&str, &str); 2] = [("processingTimeout", "400ms"), ("redeliverInterval", "100ms")];

async fn open(host: &str, more: &[(&str, &str)]) -> Result<Arc<dyn DynPubSub>> {
    (crate::PUBSUB.connect)(properties(host, more), context()).await
}

async fn publish(broker: &dyn DynPubSub, topic: &str, text: &str) -> Result<()> {
    let data = Bytes::copy_from_slice(text.as_bytes());
    broker.publish(PublishRequest { topic: topic.to_owned(), data, ..Default::default() }).await
}

async fn subscribe(broker: &dyn DynPubSub, topic: &str, taker: &Arc<Taker>) -> Arc<dyn Subscription> {
    let request = SubscribeRequest { topic: topic.to_owned(), ..Default::default() };
    broker.subscribe(request, taker.clone()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_a_node() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &SOON).await.unwrap();
    let suite = Suite { ordered: false, ..Default::default() };
    let report = check(Arc::clone(&broker), suite).await;
    assert_eq!(report.refused, ["bulk-publish"]);
    assert!(!broker.features().has(Feature::BulkSubscribe));

    let one_by_one = [("concurrency", "1"), SOON[0], SOON[1]];
    let broker = open(&server.host(), &one_by_one).await.unwrap();
    let report = check(broker, Suite::default()).await;
    assert!(report.ran.contains(&"order"));
}

#[tokio::test]
async fn entries_and_groups_are_what_dapr_expects() {
    let server = Server::start(&[]);
    let broker = open(&server.host(), &[("consumerID", "orders")]).await.unwrap();
    let request = PublishRequest {
        topic: "t".to_owned(),
        data: Bytes::from_static(b"{\"id\":1}"),
        metadata: [("b", "2"), ("a", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Default::default()
    };
    broker.publish(request).await.unwrap();
    publish(&*broker, "t", "plain").await.unwrap();
    let rows = server.cli(&["xrange", "t", "-", "+"]);
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(&rows[1..5], ["data", "{\"id\":1}", "metadata", "{\"a\":\"1\",\"b\":\"2\"}"]);
    assert_eq!(&rows[6..], ["data", "plain"]);

    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    taker.until(2).await;
    let first = taker.messages().into_iter().find(|message| !message.metadata.is_empty()).unwrap();
    assert_eq!((first.topic.as_str(), first.metadata["b"].as_str()), ("t", "2"));
    subscription.stop().await;
    let groups = server.cli(&["xinfo", "groups", "t"]);
    assert!(groups.starts_with("name\norders\nconsumers\n1\npending\n0\n"), "{groups}");
    assert!(server.cli(&["xinfo", "consumers", "t", "orders"]).starts_with("name\norders\n"));

    // What Dapr's component adds, read here; without metadata it writes null.
    server.cli(&["xadd", "t", "*", "data", "from dapr", "metadata", "null"]);
    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    assert_eq!(taker.until(1).await, ["from dapr"]);
    subscription.stop().await;
}

#[tokio::test]
async fn streams_are_kept_short_when_asked() {
    let server = Server::start(&["--stream-node-max-entries", "10"]);
    let length = |topic: &str| server.cli(&["xlen", topic]).parse::<usize>().unwrap();
    let short = open(&server.host(), &[("maxLenApprox", "20")]).await.unwrap();
    let timed = open(&server.host(), &[("streamTTL", "1h")]).await.unwrap();
    server.cli(&["xadd", "old", "1-1", "data", "from 1970"]);
    (0..9).for_each(|number| drop(server.cli(&["xadd", "old", &format!("2-{number}"), "data", "x"])));
    for number in 0..100 {
        publish(&*short, "short", &number.to_string()).await.unwrap();
    }
    for number in 0..3 {
        publish(&*timed, "old", &number.to_string()).await.unwrap();
    }
    assert!((20..=40).contains(&length("short")), "{}", length("short"));
    assert_eq!(length("old"), 3, "what is older than an hour is gone");
}
