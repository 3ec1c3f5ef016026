//! The runtime's end of a subscription in the suite: writes down what it takes, refuses what the case wants refused, and
//! can hold what it was given.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::pubsub::{Handler, Message};
use crate::{BoxFuture, Error, Result};

type Refuse = Box<dyn Fn(usize, &Message) -> bool + Send + Sync>;

/// The hand of the case on what a subscription got.
#[derive(Clone)]
pub(super) struct Recorder(Arc<Inner>);

struct Inner {
    /// Given the number of the call, counted from 1, and the message.
    refuse: Refuse,
    taken: Mutex<Vec<Message>>,
    calls: Mutex<Vec<usize>>,
    count: watch::Sender<usize>,
    open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Recorder {
    /// Takes everything.
    pub(super) fn new() -> Self {
        Self::refusing(|_, _| false)
    }

    /// Refuses what `refuse` says of the number of the message handed over, counted from 1, and the message.
    pub(super) fn refusing(refuse: impl Fn(usize, &Message) -> bool + Send + Sync + 'static) -> Self {
        Recorder(Arc::new(Inner {
            refuse: Box::new(refuse),
            taken: Mutex::default(),
            calls: Mutex::default(),
            count: watch::channel(0).0,
            open: watch::channel(true).0,
            waiting: watch::channel(0).0,
        }))
    }

    /// Holds what comes until [`Recorder::open`].
    pub(super) fn close(&self) {
        self.0.open.send_replace(false);
    }

    /// Lets go of what is held.
    pub(super) fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Waits until something is held.
    pub(super) async fn holds_something(&self) {
        let _ = self.0.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// Waits until `count` messages were taken.
    pub(super) async fn taken_at_least(&self, count: usize) {
        let _ = self.0.count.subscribe().wait_for(|taken| *taken >= count).await;
    }

    /// What was taken, in order.
    pub(super) fn taken(&self) -> Vec<Message> {
        self.0.taken.lock().clone()
    }

    /// The texts that were taken, in order.
    pub(super) fn texts(&self) -> Vec<String> {
        let text = |message: &Message| String::from_utf8_lossy(&message.data).into_owned();
        self.0.taken.lock().iter().map(text).collect()
    }

    /// How many messages each call brought.
    pub(super) fn calls(&self) -> Vec<usize> {
        self.0.calls.lock().clone()
    }

    pub(super) fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(self.clone())
    }
}

impl Handler for Recorder {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.waiting.send_modify(|waiting| *waiting += 1);
            let _ = inner.open.subscribe().wait_for(|open| *open).await;
            let handed_over = {
                let mut calls = inner.calls.lock();
                calls.push(messages.len());
                calls.iter().sum::<usize>() - messages.len()
            };
            let each = |(index, message): (usize, Message)| {
                if (inner.refuse)(handed_over + index + 1, &message) {
                    return Err(Error::internal("refused by the suite"));
                }
                inner.taken.lock().push(message);
                Ok(())
            };
            let results = messages.into_iter().enumerate().map(each).collect();
            let taken = inner.taken.lock().len();
            inner.count.send_replace(taken);
            results
        })
    }
}
