//! Nothing that a broker delivers, an application publishes or a rule says makes the runtime panic.

use bytes::Bytes;
use jiff::Timestamp;
use mecha_component::pubsub::Message;
use mecha_config::runtime::SubscriptionRule;
use proptest::prelude::*;
use serde_json::Value;

use crate::pubsub::envelope::{self, CLOUD_EVENT, Content};
use crate::pubsub::event::Event;
use crate::pubsub::rules::Rules;
use crate::trace::Trace;

fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(of), 0..30).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Vec<u8>> {
    let text = pieces(&[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "1",
        "-",
        "e9",
        ".5",
        "null",
        "true",
        " ",
        "\u{e9}",
        "\\ud800",
        "\"data\":",
        "\"data_base64\":\"AA==\"",
        "\"id\":\"1\"",
        "\"expiration\":\"2026-01-01T00:00:00Z\"",
        "\"traceparent\":\"\"",
        "\"traceid\":null",
        "\"type\":1",
    ]);
    prop_oneof![
        text.prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..80),
        // What is an object is read by everybody.
        pieces(&["\"a\"", ":", "1", ",", "{}", "[]"]).prop_map(|text| format!("{{{text}}}").into_bytes()),
    ]
}

fn content_type() -> impl Strategy<Value = String> {
    pieces(&[
        "application/json",
        CLOUD_EVENT,
        "application/octet-stream",
        "text/plain",
        ";",
        " charset=x",
        "+json",
        "/",
        "A",
    ])
}

fn metadata() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = pieces(&[
        "ce_",
        "CE_id",
        "traceparent",
        "tracestate",
        "content-type",
        "ttlInSeconds",
        "cloudevent.",
        "id",
        "-",
    ]);
    let value = pieces(&["1", "-9", "99999999999999999999", "true", "a=b", "\u{e9}", "\n"]);
    prop::collection::vec((name, value), 0..4)
}

fn expression() -> impl Strategy<Value = String> {
    let pieces = pieces(&[
        "event",
        ".data",
        ".type",
        "[0]",
        "[\"x\"]",
        "==",
        "<",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "/",
        "%",
        "(",
        ")",
        "?",
        ":",
        "in",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'a'",
        "r'a'",
        "b'a'",
        "\"",
        "0",
        "1u",
        "9223372036854775807",
        "1e400",
        "0x",
        "null",
        "true",
        " ",
        "\n",
        "\u{e9}",
        "size",
        "matches",
        "has",
        "exists",
        ".map(x, ",
        "duration('1s')",
        "timestamp(",
        "//",
    ]);
    prop_oneof![pieces, any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn deliveries_are_events_or_errors(
        data in json(), kind in prop::option::of(content_type()), metadata in metadata(), raw: bool,
    ) {
        let message = Message {
            topic: "orders".into(),
            data: Bytes::from(data.clone()),
            content_type: kind,
            metadata: metadata.into_iter().collect(),
        };
        if let Ok(event) = Event::read(&message, "bus", "orders", raw) {
            let body: Value = serde_json::from_slice(&event.body).unwrap();
            prop_assert!(body.is_object());
            let _ = (event.id(), event.expired(Timestamp::UNIX_EPOCH));
        } else {
            prop_assert!(!raw, "bytes are what they are");
        }
    }

    #[test]
    fn what_is_published_comes_back(data in json(), kind in content_type(), metadata in metadata(), expires: bool) {
        let metadata = metadata.into_iter().collect();
        let content = Content {
            pubsub: "bus",
            topic: "orders",
            app_id: "shop",
            data: &data,
            content_type: &kind,
            metadata: &metadata,
            trace: &Trace::default(),
            expires,
            now: Timestamp::MAX,
        };
        let Ok(bytes) = envelope::wrap(&content) else {
            prop_assert_eq!(envelope::base_type(&kind), CLOUD_EVENT);
            return Ok(());
        };
        let message =
            Message { topic: "orders".into(), data: bytes, content_type: None, metadata: Default::default() };
        let event = Event::read(&message, "bus", "orders", false).unwrap();
        prop_assert_eq!(event.envelope.get("topic").and_then(Value::as_str), Some("orders"));
    }

    #[test]
    fn rules_say_yes_no_or_why_not(matches in expression(), data in json()) {
        let rule = SubscriptionRule { matches, path: "/a".to_owned() };
        if let Ok(rules) = Rules::compile(&[rule]) {
            let event = serde_json::from_slice::<Value>(&data).unwrap_or_default();
            let _ = rules.path(event.as_object().unwrap_or(&Default::default()));
        }
    }
}
