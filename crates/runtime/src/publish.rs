//! Publishing: one message or several to a topic, in an envelope unless they go raw, within the scopes of the
//! component and under its policy (reference 1.6). Both APIs and dead letters come here.

mod bulk;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use mecha_component::pubsub::{Metadata, PublishRequest};
use mecha_component::{Error, Feature};

use crate::error::ApiError;
use crate::error::component::settle;
use crate::pubsub::broker::Broker;
use crate::pubsub::envelope::{self, CLOUD_EVENT, Content};
use crate::pubsub::metadata;
use crate::runtime::Runtime;
use crate::trace::Trace;

pub use crate::pubsub::envelope::is_json;
pub use bulk::{BulkPublishCall, BulkPublishEntry, FailedEntry, event_bytes};

/// A message for a topic.
#[derive(Clone, Debug, Default)]
pub struct PublishCall {
    /// The component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// The payload.
    pub data: Bytes,
    /// What it is; empty = not said, which means text.
    pub content_type: String,
    /// `rawPayload`, `ttlInSeconds`, `cloudevent.*` and the driver's own, without the prefix `metadata.`.
    pub metadata: Metadata,
    /// Where the call belongs.
    pub trace: Trace,
}

impl Runtime {
    /// Hands a message to a broker.
    ///
    /// # Errors
    /// No such component, no topic, a topic that the application may not use, metadata that can't be read, a payload that
    /// is not the CloudEvent it claims to be, or the broker did not take it (reference 1.3).
    pub async fn publish(&self, call: PublishCall) -> Result<(), ApiError> {
        let PublishCall { pubsub, topic, data, content_type, metadata, trace } = call;
        let broker = self.broker_for(&pubsub, &topic, &metadata)?;
        let trace = trace.filled(self.sampler());
        let (data, content_type) = self.enveloped(&broker, &topic, data, content_type, &metadata, &trace)?;
        let content_type = Some(content_type).filter(|kind| !kind.is_empty());
        let request = PublishRequest { topic: topic.clone(), data, content_type, metadata };
        let began = Instant::now();
        let outcome = self.hand_over(&broker, request).await;
        self.metrics().published(&pubsub, &topic, 1, false, outcome.is_ok(), began.elapsed());
        outcome.map_err(|error| ApiError::publish_failed(&pubsub, &topic, error.message()))
    }

    /// The component, when there is one and the application may publish to the topic.
    fn broker_for(&self, pubsub: &str, topic: &str, metadata: &Metadata) -> Result<Arc<Broker>, ApiError> {
        if pubsub.is_empty() {
            return Err(ApiError::pubsub_name_empty(metadata));
        }
        let broker = self.broker(pubsub).ok_or_else(|| ApiError::pubsub_not_found(pubsub, metadata))?;
        if topic.is_empty() {
            return Err(ApiError::topic_empty(pubsub, metadata));
        }
        if !broker.access.may_publish(topic) {
            return Err(ApiError::topic_forbidden(pubsub, topic, self.app_id()));
        }
        Ok(broker)
    }

    /// What goes to the broker and its content type.
    fn enveloped(
        &self,
        broker: &Broker,
        topic: &str,
        data: Bytes,
        content_type: String,
        metadata: &Metadata,
        trace: &Trace,
    ) -> Result<(Bytes, String), ApiError> {
        let raw = metadata::raw_payload(metadata)
            .map_err(|error| ApiError::pubsub_metadata(&broker.name, self.app_id(), &error))?;
        if raw {
            return Ok((data, content_type));
        }
        let content = Content {
            pubsub: &broker.name,
            topic,
            app_id: self.app_id(),
            data: &data,
            content_type: &content_type,
            metadata,
            trace,
            expires: !broker.features.has(Feature::Ttl),
            now: Timestamp::now(),
        };
        let envelope = envelope::wrap(&content)
            .map_err(|error| ApiError::cloud_event(&broker.name, self.app_id(), &error.to_string()))?;
        Ok((envelope, CLOUD_EVENT.to_owned()))
    }

    /// Publishes under the component's policy. The caller has asked the scopes.
    pub(crate) async fn hand_over(&self, broker: &Broker, mut request: PublishRequest) -> Result<(), Error> {
        request.topic = broker.access.outer(request.topic);
        let driver = broker.driver()?;
        let policy = self.policies().outbound(&broker.name, "pubsub");
        if policy.is_empty() {
            return driver.publish(request).await;
        }
        policy.run(|_| driver.publish(request.clone())).await.map_err(settle)
    }
}

#[cfg(test)]
mod tests;
