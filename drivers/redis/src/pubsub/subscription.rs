//! A running subscription: hands over what the intake brings, so many at once, and acknowledges what is done with. Ending
//! gives back what waits, so that another process can have it at once, and waits for what is worked at.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mecha_component::pubsub::{Handler, Subscription};
use mecha_component::{BoxFuture, Error, Result};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::hand::{Hand, Hands};
use super::intake::Intake;
use super::options::Delivery;
use super::stream::Stream;
use crate::link::Link;

/// The runtime's hold on a subscription.
struct Running {
    stop: watch::Sender<bool>,
    /// Its sender lives as long as the task.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

/// Begins to hand over, in a task of `tasks`.
pub(super) fn start(
    stream: Stream,
    reading: Link,
    handler: Arc<dyn Handler>,
    delivery: Delivery,
    tasks: &Handle,
) -> Arc<dyn Subscription> {
    let (stop, stopped) = watch::channel(false);
    let (alive, ended) = watch::channel(());
    let member = Member { stream, reading, handler, delivery, hands: Hands::default() };
    let task = tasks.spawn(async move {
        member.run(stopped).await;
        drop(alive);
    });
    Arc::new(Running { stop, ended, task: task.abort_handle() })
}

impl Subscription for Running {
    fn stop(&self) -> BoxFuture<'_, ()> {
        self.stop.send_replace(true);
        let mut ended = self.ended.clone();
        Box::pin(async move { while ended.changed().await.is_ok() {} })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Member {
    stream: Stream,
    reading: Link,
    handler: Arc<dyn Handler>,
    delivery: Delivery,
    hands: Hands,
}

impl Member {
    async fn run(&self, mut stopped: watch::Receiver<bool>) {
        let (queue, mut waiting) = mpsc::channel(self.delivery.depth);
        let intake = Intake { stream: &self.stream, reading: &self.reading, hands: &self.hands, queue };
        let mut calls = FuturesUnordered::new();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => {}
            () = intake.read() => {}
            () = self.look_after(&intake) => {}
            () = self.hand_over(&mut waiting, &mut calls) => {}
        }
        self.give_back(&mut waiting).await;
        match self.delivery.again {
            // Until they are done with, they are held.
            Some(again) => tokio::select! {
                biased;
                () = drain(&mut calls) => {}
                () = intake.hold(again) => {}
            },
            None => drain(&mut calls).await,
        }
    }

    async fn look_after(&self, intake: &Intake<'_>) {
        match self.delivery.again {
            Some(again) => {
                tokio::join!(intake.reclaim(again), intake.hold(again));
            }
            None => std::future::pending().await,
        }
    }

    async fn hand_over<'a>(
        &'a self,
        waiting: &mut mpsc::Receiver<Hand>,
        calls: &mut FuturesUnordered<BoxFuture<'a, ()>>,
    ) {
        loop {
            let free = calls.len() < self.delivery.concurrency;
            tokio::select! {
                biased;
                Some(()) = calls.next(), if !calls.is_empty() => {}
                Some(hand) = waiting.recv(), if free => calls.push(Box::pin(self.call(hand))),
                else => return,
            }
        }
    }

    async fn call(&self, mut hand: Hand) {
        let topic = &self.stream.topic;
        let id = hand.entry.id.clone();
        let handled = self.handler.handle(vec![std::mem::take(&mut hand.entry.message)]);
        let outcome = match self.delivery.again {
            Some(again) => settle(handled, Some(again.patience)).await,
            None => settle(handled, None).await,
        };
        if let Err(error) = outcome {
            tracing::debug!("topic {topic}: message {id} was refused: {error}");
            if !self.delivery.ack_on_error {
                return;
            }
        }
        if let Err(error) = self.stream.acknowledge(&id).await {
            tracing::warn!("topic {topic}: message {id} can't be acknowledged and will come again: {error}");
        }
    }

    /// What waits has not been handed over: others may have it at once.
    async fn give_back(&self, waiting: &mut mpsc::Receiver<Hand>) {
        waiting.close();
        let mut ids = Vec::new();
        while let Ok(hand) = waiting.try_recv() {
            ids.push(hand.entry.id.clone());
        }
        if let Some(again) = self.delivery.again
            && !ids.is_empty()
            && let Err(error) = self.stream.set_idle(&ids, again.pending).await
        {
            tracing::debug!(
                "topic {}: {} messages can't be given back: {error}",
                self.stream.topic,
                ids.len()
            );
        }
    }
}

/// What the handler says of its one message, within `patience`; a panic is a refusal.
async fn settle(handled: BoxFuture<'static, Vec<Result<()>>>, patience: Option<Duration>) -> Result<()> {
    let handled = AssertUnwindSafe(handled).catch_unwind();
    let handled = match patience {
        Some(patience) => tokio::time::timeout(patience, handled).await,
        None => Ok(handled.await),
    };
    match handled {
        Err(_) => Err(Error::new(
            mecha_component::ErrorKind::Timeout,
            "it was not handled within processingTimeout",
        )),
        Ok(Err(_)) => Err(Error::internal("its handler panicked")),
        Ok(Ok(mut results)) => {
            results.pop().unwrap_or_else(|| Err(Error::internal("its handler said nothing")))
        }
    }
}

async fn drain(calls: &mut FuturesUnordered<BoxFuture<'_, ()>>) {
    while calls.next().await.is_some() {}
}
