//! Subscriptions by stream.

use mecha_component::pubsub::Metadata;

use super::*;
use crate::channel::Verdict;
use crate::pubsub::{StreamSubscription, SubscriptionKind};

async fn opened(bus: &Bus, dead_letter: Option<&str>) -> (Arc<Runtime>, StreamSubscription) {
    let runtime = testing::runtime(testing::config());
    testing::load(&runtime, "bus", bus.clone(), &[]);
    let stream =
        runtime.subscribe_stream("bus", "orders", Metadata::new(), dead_letter.map(str::to_owned)).await;
    (runtime, stream.unwrap())
}

#[tokio::test]
async fn verdicts_come_back_by_the_id_of_the_event() {
    let bus = Bus::default();
    let (_runtime, mut stream) = opened(&bus, Some("dead")).await;
    for (verdict, acknowledged, dead) in
        [(Verdict::Success, true, 0), (Verdict::Drop, true, 1), (Verdict::Retry, true, 2)]
    {
        let read = async {
            let event = stream.next().await.unwrap();
            assert_eq!((event.id.as_str(), event.event.envelope["data"].as_str()), ("7", Some("x")));
            assert!(!stream.processed("8", verdict), "nothing waits by that id");
            assert!(stream.acks().processed("7", verdict));
        };
        let (told, ()) = tokio::join!(bus.deliver("orders", &[r#"{"id":"7","data":"x"}"#]), read);
        assert_eq!((told[0].is_ok(), bus.sent("dead").len()), (acknowledged, dead), "{verdict:?}");
    }
}

#[tokio::test]
async fn the_same_event_twice_at_once_needs_two_verdicts() {
    let bus = Bus::default();
    let (_runtime, mut stream) = opened(&bus, None).await;
    let event = [r#"{"id":"7"}"#];
    let read = async {
        for _ in 0..2 {
            stream.next().await.unwrap();
        }
        assert!(stream.processed("7", Verdict::Success));
        assert!(stream.processed("7", Verdict::Retry));
        assert!(!stream.processed("7", Verdict::Success));
    };
    let (first, second, ()) =
        tokio::join!(bus.deliver("orders", &event), bus.deliver("orders", &event), read);
    assert_eq!((first[0].is_ok(), second[0].is_ok()), (true, false));
}

#[tokio::test]
async fn dropping_the_stream_ends_the_subscription_and_gives_back_what_is_open() {
    let bus = Bus::default();
    let (runtime, mut stream) = opened(&bus, Some("dead")).await;
    let read = async {
        stream.next().await.unwrap();
        drop(stream);
    };
    let (told, ()) = tokio::join!(bus.deliver("orders", &[r#"{"id":"7"}"#]), read);
    assert!(told[0].is_err(), "the broker hands it over again");
    assert!(bus.sent("dead").is_empty(), "it has not failed");
    assert_eq!(*bus.0.ended.lock(), ["orders"]);
    assert!(runtime.subscriptions().is_empty());
}

#[tokio::test]
async fn streams_are_listed_and_outlive_the_application_and_their_component() {
    let bus = Bus::default();
    let (runtime, mut stream) = opened(&bus, None).await;
    let [listed] = runtime.subscriptions().try_into().unwrap();
    assert_eq!((listed.kind, listed.subscription.topic.as_str()), (SubscriptionKind::Streaming, "orders"));
    runtime.stop_subscriptions().await;
    assert!(bus.0.ended.lock().is_empty());
    let new = Bus::default();
    runtime.release_pubsub("bus").await;
    testing::load(&runtime, "bus", new.clone(), &[]);
    runtime.on_pubsub_loaded("bus").await;
    let read = async {
        let event = stream.next().await.unwrap();
        stream.processed(&event.id, Verdict::Success);
    };
    let (told, ()) = tokio::join!(new.deliver("orders", &[r#"{"id":"1"}"#]), read);
    assert_eq!(told, [Ok(())]);
    runtime.close_subscriptions().await;
    assert!(stream.next().await.is_none(), "the stream is told that it is over");
    assert!(runtime.subscribe_stream("bus", "orders", Metadata::new(), None).await.is_err());
}

#[tokio::test]
async fn a_stream_that_can_not_be_is_refused() {
    let bus = Bus::default();
    let runtime = testing::runtime(testing::config());
    testing::load(&runtime, "bus", bus.clone(), &[("subscriptionScopes", "shop=orders")]);
    for (pubsub, topic, code) in [
        ("", "orders", "ERR_PUBSUB_EMPTY"),
        ("x", "orders", "ERR_PUBSUB_NOT_FOUND"),
        ("bus", "", "ERR_TOPIC_NAME_EMPTY"),
        ("bus", "secret", "ERR_PUBSUB_SUBSCRIBE"),
    ] {
        let error = runtime.subscribe_stream(pubsub, topic, Metadata::new(), None).await.err().unwrap();
        assert_eq!(error.code(), code);
    }
}
