//! What the broker in memory does beyond the conformance suite: back pressure, the end of a message that is always
//! refused, the end of a subscription.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::BoxFuture;
use crate::conformance::pubsub::{Options, check};

/// Takes a message for each permit, refusing those that begin with `bad`.
struct Gate {
    permits: Semaphore,
    taken: AtomicU32,
    refused: AtomicU32,
}

struct Gated(Arc<Gate>);

impl Gate {
    fn with(permits: usize) -> Arc<Self> {
        Arc::new(Gate {
            permits: Semaphore::new(permits),
            taken: AtomicU32::new(0),
            refused: AtomicU32::new(0),
        })
    }
}

impl Handler for Gated {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            gate.permits.acquire().await.unwrap().forget();
            if messages[0].data.starts_with(b"bad") {
                gate.refused.fetch_add(1, Ordering::Relaxed);
                return vec![Err(Error::internal("refused"))];
            }
            gate.taken.fetch_add(1, Ordering::Relaxed);
            vec![Ok(())]
        })
    }
}

async fn subscribed(broker: &MemoryPubSub, gate: &Arc<Gate>) -> Arc<dyn Subscription> {
    let request = SubscribeRequest { topic: "t".to_owned(), ..Default::default() };
    broker.subscribe(request, Arc::new(Gated(Arc::clone(gate)))).await.unwrap()
}

fn message(data: &'static str) -> PublishRequest {
    PublishRequest { topic: "t".to_owned(), data: Bytes::from_static(data.as_bytes()), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn conforms() {
    let report = check(Arc::new(MemoryPubSub::new(Handle::current())), Options::default()).await;
    assert!(report.ran.contains(&"wildcards"));
    assert!(report.ran.contains(&"order"));
    assert!(report.ran.contains(&"bulk-subscribe"));
}

/// Keeps what came together, refusing what it sees for the first time and begins with `bad`.
#[derive(Default)]
struct Batches(parking_lot::Mutex<Vec<Vec<Bytes>>>);

impl Handler for Arc<Batches> {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let batch: Vec<_> = messages.into_iter().map(|message| message.data).collect();
        let mut seen = self.0.lock();
        let is_new = |data: &Bytes| !seen.iter().flatten().any(|earlier| earlier == data);
        let result = |data: &Bytes| {
            if data.starts_with(b"bad") && is_new(data) { Err(Error::internal("refused")) } else { Ok(()) }
        };
        let results = batch.iter().map(result).collect();
        seen.push(batch);
        Box::pin(std::future::ready(results))
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_close_together_are_handed_over_together() {
    let broker = MemoryPubSub::new(Handle::current());
    let batches = Arc::new(Batches::default());
    let bulk = Some((3, Duration::from_secs(1)));
    let request = SubscribeRequest { topic: "t".to_owned(), bulk, ..Default::default() };
    let subscription = broker.subscribe(request, Arc::new(Arc::clone(&batches))).await.unwrap();
    let begun = Instant::now();
    for data in ["a", "bad", "c", "d"] {
        broker.publish(message(data)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    subscription.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "the end waits for nobody");
    assert_eq!(*batches.0.lock(), [vec!["a", "bad", "c"], vec!["bad"], vec!["d"]]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_publishers_wait_and_then_refuses() {
    let broker = MemoryPubSub::new(Handle::current());
    let gate = Gate::with(0);
    let _subscription = subscribed(&broker, &gate).await;
    // One message is in the handler's hands, the others fill the queue.
    for _ in 0..=subscription::QUEUE {
        broker.publish(message("x")).await.unwrap();
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let error = broker.publish(message("x")).await.unwrap_err();
    assert!(begun.elapsed() >= ROOM);
    assert_eq!(error.kind(), crate::ErrorKind::Unavailable);
    assert!(error.message().starts_with("topic t: "), "{error}");
    // With room again, a publisher that waits goes on.
    let (published, ()) = tokio::join!(broker.publish(message("x")), async { gate.permits.add_permits(1) });
    published.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_always_refused_is_dropped_at_last() {
    let broker = MemoryPubSub::new(Handle::current());
    let gate = Gate::with(100);
    let subscription = subscribed(&broker, &gate).await;
    broker.publish(message("bad")).await.unwrap();
    broker.publish(message("good")).await.unwrap();
    while gate.taken.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gate.refused.load(Ordering::Relaxed), subscription::ATTEMPTS);
    subscription.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_hands_over_what_was_accepted() {
    let broker = MemoryPubSub::new(Handle::current());
    let gate = Gate::with(0);
    let subscription = subscribed(&broker, &gate).await;
    for data in ["a", "bad", "b", "c"] {
        broker.publish(message(data)).await.unwrap();
    }
    gate.permits.add_permits(100);
    let begun = Instant::now();
    subscription.stop().await;
    assert_eq!(gate.taken.load(Ordering::Relaxed), 3);
    // No pauses between attempts any more.
    assert_eq!(begun.elapsed(), Duration::ZERO);
    broker.publish(message("late")).await.unwrap();
    assert_eq!(gate.taken.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_takes_nothing_more() {
    let broker = MemoryPubSub::new(Handle::current());
    let gate = Gate::with(100);
    drop(subscribed(&broker, &gate).await);
    broker.publish(message("x")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(gate.taken.load(Ordering::Relaxed), 0);
}
