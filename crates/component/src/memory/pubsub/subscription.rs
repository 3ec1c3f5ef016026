//! A running subscription in memory: the task that hands messages over, tries again what was refused, and ends by
//! handing over what it still has.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::topics::Topics;
use crate::BoxFuture;
use crate::pubsub::{Handler, Message, Subscription};

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
        topic: &str,
        handler: Arc<dyn Handler>,
        tasks: &Handle,
    ) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let (hurry, hurried) = watch::channel(false);
        let (alive, ended) = watch::channel(());
        let worker = Worker { messages, handler, hurried };
        let task = tasks.spawn(async move {
            worker.run().await;
            drop(alive);
        });
        let id = topics.add(topic, queue);
        let topics = Arc::clone(topics);
        Running { topics, topic: topic.to_owned(), id, hurry, ended, task: task.abort_handle() }
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
    handler: Arc<dyn Handler>,
    hurried: watch::Receiver<bool>,
}

impl Worker {
    async fn run(mut self) {
        while let Some(message) = self.messages.recv().await {
            self.deliver(message).await;
        }
    }

    async fn deliver(&mut self, message: Message) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let mut results = self.handler.handle(vec![message.clone()]).await;
            let Some(Err(error)) = results.pop() else { return };
            if attempt == ATTEMPTS || *self.hurried.borrow() {
                tracing::error!(topic = %message.topic, attempt, "message dropped: {error}");
                return;
            }
            tracing::debug!(topic = %message.topic, attempt, "message refused, trying again: {error}");
            // An end cuts the pause short, and the next attempt is the last.
            let _ = tokio::time::timeout(pause, self.hurried.wait_for(|hurry| *hurry)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
