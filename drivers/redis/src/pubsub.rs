//! `pubsub.redis`: a stream for each topic, its entries with the fields `data` and `metadata` (a JSON object of texts), and
//! a consumer group for each `consumerID`, whose only consumer has its name, as Dapr has it. Every group gets every
//! message; the processes of one application share the group's.
//!
//! A message that was handed over stays pending until it is acknowledged. What is pending for `processingTimeout` without
//! anybody holding it (its process died, or the application refused it) is claimed and handed over again, by whichever
//! process looks first; what waits or is worked at here is held by telling so to Redis from time to time, so two processes
//! do not work at the same message while both are well. A Redis that lost its data gets its groups again.

mod hand;
mod intake;
mod message;
mod options;
mod stream;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use mecha_component::pubsub::{Handler, PubSub, PublishRequest, SubscribeRequest, Subscription};
use mecha_component::{Context, Features, Properties, Result};
use redis::{Pipeline, Value};
use tokio::runtime::Handle;

use self::options::Settings;
use self::stream::Stream;
use crate::error;
use crate::link::{Link, Place, Retry};
use crate::options::Options;

/// The default of `redisMinRetryInterval`.
const PAUSE: Duration = Duration::from_millis(8);
/// The metadata key by which a subscription names its group.
const CONSUMER: &str = "consumerID";

/// Messages in Redis. Properties (reference 4.2.4), beside those of a connection, which [`crate::RedisState`] has too
/// (`redisMinRetryInterval` is 8ms here):
///
/// | property | default | meaning |
/// |---|---|---|
/// | `consumerID` | the app id | the group that subscriptions belong to; a subscription's own metadata may name another |
/// | `concurrency` | 10 | calls of a subscription's handler at once; with 1 messages come in order, as long as none is refused |
/// | `queueDepth` | 100 | most messages of a subscription that wait for that |
/// | `processingTimeout` | 15s | how long a message is pending that nobody holds before it is handed over again; when given, also how long a handler may take (60s when not); 0 = nothing comes again |
/// | `redeliverInterval` | 60s | how often such messages are looked for; 0 = never |
/// | `ackOnError` | false | whether a message that was refused is done with all the same |
/// | `maxLenApprox` | | about how many entries of a stream are kept |
/// | `streamTTL` | | about how long they are kept, unless `maxLenApprox` is given; a bare number is seconds |
pub struct RedisPubSub {
    link: Arc<Link>,
    options: Arc<Options>,
    settings: Settings,
    tasks: Handle,
}

impl RedisPubSub {
    /// Connects to the Redis that `properties` name.
    ///
    /// # Errors
    /// When a property is wrong or missing, or Redis can't be reached.
    pub async fn open(properties: &Properties, context: &Context) -> Result<Self> {
        let options = Arc::new(Options::read(properties, PAUSE)?);
        let settings = Settings::read(properties, context)?;
        let link = Arc::new(Link::open(&options, &context.tasks, Duration::ZERO).await?);
        Ok(RedisPubSub { link, options, settings, tasks: context.tasks.clone() })
    }
}

impl PubSub for RedisPubSub {
    /// None, as Dapr's: the runtime makes up for expiry and bulk by itself.
    fn features(&self) -> Features {
        Features::default()
    }

    /// Sent again when the connection broke before the answer: a message may be there twice then.
    async fn publish(&self, request: PublishRequest) -> Result<()> {
        let mut add = Pipeline::new();
        add.add_command(message::add(&request, &self.settings.keep));
        let mut answers = self.link.send(&add, Place::Key(&request.topic), Retry::Harmless).await?;
        match answers.pop() {
            Some(Value::ServerError(error)) => Err(error::of(&error.into(), &self.options)),
            _ => Ok(()),
        }
    }

    async fn subscribe(
        &self,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
    ) -> Result<Arc<dyn Subscription>> {
        let named = request.metadata.get(CONSUMER).filter(|name| !name.is_empty());
        let stream = Stream {
            link: Arc::clone(&self.link),
            topic: request.topic,
            group: named.unwrap_or(&self.settings.group).clone(),
        };
        stream.make_group().await?;
        // Reading blocks, so it has a connection of its own.
        let reading = Link::open(&self.options, &self.tasks, intake::BLOCK).await?;
        Ok(subscription::start(stream, reading, handler, self.settings.delivery, &self.tasks))
    }

    async fn ping(&self) -> Result<()> {
        crate::state::ping(&self.link).await
    }

    async fn close(&self) {
        self.link.close();
    }
}

#[cfg(test)]
mod tests;
