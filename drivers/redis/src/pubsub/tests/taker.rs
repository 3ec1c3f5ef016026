//! The runtime's end of a subscription: writes down what comes, refuses what it is told to, takes its time when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mecha_component::pubsub::{Handler, Message};
use mecha_component::{BoxFuture, Error, Result};
use tokio::sync::watch;

use crate::testing::PATIENCE;

type Refuse = Box<dyn Fn(usize) -> bool + Send + Sync>;

pub(super) struct Taker {
    refuse: Refuse,
    /// How long a message takes.
    takes: Duration,
    /// Handed over so far, taken or not.
    pub(super) calls: AtomicUsize,
    taken: watch::Sender<Vec<Message>>,
    begun: watch::Sender<usize>,
}

impl Taker {
    pub(super) fn new() -> Arc<Self> {
        Self::with(|_| false, Duration::ZERO)
    }

    /// Refuses what `refuse` says of the number of the message, counted from 0.
    pub(super) fn refusing(refuse: impl Fn(usize) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Self::with(refuse, Duration::ZERO)
    }

    pub(super) fn slow(takes: Duration) -> Arc<Self> {
        Self::with(|_| false, takes)
    }

    fn with(refuse: impl Fn(usize) -> bool + Send + Sync + 'static, takes: Duration) -> Arc<Self> {
        Arc::new(Taker {
            refuse: Box::new(refuse),
            takes,
            calls: AtomicUsize::new(0),
            taken: watch::channel(Vec::new()).0,
            begun: watch::channel(0).0,
        })
    }

    /// The texts, once there are `count`.
    pub(super) async fn until(&self, count: usize) -> Vec<String> {
        let mut taken = self.taken.subscribe();
        let waited = tokio::time::timeout(PATIENCE, taken.wait_for(|taken| taken.len() >= count)).await;
        assert!(waited.is_ok(), "{count} messages should have come, {} did", self.messages().len());
        self.texts()
    }

    /// Waits until a message is worked at.
    pub(super) async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        let waited = tokio::time::timeout(PATIENCE, begun.wait_for(|begun| *begun > 0)).await;
        assert!(waited.is_ok(), "a message should have come");
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let text = |message: &Message| String::from_utf8(message.data.to_vec()).unwrap();
        self.taken.borrow().iter().map(text).collect()
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        self.taken.borrow().clone()
    }
}

impl Handler for Taker {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        assert_eq!(messages.len(), 1, "messages come one at a time");
        let refused = (self.refuse)(self.calls.fetch_add(1, Ordering::SeqCst));
        self.begun.send_modify(|begun| *begun += 1);
        let (taken, takes) = (self.taken.clone(), self.takes);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            if refused {
                return vec![Err(Error::internal("refused by the test"))];
            }
            taken.send_modify(|taken| taken.extend(messages));
            vec![Ok(())]
        })
    }
}
