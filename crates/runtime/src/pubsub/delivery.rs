//! One message's way to the application: read, checked for its time, routed, called under the component's inbound
//! policy, and settled by what came of it (reference 1.6). The bulk form is in `bulk` and shares both ends.

use std::sync::{Arc, Weak};
use std::time::Instant;

use jiff::Timestamp;
use mecha_component::pubsub::{Handler, Message};
use mecha_component::{BoxFuture, Error, Result};
use tokio::sync::watch;

use super::broker::Broker;
use super::dead_letter;
use super::event::Event;
use super::rules::Rules;
use super::scopes::Access;
use super::stream::Shared;
use crate::channel::{TopicEvent, Verdict};
use crate::error::ApiError;
use crate::policy::{Failure, Refused};
use crate::runtime::Runtime;

/// What a subscription does with a message.
pub(super) struct Delivery {
    pub(super) runtime: Weak<Runtime>,
    pub(super) broker: Arc<Broker>,
    pub(super) raw: bool,
    pub(super) rules: Rules,
    pub(super) dead_letter: Option<String>,
    pub(super) target: Target,
    /// Set before the driver is told to stop: nothing is tried again.
    pub(super) closing: watch::Sender<bool>,
}

/// Who gets the events.
pub(super) enum Target {
    /// The application's server.
    App,
    /// A stream that the application opened.
    Stream(Arc<Shared>),
}

/// What came of a message.
pub(super) enum Outcome {
    /// The application has dealt with it.
    Success,
    /// Nobody will: dead letter, or gone.
    Drop,
    /// It failed, whatever the policy allowed: dead letter, or the broker hands it over again.
    Failed(String),
    /// The subscription ends: the broker hands it over again.
    Again,
}

/// Why the application did not take an event.
#[derive(Clone, Debug)]
pub(super) struct Undelivered {
    pub(super) message: String,
    http: Option<u16>,
    grpc: Option<u16>,
    closing: bool,
}

