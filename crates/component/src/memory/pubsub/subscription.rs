//! A running subscription in memory: the task that hands messages over, one by one or several together, tries again what
//! was refused, and ends by handing over what it still has.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::topics::Topics;
use crate::BoxFuture;
use crate::pubsub::{Handler, Message, SubscribeRequest, Subscription};

/// Most messages that wait; then publishers do.
pub(super) const QUEUE: usize = 1024;
/// How often a message is handed over before it is dropped. The runtime's policies and dead letters come before that.
pub(super) const ATTEMPTS: u32 = 10;
/// The pause after the first refusal, doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: the messages behind wait too.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The runtime's hold on a subscription.
pub(super) struct Running {
    topics: Arc<Topics>,
    topic: String,
    id: u64,
    /// Says that no pause is worth waiting for any more.
    hurry: watch::Sender<bool>,
    /// Its sender lives as long as the task.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

impl Running {
    pub(super) fn start(
        topics: &Arc<Topics>,
        request: SubscribeRequest,
        handler: Arc<dyn Handler>,
        tasks: &Handle,
    ) -> Self {
        let SubscribeRequest { topic, bulk, .. } = request;
        let (queue, messages) = mpsc::channel(QUEUE);
        let (hurry, hurried) = watch::channel(false);
        let (alive, ended) = watch::channel(());
        let worker = Worker { messages, handler, hurried, bulk };
        let task = tasks.spawn(async move {
            worker.run().await;
            drop(alive);
        });
        let id = topics.add(&topic, queue);
        let topics = Arc::clone(topics);
        Running { topics, topic, id, hurry, ended, task: task.abort_handle() }
    }
}

impl Subscription for Running {
    /// What is queued is still handed over, once each: nobody else has it.
    fn stop(&self) -> BoxFuture<'_, ()> {
        self.topics.remove(&self.topic, self.id);
        self.hurry.send_replace(true);
        let mut ended = self.ended.clone();
        Box::pin(async move { while ended.changed().await.is_ok() {} })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.topics.remove(&self.topic, self.id);
        self.task.abort();
    }
}

struct Worker {
    messages: mpsc::Receiver<Message>,
    /// Most messages at a time, and how long the first waits for more.
    bulk: Option<(usize, Duration)>,
    handler: Arc<dyn Handler>,
    hurried: watch::Receiver<bool>,
}

impl Worker {
    async fn run(mut self) {
        while let Some(first) = self.messages.recv().await {
            let mut batch = vec![first];
            if let Some((most, patience)) = self.bulk {
                self.gather(&mut batch, most, patience).await;
            }
            self.deliver(batch).await;
        }
    }

    /// Adds what comes in time. An end cuts the wait short.
    async fn gather(&mut self, batch: &mut Vec<Message>, most: usize, patience: Duration) {
        let until = Instant::now() + patience;
        while batch.len() < most {
            let next = tokio::select! {
                biased;
                next = timeout_at(until, self.messages.recv()) => next,
                _ = self.hurried.wait_for(|hurry| *hurry) => return,
            };
            match next {
                Ok(Some(message)) => batch.push(message),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Hands them over, and those that are refused again.
    async fn deliver(&mut self, mut batch: Vec<Message>) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let results = self.handler.handle(batch.clone()).await;
            let refused = batch.into_iter().zip(results).filter_map(|(message, result)| {
                let error = result.err()?;
                Some((message, error))
            });
            let is_last = attempt == ATTEMPTS || *self.hurried.borrow();
            batch = Vec::new();
            for (message, error) in refused {
                if is_last {
                    tracing::error!(topic = %message.topic, attempt, "message dropped: {error}");
                } else {
                    tracing::debug!(topic = %message.topic, attempt, "message refused, trying again: {error}");
                    batch.push(message);
                }
            }
            if batch.is_empty() {
                return;
            }
            // An end cuts the pause short, and the next attempt is the last.
            let _ = timeout(pause, self.hurried.wait_for(|hurry| *hurry)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
