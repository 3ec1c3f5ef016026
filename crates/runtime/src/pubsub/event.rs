//! A message of a broker as the CloudEvent that the application gets (reference 1.6): the envelope it is, one made of
//! its `ce_*` metadata, or a fresh one around bytes of a raw subscription.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use mecha_component::pubsub::Message;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::envelope::{self, BYTES, SOURCE, SPEC_VERSION, TYPE};
use super::metadata;
use crate::trace::{TRACE_ID, TRACEPARENT, TRACESTATE};

/// Where brokers without a place for it keep the content type.
const CONTENT_TYPE: &str = "content-type";
/// Metadata of CloudEvents in binary mode begins so.
const BINARY_PREFIX: &str = "ce_";

/// An event.
pub(super) struct Event {
    pub(super) envelope: Arc<Map<String, Value>>,
    /// The envelope as JSON.
    pub(super) body: Bytes,
}

impl Event {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is no CloudEvent and must be one.
    pub(super) fn read(message: &Message, pubsub: &str, topic: &str, raw: bool) -> Result<Self, String> {
        let kind = content_type(message).unwrap_or_default();
        let (mut envelope, body) = if raw {
            (around(message, pubsub, topic), None)
        } else if envelope::is_binary(kind) {
            (from_binary(message, pubsub, topic, kind), None)
        } else {
            let parsed = serde_json::from_slice(&message.data).map_err(|error| error.to_string())?;
            (parsed, Some(message.data.clone()))
        };
        trace_of(message, &mut envelope);
        let body = match body {
            Some(body) => body,
            None => serde_json::to_vec(&envelope).map(Bytes::from).map_err(|error| error.to_string())?,
        };
        Ok(Event { envelope: Arc::new(envelope), body })
    }

    /// For messages.
    pub(super) fn id(&self) -> &str {
        self.envelope.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The time that it has expired by, when it has.
    pub(super) fn expired(&self, now: Timestamp) -> Option<&str> {
        let text = self.envelope.get("expiration")?.as_str()?;
        text.parse::<Timestamp>().ok().filter(|end| *end < now).map(|_| text)
    }
}

/// The content type of a message, wherever the broker keeps it.
pub(super) fn content_type(message: &Message) -> Option<&str> {
    message.content_type.as_deref().or_else(|| metadata::get(&message.metadata, CONTENT_TYPE))
}

/// A fresh CloudEvent around bytes; its id changes with each delivery.
fn around(message: &Message, pubsub: &str, topic: &str) -> Map<String, Value> {
    let fields = [
        ("id", Uuid::new_v4().to_string()),
        ("specversion", SPEC_VERSION.to_owned()),
        ("datacontenttype", BYTES.to_owned()),
        ("source", SOURCE.to_owned()),
        ("type", TYPE.to_owned()),
        ("topic", topic.to_owned()),
        ("pubsubname", pubsub.to_owned()),
        ("data_base64", BASE64.encode(&message.data)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}

/// A CloudEvent in binary mode: attributes in the metadata, the message is the data.
fn from_binary(message: &Message, pubsub: &str, topic: &str, kind: &str) -> Map<String, Value> {
    let mut fields = around(message, pubsub, topic);
    for (name, value) in &message.metadata {
        let name = name.to_ascii_lowercase();
        if let Some(name) = name.strip_prefix(BINARY_PREFIX) {
            fields.insert(name.to_owned(), Value::String(value.clone()));
        }
    }
    fields.insert("datacontenttype".to_owned(), Value::String(kind.to_owned()));
    fields
}

/// Fills in the trace from the metadata where the envelope has none; `traceparent` supersedes `traceid`.
fn trace_of(message: &Message, envelope: &mut Map<String, Value>) {
    let mut fill = |name: &str, from: &str| {
        if envelope.get(name).is_none_or(|value| value.as_str() == Some(""))
            && let Some(value) = metadata::get(&message.metadata, from)
        {
            envelope.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    };
    fill(TRACEPARENT, TRACEPARENT);
    fill(TRACE_ID, TRACEPARENT);
    fill(TRACE_ID, TRACE_ID);
    fill(TRACESTATE, TRACESTATE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &'static str, content_type: Option<&str>, metadata: &[(&str, &str)]) -> Message {
        Message {
            topic: "orders".into(),
            data: Bytes::from_static(data.as_bytes()),
            content_type: content_type.map(str::to_owned),
            metadata: metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn an_envelope_goes_on_as_it_came() {
        let text = r#"{"id":"1","data":{"big":12345678901234567890123}}"#;
        let event = Event::read(&message(text, None, &[]), "bus", "orders", false).unwrap();
        assert_eq!(event.body, text);
        assert_eq!(event.id(), "1");
    }

    #[test]
    fn bytes_of_a_raw_subscription_get_an_envelope() {
        let event = Event::read(&message("{not json", None, &[]), "bus", "orders", true).unwrap();
        let envelope: Value = serde_json::from_slice(&event.body).unwrap();
        assert_eq!(envelope["data_base64"], BASE64.encode("{not json"));
        assert_eq!(envelope["datacontenttype"], BYTES);
        assert_eq!((&envelope["topic"], &envelope["pubsubname"]), (&"orders".into(), &"bus".into()));
        assert_eq!(envelope["type"], TYPE);
        assert!(!event.id().is_empty());
    }

    #[test]
    fn binary_mode_is_rebuilt_from_metadata() {
        let metadata = [("ce_id", "7"), ("CE_Type", "made"), ("ce_source", "press"), ("other", "x")];
        let event = Event::read(&message("bytes", Some(BYTES), &metadata), "bus", "orders", false).unwrap();
        assert_eq!(event.id(), "7");
        assert_eq!((&event.envelope["type"], &event.envelope["source"]), (&"made".into(), &"press".into()));
        assert_eq!(event.envelope["data_base64"], BASE64.encode("bytes"));
        assert!(!event.envelope.contains_key("other"));
    }

    #[test]
    fn what_is_no_json_object_is_an_error() {
        for data in ["plain", "[1]", ""] {
            assert!(Event::read(&message(data, None, &[]), "bus", "orders", false).is_err(), "{data}");
        }
    }

    #[test]
    fn the_trace_of_a_broker_fills_in_a_missing_one() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let metadata = [("traceparent", parent), ("tracestate", "a=b")];
        let event = Event::read(&message(r#"{"id":"1"}"#, None, &metadata), "bus", "t", false).unwrap();
        assert_eq!(
            (&event.envelope["traceparent"], &event.envelope["traceid"]),
            (&parent.into(), &parent.into())
        );
        assert_eq!(event.envelope["tracestate"], "a=b");
        let own =
            Event::read(&message(r#"{"traceparent":"own"}"#, None, &metadata), "bus", "t", false).unwrap();
        assert_eq!(own.envelope["traceparent"], "own");
    }

    #[test]
    fn an_event_expires_by_its_envelope() {
        let event = |end: &'static str| Event::read(&message(end, None, &[]), "bus", "t", false).unwrap();
        let now: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
        assert!(event(r#"{"expiration":"2026-01-01T00:00:09Z"}"#).expired(now).is_some());
        assert!(event(r#"{"expiration":"2026-01-01T00:00:11Z"}"#).expired(now).is_none());
        assert!(event(r#"{"expiration":"soon"}"#).expired(now).is_none());
    }
}
