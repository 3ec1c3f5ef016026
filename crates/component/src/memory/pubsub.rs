//! `pubsub.in-memory`. Each subscription has a bounded queue and a task that hands its messages over one after the other,
//! so their order holds; bulk subscriptions are its own therefore, since nothing that takes one message at a time from it
//! would ever see two. A publisher waits while a queue is full: nothing that was accepted is dropped for want of room.

mod subscription;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use self::subscription::Running;
use self::topics::Topics;
use crate::pubsub::{Handler, Message, PubSub, PublishRequest, SubscribeRequest, Subscription};
use crate::{Error, Feature, Features, Result};

/// How long a publisher waits for room in the queues before it is refused. Without an end, an application that publishes
/// from its own handler could wait for itself.
const ROOM: Duration = Duration::from_secs(10);

/// A broker in memory.
pub struct MemoryPubSub {
    topics: Arc<Topics>,
    tasks: Handle,
}

impl MemoryPubSub {
    /// A broker without subscriptions; theirs run on `tasks`.
    pub fn new(tasks: Handle) -> Self {
        MemoryPubSub { topics: Arc::default(), tasks }
    }
}

impl PubSub for MemoryPubSub {
    fn features(&self) -> Features {
        const FEATURES: Features = Features::of(&[Feature::SubscribeWildcards, Feature::BulkSubscribe]);
        FEATURES
    }

    /// Done when every subscription of the topic has taken the message, or refused when one has no room for it.
    async fn publish(&self, request: PublishRequest) -> Result<()> {
        let queues = self.topics.queues(&request.topic);
        let mut places = Vec::with_capacity(queues.len());
        let deadline = tokio::time::Instant::now() + ROOM;
        for queue in queues {
            match queue.clone().try_reserve_owned() {
                Ok(place) => places.push(place),
                Err(_) => match tokio::time::timeout_at(deadline, queue.reserve_owned()).await {
                    Ok(Ok(place)) => places.push(place),
                    // The subscription has ended meanwhile.
                    Ok(Err(_)) => {}
                    Err(_) => {
                        return Err(Error::unavailable(format!(
                            "topic {}: a subscription's queue of {} messages has been full for {} s; its handler does not keep up",
                            request.topic,
                            subscription::QUEUE,
                            ROOM.as_secs()
                        )));
                    }
                },
            }
        }
        let PublishRequest { topic, data, content_type, metadata } = request;
        let message = Message { topic, data, content_type, metadata };
        for place in places {
            place.send(message.clone());
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
    ) -> Result<Arc<dyn Subscription>> {
        Ok(Arc::new(Running::start(&self.topics, request, handler, &self.tasks)))
    }
}

#[cfg(test)]
mod tests;
