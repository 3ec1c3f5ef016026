//! A subscription: takes messages from its group and hands them over, several at once where that is asked for.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mecha_component::pubsub::{Handler, Subscription};
use mecha_component::{BoxFuture, Result};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::group::{Group, Hand};
use super::options::Delivery;
use super::topic::Topic;

/// How long a subscription waits when the log can't be read.
const PAUSE: Duration = Duration::from_secs(1);

/// What a member does.
pub(crate) struct Member {
    /// What it reads.
    pub(crate) topic: Arc<Topic>,
    /// Whom it belongs to.
    pub(crate) group: Arc<Group>,
    /// Who takes the messages.
    pub(crate) handler: Arc<dyn Handler>,
    /// How they are handed over.
    pub(crate) delivery: Delivery,
    /// Most messages of one call, and how long the first may wait for more.
    pub(crate) bulk: Option<(usize, Duration)>,
}

/// The running subscription.
struct Running {
    stop: watch::Sender<bool>,
    task: AbortHandle,
    done: watch::Receiver<bool>,
}

impl Member {
    /// Begins to hand over, in a task of `tasks`.
    pub(crate) fn start(self, tasks: &Handle) -> Arc<dyn Subscription> {
        let (stop, stopped) = watch::channel(false);
        let (finished, done) = watch::channel(false);
        let task = tasks.spawn(async move {
            self.run(stopped).await;
            // Who waits for the end may let go of the broker next.
            drop(self);
            // Nobody may wait.
            let _ = finished.send(true);
        });
        Arc::new(Running { stop, task: task.abort_handle(), done })
    }

    async fn run(&self, mut stopped: watch::Receiver<bool>) {
        let mut calls = FuturesUnordered::new();
        let want = self.bulk.map_or(1, |(most, _)| most.max(1));
        loop {
            let free = self.delivery.concurrency.saturating_sub(calls.len());
            // One call each for messages that come one by one.
            let want = if self.bulk.is_some() { want } else { free };
            let taking = self.take(want);
            tokio::pin!(taking);
            let taken = loop {
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|stop| *stop) => break None,
                    Some(()) = calls.next(), if !calls.is_empty() => {
                        if free == 0 {
                            break Some(Vec::new());
                        }
                    }
                    taken = &mut taking, if free > 0 => break Some(taken),
                }
            };
            let Some(taken) = taken else { break };
            if self.bulk.is_some() {
                if !taken.is_empty() {
                    calls.push(self.call(taken));
                }
            } else {
                taken.into_iter().for_each(|hand| calls.push(self.call(vec![hand])));
            }
        }
        while calls.next().await.is_some() {}
        if let Err(error) = self.topic.save(&self.group).await {
            tracing::warn!("topic {}: {error}; what was delivered last comes again", self.topic.name);
        }
    }

    async fn take(&self, want: usize) -> Vec<Hand> {
        let mut hands = loop {
            match self.group.take(&self.topic, want, &self.delivery).await {
                Ok(hands) => break hands,
                Err(error) => {
                    tracing::warn!("topic {}: {error}", self.topic.name);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let Some((most, patience)) = self.bulk else { return hands };
        let until = tokio::time::Instant::now() + patience;
        while hands.len() < most {
            let more = self.group.take(&self.topic, most - hands.len(), &self.delivery);
            match tokio::time::timeout_at(until, more).await {
                Ok(Ok(more)) => hands.extend(more),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        hands
    }

    async fn call(&self, mut hands: Vec<Hand>) {
        let messages = hands.iter_mut().map(|hand| std::mem::take(&mut hand.message)).collect();
        let handled = AssertUnwindSafe(async { self.handler.handle(messages).await }).catch_unwind().await;
        let mut results: std::vec::IntoIter<Result<()>> = handled.unwrap_or_default().into_iter();
        for hand in hands {
            match results.next() {
                Some(Ok(())) => hand.done(&self.topic),
                Some(Err(error)) => {
                    tracing::debug!("topic {}: a message was refused: {error}", self.topic.name);
                    hand.refused(&self.delivery);
                }
                None => hand.refused(&self.delivery),
            }
        }
    }
}

impl Subscription for Running {
    fn stop(&self) -> BoxFuture<'_, ()> {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        Box::pin(async move {
            // An error means that the task ended with its runtime.
            let _ = done.wait_for(|done| *done).await;
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
