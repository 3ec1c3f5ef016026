//! One message: what the application gets, and what becomes of the message by its answer.

use std::time::Duration;

use mecha_component::memory::MemoryPubSub;
use mecha_config::runtime::resiliency::{ComponentTarget, Pause, Retry, Target};
use mecha_config::runtime::{Resiliency, SubscriptionRule};
use serde_json::json;

use super::*;
use crate::channel::Verdict;
use crate::error::ApiError;
use crate::publish::PublishCall;

const EVENT: &str = r#"{"id":"1","data":{"amount":5},"traceparent":"00-aa-bb-01"}"#;

#[tokio::test]
async fn the_application_gets_the_event_at_its_path() {
    let bus = Bus::default();
    let (_runtime, _, mut got) = started(&bus, vec![wish("orders", "/orders")]).await;
    assert_eq!(bus.deliver("orders", &[EVENT]).await, [Ok(())]);
    let event = got.events.recv().await.unwrap();
    assert_eq!((&*event.pubsub, event.topic.as_str(), event.path.as_str()), ("bus", "orders", "/orders"));
    assert_eq!((&*event.body, event.metadata["offset"].as_str()), (EVENT.as_bytes(), "1"));
    assert_eq!(event.envelope["data"], json!({"amount": 5}));
}

/// What the broker is told, and whether the message went to the dead-letter topic, for an answer of the application.
async fn told(answer: Result<Verdict, ApiError>, dead_letter: bool) -> (bool, bool) {
    let bus = Bus::default();
    let mut wish = wish("orders", "/orders");
    wish.dead_letter = dead_letter.then(|| "dead".to_owned());
    let (_runtime, app, _got) = started(&bus, vec![wish]).await;
    app.answers.lock().push_back(answer);
    let [result] = bus.deliver("orders", &[EVENT]).await.try_into().unwrap();
    (result.is_ok(), !bus.sent("dead").is_empty())
}

#[tokio::test]
async fn verdicts_become_acknowledgements_and_dead_letters() {
    let failed = || Err(ApiError::internal("boom"));
    for (answer, without, with) in [
        (Ok(Verdict::Success), (true, false), (true, false)),
        (Ok(Verdict::Drop), (true, false), (true, true)),
        (Ok(Verdict::Retry), (false, false), (true, true)),
        (failed(), (false, false), (true, true)),
    ] {
        assert_eq!(told(answer.clone(), false).await, without, "{answer:?} without a dead-letter topic");
        assert_eq!(told(answer.clone(), true).await, with, "{answer:?} with a dead-letter topic");
    }
}

#[tokio::test]
async fn a_message_comes_again_when_its_dead_letter_is_refused() {
    let bus = Bus::default();
    let mut wish = wish("orders", "/orders");
    wish.dead_letter = Some("dead".into());
    let (_runtime, app, _got) = started(&bus, vec![wish]).await;
    bus.0.refused.lock().push("dead".into());
    app.answers.lock().push_back(Ok(Verdict::Drop));
    assert!(bus.deliver("orders", &[EVENT]).await[0].is_err());
}

#[tokio::test]
async fn a_dead_letter_is_the_message_as_it_came() {
    let bus = Bus::default();
    let mut wish = wish("orders", "/orders");
    wish.dead_letter = Some("dead".into());
    let (_runtime, _app, mut got) = started(&bus, vec![wish]).await;
    assert_eq!(bus.deliver("orders", &["no event"]).await, [Ok(())]);
    let published = bus.0.published.lock();
    assert_eq!((&*published[0].data, published[0].metadata["offset"].as_str()), (&b"no event"[..], "1"));
    assert!(got.events.try_recv().is_err(), "the application does not get it");
}

#[tokio::test]
async fn an_expired_or_unroutable_event_is_dropped() {
    let bus = Bus::default();
    let mut orders = wish("orders", "/orders");
    orders.rules[0].matches = "event.data.amount > 10".into();
    let (_runtime, _app, mut got) = started(&bus, vec![orders, wish("late", "/late")]).await;
    assert_eq!(bus.deliver("orders", &[EVENT]).await, [Ok(())]);
    let expired = r#"{"id":"1","expiration":"2001-01-01T00:00:00Z"}"#;
    assert_eq!(bus.deliver("late", &[expired]).await, [Ok(())]);
    assert!(got.events.try_recv().is_err());
}

