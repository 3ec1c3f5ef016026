//! Tests of publishing: what the broker gets, and what callers are told.

use std::sync::Arc;

use mecha_component::{Feature, Features};
use serde_json::json;

use super::*;
use crate::error::Detail;
use crate::pubsub::testing::{self, Bus};

const BULK: Features = Features::of(&[Feature::BulkPublish, Feature::Ttl]);

fn shop(bus: &Bus, properties: &[(&str, &str)]) -> Arc<Runtime> {
    let runtime = testing::runtime(testing::config());
    testing::load(&runtime, "bus", bus.clone(), properties);
    runtime
}

fn call(topic: &str, data: &'static str) -> PublishCall {
    PublishCall {
        pubsub: "bus".into(),
        topic: topic.into(),
        data: Bytes::from_static(data.as_bytes()),
        content_type: "application/json".into(),
        ..PublishCall::default()
    }
}

fn metadata(entries: &[(&str, &str)]) -> Metadata {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_message_reaches_the_broker_in_an_envelope() {
    let bus = Bus::default();
    shop(&bus, &[]).publish(call("orders", r#"{"n":1}"#)).await.unwrap();
    let [event] = bus.sent("orders").try_into().unwrap();
    assert_eq!((&event["data"], &event["source"]), (&json!({"n": 1}), &json!("shop")));
    assert_eq!(bus.0.published.lock()[0].content_type.as_deref(), Some("application/cloudevents+json"));
}

#[tokio::test]
async fn a_raw_message_goes_as_it_is() {
    let bus = Bus::default();
    let call = PublishCall { metadata: metadata(&[("rawPayload", "true")]), ..call("orders", "raw bytes") };
    shop(&bus, &[]).publish(call).await.unwrap();
    let published = bus.0.published.lock();
    assert_eq!(
        (&*published[0].data, published[0].content_type.as_deref()),
        (&b"raw bytes"[..], Some("application/json"))
    );
}

#[tokio::test]
async fn the_envelope_says_when_it_expires_only_where_the_driver_cannot() {
    let ttl = || PublishCall { metadata: metadata(&[("ttlInSeconds", "9")]), ..call("orders", "1") };
    let (plain, able) = (Bus::default(), Bus::with(Features::of(&[Feature::Ttl])));
    shop(&plain, &[]).publish(ttl()).await.unwrap();
    shop(&able, &[]).publish(ttl()).await.unwrap();
    assert!(plain.sent("orders")[0].get("expiration").is_some());
    assert!(able.sent("orders")[0].get("expiration").is_none());
    assert_eq!(able.0.published.lock()[0].metadata["ttlInSeconds"], "9");
}

#[tokio::test]
async fn what_can_not_be_published_is_told_as_dapr_tells_it() {
    let bus = Bus::default();
    let runtime = shop(&bus, &[("publishingScopes", "shop=orders,away")]);
    bus.0.refused.lock().push("away".into());
    let wrong_raw = PublishCall { metadata: metadata(&[("rawPayload", "maybe")]), ..call("orders", "") };
    let no_event =
        PublishCall { content_type: "application/cloudevents+json".into(), ..call("orders", "[]") };
    let cases = [
        (
            PublishCall { pubsub: String::new(), ..call("orders", "") },
            404,
            "ERR_PUBSUB_EMPTY",
            "pubsub name is empty",
        ),
        (
            PublishCall { pubsub: "x".into(), ..call("orders", "") },
            404,
            "ERR_PUBSUB_NOT_FOUND",
            "pubsub x is not found",
        ),
        (call("", ""), 404, "ERR_TOPIC_NAME_EMPTY", "topic is empty in pubsub bus"),
        (call("other", ""), 403, "ERR_PUBSUB_FORBIDDEN", "topic other is not allowed for app id shop"),
        (
            call("away", ""),
            500,
            "ERR_PUBSUB_PUBLISH_MESSAGE",
            "error when publishing to topic away in pubsub bus: the broker is away",
        ),
        (
            wrong_raw,
            400,
            "ERR_PUBSUB_REQUEST_METADATA",
            "failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is 'maybe'",
        ),
        (no_event, 500, "ERR_PUBSUB_CLOUD_EVENTS_SER", "cannot create cloudevent"),
    ];
    for (call, status, code, message) in cases {
        let error = runtime.publish(call).await.unwrap_err();
        assert_eq!((error.http(), error.code(), error.message()), (status, code, message));
        assert!(matches!(error.details().last(), Some(Detail::ErrorInfo { .. })), "{code}");
    }
    assert_eq!(bus.0.published.lock().len(), 0);
}

#[tokio::test]
async fn scopes_are_read_anew_when_the_component_is() {
    let bus = Bus::default();
    let runtime = shop(&bus, &[("publishingScopes", "shop=")]);
    assert_eq!(runtime.publish(call("orders", "1")).await.unwrap_err().code(), "ERR_PUBSUB_FORBIDDEN");
    testing::load(&runtime, "bus", bus.clone(), &[]);
    runtime.publish(call("orders", "1")).await.unwrap();
}

fn bulk(entries: &[(&str, &'static str)]) -> BulkPublishCall {
    let entry = |(id, data): &(&str, &'static str)| BulkPublishEntry {
        id: (*id).to_owned(),
        data: Bytes::from_static(data.as_bytes()),
        content_type: "text/plain".into(),
        metadata: Metadata::new(),
    };
    BulkPublishCall {
        pubsub: "bus".into(),
        topic: "orders".into(),
        entries: entries.iter().map(entry).collect(),
        ..BulkPublishCall::default()
    }
}

#[tokio::test]
async fn a_bulk_goes_at_once_to_brokers_that_can() {
    let bus = Bus::with(BULK);
    bus.0.refused.lock().push("2".into());
    let failed = shop(&bus, &[]).publish_bulk(bulk(&[("1", "a"), ("2", "b")])).await.unwrap();
    assert_eq!(failed, [FailedEntry { id: "2".into(), error: "no".into() }]);
    let bulks = bus.0.bulks.lock();
    let first: serde_json::Value = serde_json::from_slice(&bulks[0][0].data).unwrap();
    assert_eq!((bulks.len(), &first["data"]), (1, &json!("a")));
}

#[tokio::test]
async fn a_bulk_goes_one_by_one_and_in_order_elsewhere() {
    let bus = Bus::default();
    let runtime = shop(&bus, &[]);
    assert_eq!(runtime.publish_bulk(bulk(&[("1", "a"), ("2", "b"), ("3", "c")])).await.unwrap(), []);
    let data: Vec<_> = bus.sent("orders").iter().map(|event| event["data"].clone()).collect();
    assert_eq!(data, ["a", "b", "c"]);
    bus.0.refused.lock().push("orders".into());
    let failed = runtime.publish_bulk(bulk(&[("1", "a")])).await.unwrap();
    assert_eq!(failed, [FailedEntry { id: "1".into(), error: "the broker is away".into() }]);
}

#[tokio::test]
async fn entries_of_a_bulk_need_ids_of_their_own() {
    let runtime = shop(&Bus::default(), &[]);
    for entries in [[("1", "a"), ("1", "b")], [("", "a"), ("2", "b")]] {
        let error = runtime.publish_bulk(bulk(&entries)).await.unwrap_err();
        assert_eq!((error.code(), error.http()), ("ERR_PUBSUB_EVENTS_SER", 400));
        assert!(error.message().ends_with("error: entryId is duplicated or not present for entry"));
    }
}

#[test]
fn the_event_of_an_entry_is_read_by_its_content_type() {
    assert_eq!(event_bytes(&json!({"a": 1}), "application/json").unwrap(), r#"{"a":1}"#);
    assert_eq!(event_bytes(&json!("a"), "application/json").unwrap(), r#""a""#);
    assert_eq!(event_bytes(&json!("a"), "text/plain").unwrap(), "a");
    assert_eq!(event_bytes(&json!("/wA="), "application/octet-stream").unwrap(), &[0xff, 0][..]);
    assert!(event_bytes(&json!({}), "text/plain").is_err());
    assert!(event_bytes(&json!("!"), "application/octet-stream").is_err());
}
