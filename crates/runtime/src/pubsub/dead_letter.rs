//! Where messages go that can't be delivered: another topic of the same broker, within a time (reference 1.6).

use std::time::Duration;

use mecha_component::Error;
use mecha_component::pubsub::{Message, PublishRequest};
use tokio::time::timeout;

use crate::runtime::Runtime;

/// How long a dead letter may take (reference 1.6).
const BUDGET: Duration = Duration::from_secs(30);

/// Publishes a message to the dead-letter topic as it came.
///
/// # Errors
/// When the broker did not take it; the message must come again then.
pub(super) async fn send(
    runtime: &Runtime,
    pubsub: &str,
    message: &Message,
    topic: &str,
) -> Result<(), Error> {
    let outcome = match runtime.broker(pubsub) {
        None => Err(Error::unavailable(format!("component {pubsub} is gone"))),
        Some(broker) if !broker.access.may_publish(topic) => {
            Err(Error::invalid(format!("topic {topic} is not allowed for app id {}", runtime.app_id())))
        }
        Some(broker) => {
            let request = PublishRequest {
                topic: topic.to_owned(),
                data: message.data.clone(),
                content_type: message.content_type.clone(),
                metadata: message.metadata.clone(),
            };
            let late = |_| Err(Error::unavailable(format!("the broker did not take it within {BUDGET:?}")));
            timeout(BUDGET, runtime.hand_over(&broker, request)).await.unwrap_or_else(late)
        }
    };
    if let Err(error) = &outcome {
        let origin = &message.topic;
        tracing::error!(
            "error sending message to dead letter, origin topic: {origin} dead letter topic {topic} err: {error}"
        );
    }
    outcome
}
