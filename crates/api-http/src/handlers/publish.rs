//! Publishing: a message, or several at once.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use mecha_runtime::json::from_slice;
use mecha_runtime::publish::{BulkPublishCall, BulkPublishEntry, FailedEntry, PublishCall, event_bytes};
use mecha_runtime::{ApiError, Trace};
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::reply::{Outcome, empty, json};
use crate::routes::REST;

const PUBSUB: &str = "pubsubname";

/// `POST /v1.0/publish/{pubsub}/{topic}`: the body is the payload.
pub(crate) async fn publish(mut call: Call) -> Outcome {
    let data = call.bytes().await?;
    let publish = PublishCall {
        pubsub: call.param(PUBSUB).to_owned(),
        topic: call.param(REST).to_owned(),
        data,
        content_type: call.header(CONTENT_TYPE.as_str()).to_owned(),
        metadata: call.metadata(),
        trace: Trace::of(&call.head.headers),
    };
    call.runtime.publish(publish).await?;
    Ok(empty())
}

/// One of several messages.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    entry_id: String,
    #[serde(default)]
    event: serde_json::Value,
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

/// What is answered when some were not taken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    failed_entries: Vec<FailedOne>,
    error_code: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedOne {
    entry_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// `POST /v1.0/publish/bulk/{pubsub}/{topic}`: the body is an array of messages.
pub(crate) async fn publish_bulk(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let (pubsub, topic) = (call.param(PUBSUB).to_owned(), call.param(REST).to_owned());
    let app_id = call.runtime.app_id();
    let entries: Vec<Entry> = from_slice(&body)
        .map_err(|error| ApiError::bulk_unreadable(&pubsub, &topic, app_id, &error.to_string()))?;
    let entry = |entry: Entry| {
        let Entry { entry_id: id, event, content_type, metadata } = entry;
        let data = event_bytes(&event, &content_type)
            .map_err(|error| ApiError::bulk_entry(&pubsub, &topic, app_id, &error))?;
        Ok(BulkPublishEntry { id, data, content_type, metadata: metadata.unwrap_or_default() })
    };
    let entries = entries.into_iter().map(entry).collect::<Result<_, ApiError>>()?;
    let (metadata, trace) = (call.metadata(), Trace::of(&call.head.headers));
    let failed =
        call.runtime.publish_bulk(BulkPublishCall { pubsub, topic, entries, metadata, trace }).await?;
    if failed.is_empty() {
        return Ok(empty());
    }
    let one = |FailedEntry { id: entry_id, error }| FailedOne { entry_id, error };
    let failed_entries = failed.into_iter().map(one).collect();
    let failed = Failed { failed_entries, error_code: "ERR_PUBSUB_PUBLISH_MESSAGE" };
    Ok(json(StatusCode::INTERNAL_SERVER_ERROR, &failed))
}
