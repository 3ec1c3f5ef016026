//! CloudEvents 1.0 around what the application publishes (reference 1.6). JSON that is embedded keeps its text, so that
//! numbers of any size survive.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use mecha_component::pubsub::Metadata;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::metadata;
use crate::trace::Trace;

/// The content type of an envelope.
pub(crate) const CLOUD_EVENT: &str = "application/cloudevents+json";
/// The content type of bytes that nobody described.
pub(crate) const BYTES: &str = "application/octet-stream";
/// The content type of data that nobody described.
const TEXT: &str = "text/plain";
/// The type of an event whose sender gave none.
pub(crate) const TYPE: &str = "com.dapr.event.sent";
/// The source of an event whose sender is unknown.
pub(crate) const SOURCE: &str = "Dapr";
/// The version of the specification.
pub(crate) const SPEC_VERSION: &str = "1.0";

/// What an envelope is made of.
pub(crate) struct Content<'a> {
    pub(crate) pubsub: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) app_id: &'a str,
    pub(crate) data: &'a [u8],
    /// Empty = not said.
    pub(crate) content_type: &'a str,
    pub(crate) metadata: &'a Metadata,
    pub(crate) trace: &'a Trace,
    /// The driver can't let messages expire, so the envelope says when.
    pub(crate) expires: bool,
    pub(crate) now: Timestamp,
}

/// Makes the envelope; a CloudEvent of the application is kept and filled in.
///
/// # Errors
/// When what claims to be a CloudEvent is none.
pub(crate) fn wrap(content: &Content<'_>) -> Result<Bytes, serde_json::Error> {
    let mut fields = if base_type(content.content_type) == CLOUD_EVENT {
        passed(content)?
    } else {
        let mut fields = fresh(content)?;
        let (name, data) = data(content.data, content.content_type)?;
        fields.insert(name, data);
        fields
    };
    let ttl = content.expires.then(|| metadata::ttl_seconds(content.metadata)).flatten();
    if let Some(end) = ttl.and_then(|ttl| content.now.checked_add(SignedDuration::from_secs(ttl)).ok()) {
        set(&mut fields, "expiration", &seconds(end))?;
    }
    serde_json::to_vec(&fields).map(Bytes::from)
}

type Fields = BTreeMap<String, Box<RawValue>>;

fn fresh(content: &Content<'_>) -> Result<Fields, serde_json::Error> {
    let meant = |name: &str| metadata::get(content.metadata, &format!("cloudevent.{name}"));
    let mut fields = Fields::new();
    match meant("id") {
        Some(id) => set(&mut fields, "id", id)?,
        None => set(&mut fields, "id", &Uuid::new_v4().to_string())?,
    }
    let parent = meant("traceparent").or_else(|| meant("traceid")).unwrap_or(&content.trace.parent);
    let content_type = if content.content_type.is_empty() { TEXT } else { content.content_type };
    set(&mut fields, "specversion", SPEC_VERSION)?;
    set(&mut fields, "datacontenttype", content_type)?;
    set(&mut fields, "source", meant("source").unwrap_or(content.app_id))?;
    set(&mut fields, "type", meant("type").unwrap_or(TYPE))?;
    set(&mut fields, "time", &seconds(content.now))?;
    set(&mut fields, "topic", content.topic)?;
    set(&mut fields, "pubsubname", content.pubsub)?;
    set(&mut fields, "traceid", parent)?;
    set(&mut fields, "traceparent", parent)?;
    set(&mut fields, "tracestate", meant("tracestate").unwrap_or(&content.trace.state))?;
    if let Some(subject) = meant("subject") {
        set(&mut fields, "subject", subject)?;
    }
    Ok(fields)
}

/// The application's own CloudEvent: where it goes is ours to say, the rest only where it is missing.
fn passed(content: &Content<'_>) -> Result<Fields, serde_json::Error> {
    let mut fields: Fields = serde_json::from_slice(content.data)?;
    set(&mut fields, "topic", content.topic)?;
    set(&mut fields, "pubsubname", content.pubsub)?;
    let id = Uuid::new_v4().to_string();
    let Trace { parent, state } = content.trace;
    let missing = [
        ("id", id.as_str()),
        ("source", SOURCE),
        ("type", TYPE),
        ("specversion", SPEC_VERSION),
        ("traceid", parent),
        ("traceparent", parent),
        ("tracestate", state),
    ];
    for (name, value) in missing {
        if fields.get(name).is_none_or(|value| value.get() == "null") {
            set(&mut fields, name, value)?;
        }
    }
    Ok(fields)
}

/// The data under the name that its content type asks for. Bytes that claim to be text and are none go as base64, so
/// that nothing is lost.
fn data(data: &[u8], content_type: &str) -> Result<(String, Box<RawValue>), serde_json::Error> {
    if is_json(content_type)
        && let Ok(json) = serde_json::from_slice::<Box<RawValue>>(data)
    {
        return Ok(("data".to_owned(), json));
    }
    match std::str::from_utf8(data) {
        Ok(text) if !is_binary(content_type) => Ok(("data".to_owned(), to_raw_value(text)?)),
        _ => Ok(("data_base64".to_owned(), to_raw_value(&BASE64.encode(data))?)),
    }
}

fn set(fields: &mut Fields, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), serde_json::Error> {
    fields.insert(name.to_owned(), to_raw_value(value)?);
    Ok(())
}

/// RFC 3339 to the second.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// The content type without its parameters, lower case.
pub(crate) fn base_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether data of that type is embedded as JSON.
pub fn is_json(content_type: &str) -> bool {
    let base = base_type(content_type);
    base == "application/json" || base.ends_with("+json")
}

/// Whether data of that type goes as base64.
pub(crate) fn is_binary(content_type: &str) -> bool {
    base_type(content_type) == BYTES
}

#[cfg(test)]
mod tests;
