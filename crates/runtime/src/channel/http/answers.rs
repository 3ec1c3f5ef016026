//! What an HTTP application's answer to a message means (reference 1.6), and the body of a bulk.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answered;
use crate::channel::{BulkEvent, BulkTopicEvent, Verdict};
use crate::error::ApiError;
use crate::json::from_slice;

/// The type of a bulk envelope (reference 1.6).
const BULK_TYPE: &str = "com.dapr.event.sent.bulk";

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct BulkAnswer {
    #[serde(default)]
    statuses: Vec<EntryAnswer>,
}

#[derive(Deserialize)]
struct EntryAnswer {
    #[serde(default, rename = "entryId")]
    entry_id: String,
    #[serde(default)]
    status: String,
}

/// The verdict of an answer to one message. An answer of 2xx that is not understood is fine.
///
/// # Errors
/// When the message must come again, with the reason.
pub(super) fn single(status: StatusCode, body: &[u8], id: &str, topic: &str) -> Result<Verdict, ApiError> {
    if status.is_success() {
        let answer = from_slice::<Answer>(body);
        return match answer.as_ref().map_or("", |answer| answer.status.as_str()) {
            "" | "SUCCESS" => Ok(Verdict::Success),
            "RETRY" => Ok(Verdict::Retry),
            "DROP" => Ok(Verdict::Drop),
            unknown => Err(ApiError::internal(format!(
                "unknown status returned from app while processing pub/sub event {id}, status: {unknown}"
            ))),
        };
    }
    let (body, code) = (String::from_utf8_lossy(body), status.as_u16());
    if status == StatusCode::NOT_FOUND {
        tracing::error!(
            "non-retriable error returned from app while processing pub/sub event {id}: {body}. status code returned: {code}"
        );
        return Ok(Verdict::Drop);
    }
    let message = format!(
        "retriable error returned from app while processing pub/sub event {id}, topic: {topic}, body: {body}. status code returned: {code}"
    );
    Err(answered(status, message))
}

/// The verdict of each entry that the application named.
///
/// # Errors
/// When all messages must come again, with the reason.
pub(super) fn bulk(
    status: StatusCode,
    body: &[u8],
    ids: Vec<String>,
    topic: &str,
) -> Result<BTreeMap<String, Verdict>, ApiError> {
    let code = status.as_u16();
    if status == StatusCode::NOT_FOUND {
        tracing::error!(
            "Non-retriable error returned from app while processing bulk pub/sub event. status code returned: {code}"
        );
        return Ok(ids.into_iter().map(|id| (id, Verdict::Drop)).collect());
    }
    if !status.is_success() {
        let message = format!(
            "Retriable error returned from app while processing bulk pub/sub event, topic: {topic}. status code returned: {code}"
        );
        return Err(answered(status, message));
    }
    let answer: BulkAnswer = from_slice(body).map_err(|error| {
        ApiError::internal(format!("failed unmarshalling app response for bulk subscribe: {error}"))
    })?;
    let mut verdicts = BTreeMap::new();
    for EntryAnswer { entry_id, status } in answer.statuses {
        if !ids.contains(&entry_id) {
            tracing::warn!("Invalid entry id received from app while processing pub/sub event {entry_id}");
            continue;
        }
        let verdict = match status.as_str() {
            "SUCCESS" => Verdict::Success,
            "DROP" => Verdict::Drop,
            _ => Verdict::Retry,
        };
        verdicts.insert(entry_id, verdict);
    }
    Ok(verdicts)
}

/// The body of a bulk.
pub(super) fn envelope(event: &BulkTopicEvent) -> Value {
    let entries: Vec<Value> = event
        .entries
        .iter()
        .map(|entry| {
            let content = match &entry.event {
                BulkEvent::Envelope(envelope) => Value::Object((**envelope).clone()),
                BulkEvent::Raw(bytes) => Value::String(BASE64.encode(bytes)),
            };
            json!({
                "entryId": entry.id, "event": content, "contentType": entry.content_type, "metadata": entry.metadata,
            })
        })
        .collect();
    json!({
        "id": event.id, "entries": entries, "metadata": event.metadata, "topic": event.topic,
        "pubsubname": &*event.pubsub, "type": BULK_TYPE,
    })
}
