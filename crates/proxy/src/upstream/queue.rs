//! Requests that wait for a connection because a limit of their cluster is reached. Limits hold for all
//! workers, so the queue is shared; it is touched only while somebody waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mecha_cluster::HostId;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

/// The queues of all clusters, and the bells of all workers.
pub(crate) struct Queues {
    clusters: Mutex<HashMap<Arc<str>, Arc<Queue>>>,
    bells: Vec<Arc<Notify>>,
}

/// Those who wait for a connection of one cluster.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: AtomicUsize,
    waiters: Mutex<VecDeque<Waiter>>,
}

struct Waiter {
    host: HostId,
    worker: usize,
    wake: oneshot::Sender<()>,
}

/// A place in the queue; leaving it early gives a wake-up that came too late to the next one.
pub(crate) struct Place {
    queue: Arc<Queue>,
    host: HostId,
    worker: usize,
    wake: oneshot::Receiver<()>,
    used: bool,
}

impl Queues {
    pub(crate) fn new(workers: usize) -> Self {
        let bells = (0..workers).map(|_| Arc::default()).collect();
        Queues { clusters: Mutex::default(), bells }
    }

    /// The queue of a cluster; to be kept by whoever asks often.
    pub(crate) fn of(&self, cluster: &Arc<str>) -> Arc<Queue> {
        self.clusters.lock().entry(cluster.clone()).or_default().clone()
    }

    /// Rings when another worker needs the connections that this one keeps unused.
    pub(crate) fn bell(&self, worker: usize) -> Arc<Notify> {
        self.bells.get(worker).cloned().unwrap_or_default()
    }

    /// Asks the other workers to give up unused connections.
    pub(crate) fn ring_others(&self, worker: usize) {
        for (_, bell) in self.bells.iter().enumerate().filter(|(other, _)| *other != worker) {
            bell.notify_one();
        }
    }
}

impl Queue {
    /// Whether nobody waits: one load.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// Whether somebody on another worker waits.
    pub(crate) fn is_wanted_elsewhere(&self, worker: usize) -> bool {
        !self.is_empty() && self.waiters.lock().iter().any(|waiter| waiter.worker != worker)
    }

    /// Joins at the end.
    pub(crate) fn join(self: &Arc<Self>, host: HostId, worker: usize) -> Place {
        let (wake, woken) = oneshot::channel();
        self.waiters.lock().push_back(Waiter { host, worker, wake });
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Place { queue: self.clone(), host, worker, wake: woken, used: false }
    }

    /// Whether somebody on `worker` waits for `host` and was woken: an unused connection can be handed over here.
    pub(crate) fn wake_local(&self, host: HostId, worker: usize) -> bool {
        self.wake(|waiter| waiter.host == host && waiter.worker == worker)
    }

    /// A connection to `host` was closed: wakes whoever can open one in its place.
    pub(crate) fn wake_any(&self, host: HostId) {
        if !self.is_empty() && !self.wake(|waiter| waiter.host == host) {
            self.wake(|_| true);
        }
    }

    /// Wakes the first one that fits.
    fn wake(&self, fits: impl Fn(&Waiter) -> bool) -> bool {
        loop {
            let waiter = {
                let mut waiters = self.waiters.lock();
                let Some(at) = waiters.iter().position(&fits) else { return false };
                waiters.remove(at)
            };
            // One that has gone away in the meantime leaves its turn to the next.
            match waiter.map(|waiter| waiter.wake.send(())) {
                Some(Ok(())) => return true,
                Some(Err(())) => {}
                None => return false,
            }
        }
    }
}

impl Place {
    /// Waits for a wake-up.
    pub(crate) async fn woken(&mut self) {
        let _ = (&mut self.wake).await;
        self.used = true;
    }

    /// A place at the end again, for one whose wake-up came to nothing.
    pub(crate) fn again(&self) -> Place {
        self.queue.join(self.host, self.worker)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::AcqRel);
        self.wake.close();
        if !self.used && self.wake.try_recv().is_ok() {
            self.queue.wake(|_| true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_who_can_use_it_is_woken_first() {
        let queue = Arc::new(Queue::default());
        let mut elsewhere = queue.join(HostId(2), 0);
        let mut here = queue.join(HostId(1), 1);
        assert!(!queue.wake_local(HostId(1), 0));
        queue.wake_any(HostId(1));
        here.woken().await;
        queue.wake_any(HostId(1));
        elsewhere.woken().await;
        drop((here, elsewhere));
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn a_wake_up_is_not_lost_with_its_receiver() {
        let queue = Arc::new(Queue::default());
        let first = queue.join(HostId(1), 0);
        let mut second = queue.join(HostId(1), 0);
        queue.wake_any(HostId(1));
        drop(first);
        second.woken().await;
    }
}
