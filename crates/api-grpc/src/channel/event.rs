//! Messages for the application: a CloudEvent's fields into those of `OnTopicEvent`, and the application's answer into
//! a verdict (reference 1.6).

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mecha_runtime::channel::{BulkEvent, BulkTopicEntry, BulkTopicEvent, TopicEvent, Verdict};
use mecha_runtime::publish::is_json;
use mecha_runtime::{ApiError, Trace};
use serde_json::{Map, Value};
use tonic::{Code, Response, Status};

use super::{GrpcChannel, failed, metadata};
use crate::json::to_struct;
use crate::proto::{hashed, pb};
use pb::topic_event_bulk_request_entry::Event;
use pb::topic_event_response::TopicEventResponseStatus;

/// The type of every bulk delivery.
const BULK_TYPE: &str = "com.dapr.event.sent.bulk";
/// Fields of a CloudEvent that have a place of their own in the messages; all others are extensions.
const PLACED: [&str; 7] = ["id", "source", "type", "specversion", "datacontenttype", "data", "data_base64"];

impl GrpcChannel {
    pub(super) async fn on_topic_event(&self, event: TopicEvent) -> Result<Verdict, ApiError> {
        let id = text(&event.envelope, "id");
        let mut headers = metadata(&event.metadata);
        Trace::of_event(&event.envelope).write(&mut headers);
        let message = request(&event)?;
        let _place = self.places.place().await;
        match self.callback().on_topic_event(self.request(message, headers)).await {
            Ok(response) => verdict(response.into_inner().status).ok_or_else(|| unknown_status(&id)),
            Err(status) if status.code() == Code::Unimplemented => {
                tracing::warn!(
                    "non-retriable error returned from app while processing pub/sub event {id}: {}",
                    status.message()
                );
                Ok(Verdict::Drop)
            }
            Err(status) => {
                Err(failed(&format!("error returned from app while processing pub/sub event {id}"), &status))
            }
        }
    }

    pub(super) async fn on_bulk_topic_event(
        &self,
        event: BulkTopicEvent,
    ) -> Result<BTreeMap<String, Verdict>, ApiError> {
        let ids: Vec<String> = event.entries.iter().map(|entry| entry.id.clone()).collect();
        let headers = metadata(&event.metadata);
        let message = bulk_request(event)?;
        let _place = self.places.place().await;
        let mut answer =
            self.callback().on_bulk_topic_event(self.request(message.clone(), headers.clone())).await;
        if is_unimplemented(&answer) {
            #[expect(deprecated, reason = "applications of older SDKs have this one only")]
            let older = self.alpha().on_bulk_topic_event_alpha1(self.request(message, headers)).await;
            answer = older;
        }
        match answer {
            Ok(response) => {
                let statuses = response.into_inner().statuses;
                Ok(statuses
                    .into_iter()
                    .filter_map(|each| Some((each.entry_id, verdict(each.status)?)))
                    .collect())
            }
            Err(status) if status.code() == Code::Unimplemented => {
                tracing::warn!(
                    "non-retriable error returned from app while processing bulk pub/sub event: {}",
                    status.message()
                );
                Ok(ids.into_iter().map(|id| (id, Verdict::Drop)).collect())
            }
            Err(status) => {
                Err(failed("error returned from app while processing bulk pub/sub event", &status))
            }
        }
    }
}

fn is_unimplemented<T>(answer: &Result<Response<T>, Status>) -> bool {
    answer.as_ref().is_err_and(|status| status.code() == Code::Unimplemented)
}

/// `None` for a number that nobody defined.
pub(crate) fn verdict(status: i32) -> Option<Verdict> {
    match TopicEventResponseStatus::try_from(status).ok()? {
        TopicEventResponseStatus::Success => Some(Verdict::Success),
        TopicEventResponseStatus::Retry => Some(Verdict::Retry),
        TopicEventResponseStatus::Drop => Some(Verdict::Drop),
    }
}

fn unknown_status(id: &str) -> ApiError {
    ApiError::internal(format!("unknown status returned from app while processing pub/sub event {id}"))
}

/// The message for a delivery.
///
/// # Errors
/// When the envelope's data is not what its content type or encoding says.
pub(crate) fn request(event: &TopicEvent) -> Result<pb::TopicEventRequest, ApiError> {
    let envelope = &event.envelope;
    Ok(pb::TopicEventRequest {
        id: text(envelope, "id"),
        source: text(envelope, "source"),
        r#type: text(envelope, "type"),
        spec_version: text(envelope, "specversion"),
        data_content_type: text(envelope, "datacontenttype"),
        data: data(envelope)?,
        topic: event.topic.clone(),
        pubsub_name: event.pubsub.to_string(),
        path: event.path.clone(),
        extensions: Some(extensions(envelope)),
    })
}

fn bulk_request(event: BulkTopicEvent) -> Result<pb::TopicEventBulkRequest, ApiError> {
    Ok(pb::TopicEventBulkRequest {
        id: event.id,
        entries: event.entries.into_iter().map(bulk_entry).collect::<Result<_, _>>()?,
        metadata: hashed(event.metadata),
        topic: event.topic,
        pubsub_name: event.pubsub.to_string(),
        r#type: BULK_TYPE.to_owned(),
        path: event.path,
    })
}

fn bulk_entry(entry: BulkTopicEntry) -> Result<pb::TopicEventBulkRequestEntry, ApiError> {
    let event = match entry.event {
        BulkEvent::Raw(bytes) => Event::Bytes(bytes.into()),
        BulkEvent::Envelope(envelope) => Event::CloudEvent(pb::TopicEventCeRequest {
            id: text(&envelope, "id"),
            source: text(&envelope, "source"),
            r#type: text(&envelope, "type"),
            spec_version: text(&envelope, "specversion"),
            data_content_type: text(&envelope, "datacontenttype"),
            data: data(&envelope)?,
            extensions: Some(extensions(&envelope)),
        }),
    };
    Ok(pb::TopicEventBulkRequestEntry {
        entry_id: entry.id,
        content_type: entry.content_type,
        metadata: hashed(entry.metadata),
        event: Some(event),
    })
}

fn text(envelope: &Map<String, Value>, field: &str) -> String {
    envelope.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The payload as the publisher gave it: bytes of `data_base64`, a text as it is, anything else (and a text whose
/// content type is JSON) as JSON.
fn data(envelope: &Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let wrong =
        |what: &str| ApiError::internal(format!("unexpected data type encountered in envelope: {what}"));
    match envelope.get("data_base64") {
        None | Some(Value::Null) => {}
        Some(Value::String(encoded)) => {
            return BASE64_STANDARD.decode(encoded).map_err(|error| wrong(&format!("data_base64: {error}")));
        }
        Some(_) => return Err(wrong("data_base64 is not a string")),
    }
    let kind = envelope.get("datacontenttype").and_then(Value::as_str).unwrap_or_default();
    match envelope.get("data") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if !is_json(kind) => Ok(text.clone().into_bytes()),
        Some(_) if kind.starts_with("text/") => Err(wrong("data is not a string")),
        Some(value) => Ok(value.to_string().into_bytes()),
    }
}

fn extensions(envelope: &Map<String, Value>) -> prost_types::Struct {
    to_struct(envelope.iter().filter(|(name, _)| !PLACED.contains(&name.as_str())))
}
