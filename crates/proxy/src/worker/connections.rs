//! The connections of a worker, so that a drain can wake each of them. A connection registers once; whether
//! a drain has begun is a plain load for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use mecha_base::worker::WorkerCell;
use slab::Slab;
use tokio::sync::Notify;

use super::Worker;

pub(super) struct Connections {
    /// Those of outer listeners, and those of inner ones.
    draining: [AtomicBool; 2],
    wakers: WorkerCell<Slab<Option<Waker>>>,
    ended: Notify,
}

impl Default for Connections {
    fn default() -> Self {
        let wakers = WorkerCell::new(Slab::new());
        Connections { draining: Default::default(), wakers, ended: Notify::new() }
    }
}

impl Connections {
    pub(super) fn is_draining(&self, inner: bool) -> bool {
        let [outer_draining, inner_draining] = &self.draining;
        if inner { inner_draining } else { outer_draining }.load(Ordering::Relaxed)
    }

    /// Tells every connection, and those of inner or outer listeners that it is their turn.
    pub(super) fn drain(&self, inner: bool) {
        let [outer_draining, inner_draining] = &self.draining;
        if inner { inner_draining } else { outer_draining }.store(true, Ordering::Relaxed);
        if let Some(wakers) = self.wakers.borrow() {
            for waker in wakers.iter().filter_map(|(_, waker)| waker.as_ref()) {
                waker.wake_by_ref();
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.wakers.borrow().map_or(0, |wakers| wakers.len())
    }

    /// Waits until there are none.
    pub(super) async fn all_ended(&self) {
        while self.count() > 0 {
            self.ended.notified().await;
        }
    }
}

/// A connection's place among those of its worker, for as long as it lives.
pub(crate) struct Slot {
    worker: Arc<Worker>,
    key: usize,
    known: bool,
}

impl Slot {
    pub(crate) fn new(worker: &Arc<Worker>) -> Self {
        let key = worker.connections.wakers.borrow().map_or(usize::MAX, |mut wakers| wakers.insert(None));
        Slot { worker: worker.clone(), key, known: false }
    }

    /// Remembers whom to wake; a task's waker stays the same, so once is enough.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if self.known {
            return;
        }
        self.known = true;
        if let Some(mut wakers) = self.worker.connections.wakers.borrow()
            && let Some(waker) = wakers.get_mut(self.key)
        {
            *waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(mut wakers) = self.worker.connections.wakers.borrow() {
            wakers.try_remove(self.key);
            if wakers.is_empty() {
                self.worker.connections.ended.notify_one();
            }
        }
    }
}
