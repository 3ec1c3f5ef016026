//! Messages as entries of a stream.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mecha_component::pubsub::{Message, Metadata, PublishRequest};
use redis::{Cmd, FromRedisValue, Value};

use super::options::Keep;

const DATA: &str = "data";
const METADATA: &str = "metadata";

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) message: Message,
}

/// The command that adds a message to its stream.
pub(super) fn add(request: &PublishRequest, keep: &Keep) -> Cmd {
    let mut add = redis::cmd("XADD");
    add.arg(&request.topic);
    match keep {
        Keep::All => {}
        Keep::Entries(number) => {
            add.arg("MAXLEN").arg("~").arg(*number);
        }
        Keep::For(time) => {
            add.arg("MINID").arg("~").arg(oldest(*time));
        }
    }
    add.arg("*").arg(DATA).arg(request.data.as_ref());
    if !request.metadata.is_empty() {
        let texts = request.metadata.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        let metadata: serde_json::Map<_, _> = texts.collect();
        add.arg(METADATA).arg(serde_json::Value::Object(metadata).to_string());
    }
    add
}

/// The id before which entries are older than `time`.
fn oldest(time: Duration) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-1", since.saturating_sub(time).as_millis())
}

/// The entries of an answer. One that was deleted while it was pending comes without fields, or as nothing at all, and is
/// left out.
pub(super) fn entries(answer: Value, topic: &str) -> Option<Vec<Entry>> {
    let entries = match answer {
        Value::Nil => return Some(Vec::new()),
        Value::Array(entries) => entries,
        _ => return None,
    };
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::Array(parts) = entry else { continue };
        let mut parts = parts.into_iter();
        let id = String::from_redis_value(parts.next()?).ok()?;
        if let Some(Value::Array(fields)) = parts.next() {
            read.push(Entry { message: message(&id, fields, topic), id });
        }
    }
    Some(read)
}

fn message(id: &str, fields: Vec<Value>, topic: &str) -> Message {
    let mut message = Message { topic: topic.to_owned(), ..Default::default() };
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let (Value::BulkString(name), Value::BulkString(value)) = (name, value) else { continue };
        match name.as_slice() {
            name if name == DATA.as_bytes() => message.data = Bytes::from(value),
            name if name == METADATA.as_bytes() => {
                message.metadata = metadata(&value).unwrap_or_else(|| {
                    tracing::warn!("topic {topic}: the metadata of message {id} is no JSON object of texts");
                    Metadata::new()
                });
            }
            _ => {}
        }
    }
    message
}

fn metadata(text: &[u8]) -> Option<Metadata> {
    match serde_json::from_slice(text).ok()? {
        // What Go writes for a map that is not there.
        serde_json::Value::Null => Some(Metadata::new()),
        serde_json::Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
        }
        _ => None,
    }
}
