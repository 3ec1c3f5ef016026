//! Publishing (reference 1.6, 2.1): one message or several to a topic.

use std::sync::Arc;

use mecha_runtime::publish::{BulkPublishCall, BulkPublishEntry, PublishCall};
use mecha_runtime::{Runtime, Trace};
use tonic::{Request, Response};

use crate::dispatch::Answer;
use crate::proto::{ordered, pb};
use crate::status::refuse;

pub(crate) async fn publish(runtime: Arc<Runtime>, request: Request<pb::PublishEventRequest>) -> Answer<()> {
    let trace = Trace::of(request.metadata().as_ref());
    let request = request.into_inner();
    let call = PublishCall {
        pubsub: request.pubsub_name,
        topic: request.topic,
        data: request.data.into(),
        content_type: request.data_content_type,
        metadata: ordered(request.metadata),
        trace,
    };
    runtime.publish(call).await.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

/// Entries that the broker did not take are no error of the call: clients do not look into the message of a failed one.
pub(crate) async fn bulk(
    runtime: Arc<Runtime>,
    request: Request<pb::BulkPublishRequest>,
) -> Answer<pb::BulkPublishResponse> {
    let trace = Trace::of(request.metadata().as_ref());
    let request = request.into_inner();
    let entry = |entry: pb::BulkPublishRequestEntry| BulkPublishEntry {
        id: entry.entry_id,
        data: entry.event.into(),
        content_type: entry.content_type,
        metadata: ordered(entry.metadata),
    };
    let call = BulkPublishCall {
        pubsub: request.pubsub_name,
        topic: request.topic,
        entries: request.entries.into_iter().map(entry).collect(),
        metadata: ordered(request.metadata),
        trace,
    };
    let failed = runtime.publish_bulk(call).await.map_err(|error| refuse(&runtime, &error))?;
    let each = failed
        .into_iter()
        .map(|entry| pb::BulkPublishResponseFailedEntry { entry_id: entry.id, error: entry.error });
    Ok(Response::new(pb::BulkPublishResponse { failed_entries: each.collect() }))
}
