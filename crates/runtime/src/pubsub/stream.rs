//! Subscriptions that an application opens as a stream: events go out with an id, verdicts come back by it. Needs no
//! server of the application. What the stream has not settled when it ends comes again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mecha_component::pubsub::Metadata;
use mecha_config::runtime::{Subscription, SubscriptionRule};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::running::Running;
use crate::channel::{TopicEvent, Verdict};
use crate::error::ApiError;
use crate::runtime::Runtime;

/// Events that wait for the stream to take them; deliveries beyond wait in the driver.
const AHEAD: usize = 16;
/// The path that metadata shows for streams.
const PATH: &str = "/";

/// An event for a stream.
#[derive(Clone, Debug)]
pub struct StreamEvent {
    /// What [`StreamAcks::processed`] is told.
    pub id: String,
    /// The event; its path means nothing.
    pub event: TopicEvent,
}

/// The application's end of a subscription. Dropping it ends the subscription.
pub struct StreamSubscription {
    events: mpsc::Receiver<StreamEvent>,
    acks: StreamAcks,
}

/// Where verdicts go. Does not keep the subscription.
#[derive(Clone)]
pub struct StreamAcks(Arc<Shared>);

/// What a stream and its deliveries share.
pub(super) struct Shared {
    pub(super) wish: Subscription,
    /// `None` once no more will come.
    events: Mutex<Option<mpsc::Sender<StreamEvent>>>,
    /// Deliveries that wait for their verdict, by the id of the event, oldest first: brokers may hand the same event over
    /// twice at once. As many as the driver has under way.
    pending: Mutex<HashMap<String, VecDeque<oneshot::Sender<Verdict>>>>,
    /// The driver's end; `None` while there is none.
    driver: Mutex<End>,
}

#[derive(Default)]
struct End {
    running: Option<Running>,
    ended: bool,
}

impl StreamSubscription {
    /// The next event; `None` when the runtime has ended the subscription.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        self.events.recv().await
    }

    /// Where verdicts go, for whoever reads what the application sends.
    pub fn acks(&self) -> StreamAcks {
        self.acks.clone()
    }

    /// See [`StreamAcks::processed`].
    pub fn processed(&self, id: &str, verdict: Verdict) -> bool {
        self.acks.processed(id, verdict)
    }
}

impl Drop for StreamSubscription {
    fn drop(&mut self) {
        // First the mark that it ends, so that no delivery that fails for it counts as failed.
        let running = self.acks.0.end();
        self.events.close();
        self.acks.0.pending.lock().clear();
        drop(running);
    }
}

impl StreamAcks {
    /// Settles an event; whether one waited by that id.
    pub fn processed(&self, id: &str, verdict: Verdict) -> bool {
        let mut pending = self.0.pending.lock();
        let Some(waiting) = pending.get_mut(id) else { return false };
        let settled = std::iter::from_fn(|| waiting.pop_front()).any(|waiting| waiting.send(verdict).is_ok());
        if waiting.is_empty() {
            pending.remove(id);
        }
        settled
    }
}

impl Shared {
    /// Sends an event and waits for its verdict.
    pub(super) async fn offer(&self, event: TopicEvent) -> Result<Verdict, ApiError> {
        let gone = || ApiError::internal("the stream of the subscription has ended");
        let id = match event.envelope.get("id").and_then(|id| id.as_str()) {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => Uuid::new_v4().to_string(),
        };
        let events = self.events.lock().clone().ok_or_else(gone)?;
        let place = events.reserve().await.map_err(|_| gone())?;
        let _forget = Forget { shared: self, id: &id };
        let (tell, verdict) = oneshot::channel();
        self.pending.lock().entry(id.clone()).or_default().push_back(tell);
        // It may have ended since there was a place; who ended it has cleared the table by now.
        if self.has_ended() {
            return Err(gone());
        }
        place.send(StreamEvent { id: id.clone(), event });
        verdict.await.map_err(|_| gone())
    }

    /// Ends it for good; what the driver has of it.
    pub(super) fn end(&self) -> Option<Running> {
        let mut driver = self.driver.lock();
        driver.ended = true;
        driver.running.take().inspect(Running::begin_to_end)
    }

    /// Tells the stream that no more events will come.
    pub(super) fn hang_up(&self) {
        self.events.lock().take();
    }

    /// Takes the driver's end away, to begin again later.
    pub(super) fn release(&self) -> Option<Running> {
        self.driver.lock().running.take()
    }

    /// Whether it has ended or has what it needs.
    pub(super) fn is_settled(&self) -> bool {
        let driver = self.driver.lock();
        driver.ended || driver.running.is_some()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.driver.lock().ended
    }

    /// Gives it a driver's end; one that came too late is dropped.
    pub(super) fn begin(&self, running: Running) {
        let mut driver = self.driver.lock();
        if !driver.ended {
            driver.running = Some(running);
        }
    }
}

/// Takes deliveries out of the table that nobody waits for any more.
struct Forget<'a> {
    shared: &'a Shared,
    id: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut pending = self.shared.pending.lock();
        if let Some(waiting) = pending.get_mut(self.id) {
            waiting.retain(|waiting| !waiting.is_closed());
            if waiting.is_empty() {
                pending.remove(self.id);
            }
        }
    }
}

impl Runtime {
    /// Subscribes for a stream; several on one topic are subscriptions of their own.
    ///
    /// # Errors
    /// No such component, no topic, a topic that the application may not use, metadata that can't be read, or the broker
    /// can't be subscribed to.
    pub async fn subscribe_stream(
        self: &Arc<Self>,
        pubsub: &str,
        topic: &str,
        metadata: Metadata,
        dead_letter: Option<String>,
    ) -> Result<StreamSubscription, ApiError> {
        if pubsub.is_empty() {
            return Err(ApiError::pubsub_name_empty(&metadata));
        }
        if self.broker(pubsub).is_none() {
            return Err(ApiError::pubsub_not_found(pubsub, &metadata));
        }
        if topic.is_empty() {
            return Err(ApiError::topic_empty(pubsub, &metadata));
        }
        let wish = Subscription {
            pubsub: pubsub.to_owned(),
            topic: topic.to_owned(),
            rules: vec![SubscriptionRule { matches: String::new(), path: PATH.to_owned() }],
            metadata,
            dead_letter: dead_letter.filter(|topic| !topic.is_empty()),
            ..Subscription::default()
        };
        let (events, receiver) = mpsc::channel(AHEAD);
        let shared = Arc::new(Shared {
            wish,
            events: Mutex::new(Some(events)),
            pending: Mutex::default(),
            driver: Mutex::new(End::default()),
        });
        let stream = StreamSubscription { events: receiver, acks: StreamAcks(shared.clone()) };
        let started = self.pubsub().manager.add_stream(self, &shared).await;
        started.map_err(|error| ApiError::subscribe_failed(pubsub, topic, &error.text))?;
        Ok(stream)
    }
}
