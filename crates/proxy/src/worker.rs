//! A worker: one thread, its listeners, connections, pools, counters and logs. Workers share nothing on the
//! request path; what they do share (limits, queues of waiting requests) is touched only at a limit.

mod connections;
mod current;
mod doors;
mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use mecha_base::worker::WorkerCell;
use mecha_cluster::Speaks;
use mecha_http::http1::Limits;
use mecha_metrics::Registry;

use connections::Connections;
pub(crate) use connections::Slot;
pub use run::{Doorway, Drains, run};

use crate::listener::Door;
use crate::snapshot::Snapshot;
use crate::upstream::{Pools, Queues};

/// What all workers of a process have in common.
pub struct Workers {
    count: usize,
    registry: Arc<Registry>,
    queues: Arc<Queues>,
}

/// One worker. Made on its own thread.
pub struct Worker {
    index: usize,
    count: usize,
    registry: Arc<Registry>,
    snapshot: WorkerCell<Arc<Snapshot>>,
    rng: WorkerCell<Rng>,
    ids: AtomicU64,
    pools: Arc<Pools>,
    connections: Connections,
    doors: WorkerCell<Vec<Arc<Door>>>,
    upstream_limits: Arc<Limits>,
}

impl Workers {
    /// For `count` workers that count in `registry`.
    pub fn new(count: usize, registry: Arc<Registry>) -> Arc<Self> {
        Arc::new(Workers { count, registry, queues: Arc::new(Queues::new(count)) })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Worker number `index`. To be called on the thread that it will run on.
    pub fn worker(&self, index: usize, snapshot: &Snapshot) -> Arc<Worker> {
        Arc::new(Worker {
            index,
            count: self.count,
            registry: self.registry.clone(),
            snapshot: WorkerCell::new(Arc::new(snapshot.clone())),
            rng: WorkerCell::new(Rng::new()),
            ids: AtomicU64::new(0),
            pools: Arc::new(Pools::new(index, self.registry.clone(), self.queues.clone())),
            connections: Connections::default(),
            doors: WorkerCell::new(Vec::new()),
            upstream_limits: Arc::default(),
        })
    }
}

impl Worker {
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn pools(&self) -> &Arc<Pools> {
        &self.pools
    }

    /// Limits of what upstreams may send.
    pub(crate) fn upstream_limits(&self) -> &Arc<Limits> {
        &self.upstream_limits
    }

    /// What requests route by now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().map(|snapshot| snapshot.clone()).unwrap_or_default()
    }

    /// Routes by another configuration from now on. [`run`] does this for every change it is told of; a caller that needs
    /// a cluster it has just added calls this itself. To be called on the worker's thread.
    pub fn set_snapshot(&self, snapshot: &Snapshot) {
        if let Some(mut current) = self.snapshot.borrow() {
            *current = Arc::new(snapshot.clone());
        }
        self.pools.forget_absent(snapshot.clusters());
    }

    /// Whether requests can be routed to a cluster of this name. To be called on the worker's thread.
    pub fn has_cluster(&self, name: &str) -> bool {
        self.snapshot.borrow().is_some_and(|snapshot| snapshot.clusters().get(name).is_some())
    }

    /// What the hosts of a cluster speak, when it says so. To be called on the worker's thread.
    pub fn speaks(&self, cluster: &str) -> Option<Speaks> {
        self.snapshot.borrow()?.clusters().get(cluster)?.speaks
    }

    /// A generator for one connection, drawn from the worker's.
    pub(crate) fn fork_rng(&self) -> Rng {
        self.rng.borrow().map_or_else(Rng::new, |mut rng| rng.fork())
    }

    /// A number that no other connection of this process has.
    pub(crate) fn next_id(&self) -> u64 {
        // Only this thread writes it: no locked operation.
        let number = self.ids.load(Ordering::Relaxed);
        self.ids.store(number + 1, Ordering::Relaxed);
        number * self.count as u64 + self.index as u64 + 1
    }

    /// Whether the calling thread is the worker's.
    pub(crate) fn is_here(&self) -> bool {
        self.doors.borrow().is_some()
    }

    /// Whether connections of outer, or inner, listeners should end as soon as they decently can.
    pub(crate) fn is_draining(&self, inner: bool) -> bool {
        self.connections.is_draining(inner)
    }
}
