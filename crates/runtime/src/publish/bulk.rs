//! Several messages to one topic at once. Brokers that can't take them together get them one by one; either way each
//! entry is told apart by its id, and only those that failed are tried again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use mecha_component::pubsub::{BulkEntry, Metadata, PublishRequest};
use mecha_component::{Error, Feature};
use parking_lot::Mutex;
use serde_json::Value;

use crate::error::ApiError;
use crate::policy::{Failure, Refused};
use crate::pubsub::broker::Broker;
use crate::pubsub::envelope;
use crate::runtime::Runtime;
use crate::trace::Trace;

/// Messages on their way to a broker that takes them one by one: bounds what such a broker has to hold at once.
const AT_ONCE: usize = 32;

/// Several messages for a topic.
#[derive(Clone, Debug, Default)]
pub struct BulkPublishCall {
    /// The component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// The messages.
    pub entries: Vec<BulkPublishEntry>,
    /// As of [`super::PublishCall`], for all of them.
    pub metadata: Metadata,
    /// Where the call belongs.
    pub trace: Trace,
}

/// One of several messages.
#[derive(Clone, Debug, Default)]
pub struct BulkPublishEntry {
    /// Unique in the call, not empty.
    pub id: String,
    /// The payload.
    pub data: Bytes,
    /// What it is.
    pub content_type: String,
    /// Wins over the metadata of the call.
    pub metadata: Metadata,
}

/// An entry that the broker did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEntry {
    /// Which.
    pub id: String,
    /// Why.
    pub error: String,
}

/// The payload of an entry whose event stands in JSON: base64 for bytes, the text of a string, JSON as it is.
///
/// # Errors
/// What does not fit the content type, in words.
pub fn event_bytes(event: &Value, content_type: &str) -> Result<Bytes, String> {
    match event {
        Value::String(text) if envelope::is_binary(content_type) => {
            let decoded = BASE64.decode(text);
            decoded
                .map(Bytes::from)
                .map_err(|error| format!("the event of an octet stream must be base64: {error}"))
        }
        Value::String(text) if !envelope::is_json(content_type) => {
            Ok(Bytes::copy_from_slice(text.as_bytes()))
        }
        json if envelope::is_json(content_type) => Ok(Bytes::from(json.to_string())),
        _ => Err(format!("the event of content type {content_type:?} must be a string")),
    }
}

impl Runtime {
    /// Hands several messages to a broker; those that it did not take, by their ids.
    ///
    /// # Errors
    /// As [`Runtime::publish`] where that concerns all of them, and entries without an id or with the id of another.
    pub async fn publish_bulk(&self, call: BulkPublishCall) -> Result<Vec<FailedEntry>, ApiError> {
        let BulkPublishCall { pubsub, topic, entries, metadata, trace } = call;
        let broker = self.broker_for(&pubsub, &topic, &metadata)?;
        let trace = trace.filled(self.sampler());
        let mut seen = HashSet::with_capacity(entries.len());
        if !entries.iter().all(|entry| !entry.id.is_empty() && seen.insert(entry.id.as_str())) {
            let error = "entryId is duplicated or not present for entry";
            return Err(ApiError::bulk_entry(&pubsub, &topic, self.app_id(), error));
        }
        drop(seen);
        let mut ready = Vec::with_capacity(entries.len());
        for entry in entries {
            let BulkPublishEntry { id, data, content_type, metadata: own } = entry;
            let mut all = metadata.clone();
            all.extend(own);
            let (data, content_type) = self.enveloped(&broker, &topic, data, content_type, &all, &trace)?;
            ready.push(BulkEntry { id, data, content_type, metadata: all });
        }
        let (count, began) = (ready.len(), Instant::now());
        let failed = self.hand_over_all(&broker, &topic, ready, &metadata).await;
        let elapsed = began.elapsed();
        self.metrics().published(&pubsub, &topic, count - failed.len(), true, failed.is_empty(), elapsed);
        Ok(failed)
    }

    async fn hand_over_all(
        &self,
        broker: &Broker,
        topic: &str,
        entries: Vec<BulkEntry>,
        metadata: &Metadata,
    ) -> Vec<FailedEntry> {
        if entries.is_empty() {
            return Vec::new();
        }
        let topic = broker.access.outer(topic.to_owned());
        let left = Arc::new(Mutex::new(entries));
        let policy = self.policies().outbound(&broker.name, "pubsub");
        let outcome = policy
            .run(|_| {
                let (left, topic) = (left.clone(), topic.as_str());
                async move {
                    let entries = left.lock().clone();
                    let failed = send(broker, topic, entries, metadata).await.map_err(Partly::Nothing)?;
                    if failed.is_empty() {
                        return Ok(());
                    }
                    left.lock().retain(|entry| failed.iter().any(|(id, _)| *id == entry.id));
                    Err(Partly::Some(failed))
                }
            })
            .await;
        let all = |error: &str| {
            let each = |entry: &BulkEntry| FailedEntry { id: entry.id.clone(), error: error.to_owned() };
            left.lock().iter().map(each).collect()
        };
        match outcome {
            Ok(()) => Vec::new(),
            Err(Refused::Failed(Partly::Some(failed))) => failed
                .into_iter()
                .map(|(id, error)| FailedEntry { id, error: error.message().to_owned() })
                .collect(),
            Err(Refused::Failed(Partly::Nothing(error))) => all(error.message()),
            Err(Refused::Timeout(_)) => all("context deadline exceeded"),
            Err(Refused::Open(text)) => all(text),
        }
    }
}

/// Those that failed, by id.
async fn send(
    broker: &Broker,
    topic: &str,
    entries: Vec<BulkEntry>,
    metadata: &Metadata,
) -> Result<Vec<(String, Error)>, Error> {
    let driver = broker.driver()?;
    if broker.features.has(Feature::BulkPublish) {
        return driver.bulk_publish(topic, entries, metadata).await;
    }
    let each = entries.into_iter().map(|entry| {
        let BulkEntry { id, data, content_type, metadata } = entry;
        let content_type = Some(content_type).filter(|kind| !kind.is_empty());
        let request = PublishRequest { topic: topic.to_owned(), data, content_type, metadata };
        let driver = &driver;
        async move { driver.publish(request).await.err().map(|error| (id, error)) }
    });
    let all: Vec<_> = stream::iter(each).buffered(AT_ONCE).collect().await;
    Ok(all.into_iter().flatten().collect())
}

/// Why a bulk failed.
enum Partly {
    /// Some entries.
    Some(Vec<(String, Error)>),
    /// All of them.
    Nothing(Error),
}

impl Failure for Partly {
    fn is_retriable(&self) -> bool {
        match self {
            Partly::Some(failed) => failed.iter().any(|(_, error)| error.is_transient()),
            Partly::Nothing(error) => error.is_transient(),
        }
    }
}
