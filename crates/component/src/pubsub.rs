//! Message brokers: topics that messages are published to, and subscriptions that hand them to the runtime until it
//! says that each is done.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::state::dyn_form;
use crate::{BoxFuture, Error, Features, Result};

/// Metadata of a message or a request.
pub type Metadata = BTreeMap<String, String>;

/// The metadata key that asks for expiry, in seconds.
pub const TTL_KEY: &str = "ttlInSeconds";

/// A message on its way to a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishRequest {
    /// The topic.
    pub topic: String,
    /// The envelope, or the raw payload.
    pub data: Bytes,
    /// The content type of `data`.
    pub content_type: Option<String>,
    /// [`TTL_KEY`] and the driver's own.
    pub metadata: Metadata,
}

/// One of several messages to one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkEntry {
    /// Unique among those sent together.
    pub id: String,
    /// The envelope, or the raw payload.
    pub data: Bytes,
    /// The content type of `data`.
    pub content_type: String,
    /// The driver's own.
    pub metadata: Metadata,
}

/// Asks for the messages of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// The topic.
    pub topic: String,
    /// `consumerID` and the driver's own; wins over the component's properties.
    pub metadata: Metadata,
    /// Several messages at a time, where the driver can ([`crate::Feature::BulkSubscribe`]): most of them, and how long
    /// the first may wait for more.
    pub bulk: Option<(usize, Duration)>,
}

/// A message as a subscription hands it over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The topic it came by.
    pub topic: String,
    /// The envelope, or the raw payload.
    pub data: Bytes,
    /// The content type of `data`, when the broker keeps it.
    pub content_type: Option<String>,
    /// What the broker says about it.
    pub metadata: Metadata,
}

/// The runtime's end of a subscription.
pub trait Handler: Send + Sync + 'static {
    /// Takes messages; one result for each, in their order. `Ok` = done with, acknowledge it; `Err` = hand it over again
    /// later. A driver without [`crate::Feature::BulkSubscribe`] hands over one at a time, several calls may be under way
    /// at once.
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>>;
}

/// A running subscription.
pub trait Subscription: Send + Sync + 'static {
    /// Takes no more messages and waits until those handed over are settled. Idempotent. Dropping a subscription ends it
    /// without waiting: what is not settled comes again.
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// A broker.
pub trait PubSub: Send + Sync + 'static {
    /// What it can do.
    fn features(&self) -> Features;

    /// Hands a message to the broker; done when the broker has taken it as safely as it takes any.
    ///
    /// # Errors
    /// When it was not taken.
    fn publish(&self, request: PublishRequest) -> impl Future<Output = Result<()>> + Send;

    /// Hands over several messages of one topic ([`crate::Feature::BulkPublish`]); those that failed, by their ids.
    ///
    /// # Errors
    /// When none was taken.
    fn bulk_publish(
        &self,
        topic: &str,
        entries: Vec<BulkEntry>,
        metadata: &Metadata,
    ) -> impl Future<Output = Result<Vec<(String, Error)>>> + Send {
        let _ = (topic, entries, metadata);
        async { Err(Error::unsupported("publishing in bulk")) }
    }

    /// Begins to hand the messages of a topic to `handler`. Survives the loss of the broker's connection by itself.
    ///
    /// # Errors
    /// When the subscription can't be made now.
    fn subscribe(
        &self,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
    ) -> impl Future<Output = Result<Arc<dyn Subscription>>> + Send;

    /// Whether the system behind answers.
    ///
    /// # Errors
    /// When it does not.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Lets go of everything; called once, after every subscription was stopped.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

dyn_form! {
    /// [`PubSub`] behind a pointer.
    DynPubSub: PubSub {
        plain {
            features() -> Features;
        }
        calls {
            publish(request: PublishRequest) -> Result<()>;
            bulk_publish(topic: &'a str, entries: Vec<BulkEntry>, metadata: &'a Metadata) -> Result<Vec<(String, Error)>>;
            subscribe(request: SubscribeRequest, handler: Arc<dyn Handler>) -> Result<Arc<dyn Subscription>>;
            ping() -> Result<()>;
            close() -> ();
        }
    }
}
