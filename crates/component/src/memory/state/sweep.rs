//! The task that takes expired items out of memory. It sleeps until something can expire, and holds the lock for a
//! bounded number of items at a time. It ends when the store is gone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::MemoryState;

/// Most items taken out while the lock is held.
const AT_ONCE: usize = 256;
/// Not more often than this; what is invisible may stay a little.
const PAUSE: Duration = Duration::from_secs(1);
/// Not more seldom than this while anything can expire: items that were stored later may expire sooner.
const LONGEST: Duration = Duration::from_secs(10);

pub(super) async fn run(store: Weak<MemoryState>, expiry: Arc<Notify>) {
    loop {
        let Some(next) = store.upgrade().map(|store| store.map.write().sweep(AT_ONCE)) else { return };
        match next {
            None => expiry.notified().await,
            Some(at) if at <= Instant::now() => tokio::task::yield_now().await,
            Some(at) => {
                let at = at.clamp(Instant::now() + PAUSE, Instant::now() + LONGEST);
                tokio::time::sleep_until(at).await;
            }
        }
    }
}
