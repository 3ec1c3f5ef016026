//! Collects messages for bulk subscriptions on drivers that hand over one at a time: until there are as many as wished,
//! or the first has waited as long as it may (reference 1.6).

use std::sync::Arc;

use mecha_component::pubsub::{Handler, Message};
use mecha_component::{BoxFuture, Error, Result};
use mecha_config::runtime::component::Bulk;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::bulk;
use super::delivery::Delivery;

/// A message and who waits for what becomes of it.
type Waiting = (Message, oneshot::Sender<Result<()>>);

/// Takes messages one by one and delivers them together. Its task ends when it is dropped.
pub(super) struct Collector {
    delivery: Arc<Delivery>,
    waiting: mpsc::Sender<Waiting>,
}

impl Collector {
    pub(super) fn new(delivery: Arc<Delivery>, limits: Bulk, tasks: &Handle) -> Self {
        let (waiting, receiver) = mpsc::channel(limits.max_messages.max(1));
        tasks.spawn(collect(delivery.clone(), limits, receiver));
        Collector { delivery, waiting }
    }
}

impl Handler for Collector {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let (delivery, waiting) = (self.delivery.clone(), self.waiting.clone());
        Box::pin(async move {
            let mut answers = Vec::with_capacity(messages.len());
            for message in messages {
                let (tell, answer) = oneshot::channel();
                let taken = match delivery.open() {
                    Ok(_) => waiting.send((message, tell)).await.is_ok(),
                    Err(_) => false,
                };
                answers.push(taken.then_some(answer));
            }
            let mut results = Vec::with_capacity(answers.len());
            for answer in answers {
                let settled = match answer {
                    Some(answer) => answer.await.ok(),
                    None => None,
                };
                results.push(settled.unwrap_or_else(|| Err(Error::unavailable("subscription is closed"))));
            }
            results
        })
    }
}

async fn collect(delivery: Arc<Delivery>, limits: Bulk, mut waiting: mpsc::Receiver<Waiting>) {
    let mut closing = delivery.closing.subscribe();
    let most = limits.max_messages.max(1);
    while let Some(first) = waiting.recv().await {
        let end = Instant::now() + limits.max_await;
        let mut batch = vec![first];
        while batch.len() < most {
            // Who ends a subscription waits for what is collected, so that goes at once.
            let next = tokio::select! {
                biased;
                next = timeout_at(end, waiting.recv()) => next,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            match next {
                Ok(Some(next)) => batch.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        let (messages, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (result, answer) in bulk::deliver(&delivery, messages).await.into_iter().zip(answers) {
            let _ = answer.send(result);
        }
    }
}