impl Delivery {
    pub(super) fn access(&self) -> &Access {
        &self.broker.access
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// The runtime, while the subscription takes messages.
    pub(super) fn open(&self) -> Result<Arc<Runtime>> {
        let runtime = self.runtime.upgrade().filter(|_| !self.is_closing());
        runtime.ok_or_else(|| Error::unavailable("subscription is closed"))
    }

    async fn deliver(&self, message: Message) -> Result<()> {
        let (runtime, began) = (self.open()?, Instant::now());
        let topic = self.access().inner(&message.topic);
        let outcome = match self.route(&message, topic) {
            Ok((event, path)) => self.call(&runtime, &message, topic, event, path).await,
            Err(outcome) => outcome,
        };
        let (result, status) = self.settle(&runtime, &message, outcome).await;
        runtime.metrics().delivered(&self.broker.name, topic, 1, false, status, began.elapsed());
        result
    }

    /// The event and its path.
    pub(super) fn route(
        &self,
        message: &Message,
        topic: &str,
    ) -> std::result::Result<(Event, String), Outcome> {
        let pubsub = &self.broker.name;
        let event = Event::read(message, pubsub, topic, self.raw).map_err(|error| {
            tracing::error!("error deserializing cloud event in pubsub {pubsub} and topic {topic}: {error}");
            Outcome::Drop
        })?;
        let id = event.id();
        if let Some(end) = event.expired(Timestamp::now()) {
            tracing::warn!("dropping expired pub/sub event {id} as of {end}");
            return Err(Outcome::Drop);
        }
        match self.rules.path(&event.envelope) {
            Ok(Some(path)) => {
                let path = path.to_owned();
                Ok((event, path))
            }
            Ok(None) => {
                tracing::debug!(
                    "no matching route for event {id} in pubsub {pubsub} and topic {topic}; skipping"
                );
                Err(Outcome::Drop)
            }
            Err(error) => {
                tracing::error!(
                    "error finding matching route for event {id} in pubsub {pubsub} and topic {topic}: {error}"
                );
                Err(Outcome::Failed(error))
            }
        }
    }

    async fn call(
        &self,
        runtime: &Runtime,
        message: &Message,
        topic: &str,
        event: Event,
        path: String,
    ) -> Outcome {
        let Event { envelope, body } = event;
        let event = TopicEvent {
            pubsub: self.broker.name.clone(),
            topic: topic.to_owned(),
            path,
            envelope,
            body,
            metadata: message.metadata.clone(),
        };
        let policy = runtime.policies().inbound(&self.broker.name, "pubsub");
        let outcome = if policy.is_empty() {
            self.once(runtime, event).await.map_err(Refused::Failed)
        } else {
            policy
                .run(|attempt| {
                    let event = event.clone();
                    async move {
                        if attempt > 0 && self.is_closing() {
                            return Err(Undelivered::closing());
                        }
                        self.once(runtime, event).await
                    }
                })
                .await
        };
        match outcome {
            Ok(Verdict::Drop) => Outcome::Drop,
            Ok(_) => Outcome::Success,
            Err(refused) => self.refused(refused),
        }
    }

    /// One call; `Retry` is an error here.
    async fn once(&self, runtime: &Runtime, event: TopicEvent) -> std::result::Result<Verdict, Undelivered> {
        let topic = event.topic.clone();
        let id = event.envelope.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
        let verdict = match &self.target {
            Target::Stream(stream) => stream.offer(event).await,
            Target::App => match runtime.channel() {
                Some(channel) => channel.topic_event(event).await,
                None => Err(ApiError::internal("the application has no server")),
            },
        };
        let failed = match verdict {
            Ok(Verdict::Success) => return Ok(Verdict::Success),
            Ok(Verdict::Drop) => {
                tracing::warn!("DROP status returned from app while processing pub/sub event {id}");
                return Ok(Verdict::Drop);
            }
            Ok(Verdict::Retry) => Undelivered::new(format!(
                "RETRY status returned from app while processing pub/sub event {id}"
            )),
            Err(error) => Undelivered::of(runtime, &error),
        };
        let message = &failed.message;
        tracing::warn!(
            "encountered a retriable error while publishing a subscribed message to topic {topic}, err: {message}"
        );
        Err(failed)
    }

    /// What it means that a policy gave up.
    pub(super) fn refused(&self, refused: Refused<Undelivered>) -> Outcome {
        match refused {
            // The runtime does not know whether the application would have; the broker has it still.
            _ if self.is_closing() => Outcome::Again,
            Refused::Failed(failed) => Outcome::Failed(failed.message),
            Refused::Timeout(limit) => {
                Outcome::Failed(format!("the application did not answer within {limit:?}"))
            }
            Refused::Open(text) => Outcome::Failed(text.to_owned()),
        }
    }

    /// What the driver is told of a message, and what it counts as.
    pub(super) async fn settle(
        &self,
        runtime: &Runtime,
        message: &Message,
        outcome: Outcome,
    ) -> (Result<()>, &'static str) {
        let failed = match outcome {
            Outcome::Success => return (Ok(()), "success"),
            Outcome::Again => return (Err(Error::unavailable("subscription is closed")), "retry"),
            Outcome::Drop => None,
            Outcome::Failed(error) => Some(error),
        };
        let Some(dead_letter) = &self.dead_letter else {
            return match failed {
                None => (Ok(()), "drop"),
                Some(error) => (Err(Error::unavailable(error)), "retry"),
            };
        };
        match dead_letter::send(runtime, &self.broker.name, message, dead_letter).await {
            Ok(()) => (Ok(()), "drop"),
            Err(error) => (Err(Error::unavailable(failed.unwrap_or_else(|| error.to_string()))), "retry"),
        }
    }
}

impl Undelivered {
    pub(super) fn new(message: String) -> Self {
        Undelivered { message, http: None, grpc: None, closing: false }
    }

    pub(super) fn closing() -> Self {
        Undelivered { closing: true, ..Self::new("subscription is closed".to_owned()) }
    }

    /// An error of the channel; policies may choose by the code of what the application speaks.
    pub(super) fn of(runtime: &Runtime, error: &ApiError) -> Self {
        let is_grpc = runtime.config().app.protocol.is_grpc();
        Undelivered {
            message: error.message().to_owned(),
            http: (!is_grpc).then(|| error.http()),
            grpc: is_grpc.then(|| u16::try_from(error.grpc() as i32).ok()).flatten(),
            closing: false,
        }
    }
}

impl Failure for Undelivered {
    fn is_retriable(&self) -> bool {
        !self.closing
    }

    fn http_status(&self) -> Option<u16> {
        self.http
    }

    fn grpc_code(&self) -> Option<u16> {
        self.grpc
    }
}

/// Takes messages one by one.
pub(super) struct Single(pub(super) Arc<Delivery>);

impl Handler for Single {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let delivery = self.0.clone();
        Box::pin(async move {
            let mut results = Vec::with_capacity(messages.len());
            for message in messages {
                results.push(delivery.deliver(message).await);
            }
            results
        })
    }
}