#[tokio::test]
async fn rules_choose_the_path_and_one_that_fails_brings_the_message_again() {
    let bus = Bus::default();
    let mut orders = wish("orders", "/rest");
    let rule = SubscriptionRule { matches: "event.data.amount > 4".into(), path: "/big".into() };
    orders.rules.insert(0, rule);
    let (_runtime, _app, mut got) = started(&bus, vec![orders]).await;
    bus.deliver("orders", &[EVENT, r#"{"id":"2","data":{"amount":1}}"#]).await;
    assert_eq!(got.events.recv().await.unwrap().path, "/big");
    assert_eq!(got.events.recv().await.unwrap().path, "/rest");
    assert!(bus.deliver("orders", &[r#"{"id":"3","data":"text"}"#]).await[0].is_err());
}

#[tokio::test]
async fn a_raw_subscription_gets_bytes_in_an_envelope() {
    let bus = Bus::default();
    let mut raw = wish("orders", "/orders");
    raw.metadata.insert("rawPayload".into(), "true".into());
    let (_runtime, _app, mut got) = started(&bus, vec![raw]).await;
    assert_eq!(bus.deliver("orders", &["hello"]).await, [Ok(())]);
    let event = got.events.recv().await.unwrap();
    assert_eq!(event.envelope["data_base64"], "aGVsbG8=");
}

/// A policy that tries deliveries of `bus` three times more, without a pause.
fn retried() -> Resiliency {
    let pause = Pause::Constant(Duration::ZERO);
    let retry = Retry { pause, max_retries: Some(3), http_codes: None, grpc_codes: None };
    let inbound = Target { retry: Some("again".into()), ..Target::default() };
    Resiliency {
        name: "r".into(),
        retries: [("again".to_owned(), retry)].into(),
        components: [("bus".to_owned(), ComponentTarget { inbound, ..ComponentTarget::default() })].into(),
        ..Resiliency::default()
    }
}

#[tokio::test]
async fn the_inbound_policy_tries_again_before_the_broker_does() {
    let mut config = testing::config();
    config.resources.subscriptions = vec![wish("orders", "/orders")];
    config.resources.resiliency = vec![retried()];
    let runtime = testing::runtime(config);
    let bus = Bus::default();
    testing::load(&runtime, "bus", bus.clone(), &[]);
    let (app, mut got) = App::of(&runtime);
    runtime.start_subscriptions().await;
    app.answers.lock().extend([Ok(Verdict::Retry), Err(ApiError::internal("boom")), Ok(Verdict::Success)]);
    assert_eq!(bus.deliver("orders", &[EVENT]).await, [Ok(())]);
    let tries = std::iter::from_fn(|| got.events.try_recv().ok()).count();
    assert_eq!(tries, 3);
}

#[tokio::test]
async fn what_is_published_arrives_and_what_is_refused_comes_again() {
    let mut config = testing::config();
    config.resources.subscriptions = vec![wish("orders", "/orders")];
    let runtime = testing::runtime(config);
    testing::load(&runtime, "bus", MemoryPubSub::new(runtime.tasks().clone()), &[]);
    let (app, mut got) = App::of(&runtime);
    runtime.start_subscriptions().await;
    app.answers.lock().extend([Ok(Verdict::Retry), Err(ApiError::internal("boom"))]);
    let call = PublishCall {
        pubsub: "bus".into(),
        topic: "orders".into(),
        data: bytes::Bytes::from_static(b"hello"),
        ..PublishCall::default()
    };
    runtime.publish(call).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let event = got.events.recv().await.unwrap();
        assert_eq!((&event.envelope["data"], &event.envelope["source"]), (&json!("hello"), &json!("shop")));
        ids.push(event.envelope["id"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "it is the same event each time");
    runtime.close_subscriptions().await;
}
