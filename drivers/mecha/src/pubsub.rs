//! `pubsub.mecha`: a log for each topic, and consumer groups that remember how far they are. Every group gets every
//! message; the subscriptions of a group share them. A message comes again until it is acknowledged, whatever happens to
//! the process meanwhile. Beside the properties of [`crate::settings`]:
//!
//! | property | default | meaning |
//! |---|---|---|
//! | `consumerID` | the app id | the group that subscriptions belong to; a subscription's own metadata may name another |
//! | `concurrency` | 10 | calls of a subscription's handler at once; with 1 messages come in order, and one that is refused comes again before those after it |
//! | `maxInFlight` | 1000 | most messages of a group that are handed over or wait to come again; beyond it nothing new is handed over |
//! | `redeliverInterval` | 500ms | how long a refused message waits, twice as long after each further refusal |
//! | `maxRedeliverInterval` | 1m | how long it waits at most |
//! | `startAt` | `oldest` | where a group begins that is new to a topic: `oldest` = with all that is kept, so a subscriber that comes after the publisher misses nothing; `newest` = with what is published from then on |
//! | `retentionTime` | 168h | how long messages are kept |
//! | `retentionBytes` | 1 GiB | how much of each topic is kept |
//! | `keepConsumed` | false | whether messages are kept that every known group is done with |
//!
//! Retention is exact to one 64th. A group that never comes back holds on to its messages until retention removes them.
//! Positions reach the disk within a second; they survive the end of the process 10 ms after an acknowledgement.

mod broker;
mod group;
mod keys;
mod marks;
mod member;
mod message;
mod options;
mod position;
mod topic;

use std::sync::Arc;

use mecha_component::pubsub::{
    BulkEntry, DynPubSub, Handler, Metadata, PubSub, PublishRequest, SubscribeRequest, Subscription,
};
use mecha_component::registry::{Context, Driver};
use mecha_component::{Error, Feature, Features, Properties, Result};
use parking_lot::RwLock;
use tokio::runtime::Handle;

use self::broker::Broker;
use self::member::Member;
use self::options::Options;
use self::topic::Outgoing;
use crate::engine::{Durability, Engine};
use crate::settings::{Settings, release};

/// `pubsub.mecha`.
pub const PUBSUB: Driver<dyn DynPubSub> = Driver {
    types: &["pubsub.mecha"],
    versions: &["v1"],
    connect: |properties, context| Box::pin(connect(properties, context)),
};

/// The metadata key by which a subscription names its group.
const CONSUMER: &str = "consumerID";

/// A durable broker inside the process.
pub struct MechaPubSub {
    /// `None` once the broker is closed.
    open: RwLock<Option<(Arc<Engine>, Arc<Broker>)>>,
    options: Options,
    durability: Durability,
    tasks: Handle,
}

async fn connect(properties: Properties, context: Context) -> Result<Arc<dyn DynPubSub>> {
    Ok(Arc::new(MechaPubSub::open(&properties, &context).await?))
}

impl MechaPubSub {
    /// Opens the broker.
    ///
    /// # Errors
    /// When the properties make no sense, or the directory can't be opened: another process has it, it can't be written,
    /// or is damaged.
    pub async fn open(properties: &Properties, context: &Context) -> Result<Self> {
        let settings = Settings::read(properties, context)?;
        let options = Options::read(properties, context)?;
        let engine = settings.engine(context).await?;
        let broker = Broker::open(Arc::clone(&engine), &settings, options.retention, &context.tasks);
        Ok(MechaPubSub {
            open: RwLock::new(Some((engine, broker))),
            options,
            durability: settings.durability,
            tasks: context.tasks.clone(),
        })
    }

    fn broker(&self) -> Result<Arc<Broker>> {
        let open = self.open.read();
        let broker = open.as_ref().map(|(_, broker)| Arc::clone(broker));
        broker.ok_or_else(|| Error::unavailable("the broker is closed"))
    }
}

impl PubSub for MechaPubSub {
    fn features(&self) -> Features {
        const FEATURES: Features =
            Features::of(&[Feature::Ttl, Feature::BulkPublish, Feature::BulkSubscribe]);
        FEATURES
    }

    async fn publish(&self, request: PublishRequest) -> Result<()> {
        let expires = message::expires(&request.metadata)?;
        let data = message::encode(request.content_type.as_deref(), &request.metadata, &request.data);
        let topic = self.broker()?.topic(&request.topic).await?;
        topic.publish(vec![Outgoing { expires, data }], self.durability).await
    }

    async fn bulk_publish(
        &self,
        topic: &str,
        entries: Vec<BulkEntry>,
        metadata: &Metadata,
    ) -> Result<Vec<(String, Error)>> {
        let (mut messages, mut failed) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let mut whole = metadata.clone();
            whole.extend(entry.metadata);
            match message::expires(&whole) {
                Ok(expires) => {
                    let data = message::encode(Some(&entry.content_type), &whole, &entry.data);
                    messages.push(Outgoing { expires, data });
                }
                Err(error) => failed.push((entry.id, error)),
            }
        }
        let topic = self.broker()?.topic(topic).await?;
        if !messages.is_empty() {
            topic.publish(messages, self.durability).await?;
        }
        Ok(failed)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
    ) -> Result<Arc<dyn Subscription>> {
        let named = request.metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONSUMER));
        let name = named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
        let topic = self.broker()?.topic(&request.topic).await?;
        let group = topic.group(name.unwrap_or(&self.options.group), self.options.start).await?;
        let member = Member { topic, group, handler, delivery: self.options.delivery, bulk: request.bulk };
        Ok(member.start(&self.tasks))
    }

    async fn close(&self) {
        let open = self.open.write().take();
        if let Some((engine, broker)) = open {
            broker.close().await;
            release(&self.tasks, engine).await;
        }
    }
}

#[cfg(test)]
mod tests;
