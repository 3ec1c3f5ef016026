//! The pools of one worker: for each host its connections of every kind, its counters, and the queue of its cluster.
//! Taking and giving touch nothing that another worker touches.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind, Result};
use mecha_cluster::{Cluster, ClusterSet, Host, HostId};
use mecha_codec::rpc::Protocol;
use mecha_http::http2;
use mecha_metrics::Registry;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::exclusive::IdleList;
use super::http1::Http1Lease;
use super::metrics::UpstreamMetrics;
use super::queue::{Queue, Queues};
use super::rpc::RpcPool;
use super::shared::SharedPool;

/// How often a worker says of the same host that it can't be reached.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The pools of one worker.
pub(crate) struct Pools {
    pub(super) worker: usize,
    pub(super) queues: Arc<Queues>,
    registry: Arc<Registry>,
    hosts: WorkerCell<HashMap<HostId, HostPool, foldhash::fast::RandomState>>,
    /// In bytes, of any listener for RPC protocols.
    pub(super) largest_frame: AtomicUsize,
}

/// What a worker keeps for one host. Connections that are let go of here wake whoever waits for their place, which is
/// then run later: nothing comes back to the pools while one is lent.
pub(super) struct HostPool {
    pub(super) metrics: UpstreamMetrics,
    pub(super) queue: Arc<Queue>,
    pub(super) http1: IdleList<Box<Http1Lease>>,
    pub(super) http2: SharedPool<http2::ClientConnection>,
    /// By protocol: a host may speak several.
    pub(super) rpc: BTreeMap<Protocol, RpcPool>,
    pub(super) idle_timeout: Duration,
    reported: Option<Instant>,
}

impl HostPool {
    /// Whether shared connections are used or made.
    fn is_busy(&self) -> bool {
        self.http2.is_busy() || self.rpc.values().any(|rpc| rpc.shared.is_busy())
    }

    /// Closes what has waited for too long or is over, and counts bytes.
    fn sweep(&mut self, now: Instant) {
        self.http1.sweep(now, &self.metrics);
        self.http2.sweep(now, self.idle_timeout, &self.metrics);
        for rpc in self.rpc.values_mut() {
            rpc.idle.sweep(now, &self.metrics);
            rpc.shared.sweep(now, self.idle_timeout, &self.metrics);
        }
    }

    /// Gives up one connection of each kind: an unused one, and one that is shared.
    fn yield_one(&mut self) {
        self.http1.yield_one(&self.metrics);
        self.http2.yield_one();
        for rpc in self.rpc.values_mut() {
            rpc.idle.yield_one(&self.metrics);
            rpc.shared.yield_one();
        }
    }

    fn clear(&mut self) {
        self.http1.clear(&self.metrics);
        self.http2.clear();
        for rpc in self.rpc.values_mut() {
            rpc.idle.clear(&self.metrics);
            rpc.shared.clear();
        }
    }
}

impl Pools {
    pub(crate) fn new(worker: usize, registry: Arc<Registry>, queues: Arc<Queues>) -> Self {
        Pools {
            worker,
            registry,
            queues,
            hosts: WorkerCell::new(HashMap::default()),
            largest_frame: AtomicUsize::new(0),
        }
    }

    /// Rings when another worker waits for a connection that this one keeps unused.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        self.queues.bell(self.worker)
    }

    /// Says in the log that a host can't be reached, now and then: every request that fails would say it otherwise.
    pub(crate) fn report_unreachable(&self, cluster: &Cluster, host: &Host, error: &Error) {
        if !matches!(error.kind(), Kind::ConnectFailed | Kind::ConnectTimeout) {
            return;
        }
        let now = Instant::now();
        let due = self.with(cluster, host, |pool| {
            let due = pool.reported.is_none_or(|last| now.duration_since(last) >= REPORT_INTERVAL);
            if due {
                pool.reported = Some(now);
            }
            due
        });
        if due == Some(true) {
            tracing::warn!("cluster {}: {error}; it is tried again with the next request", cluster.name);
        }
    }

    /// Lends the pool of a host to `with`; it is made at the first use.
    pub(super) fn with<R>(
        &self,
        cluster: &Cluster,
        host: &Host,
        with: impl FnOnce(&mut HostPool) -> R,
    ) -> Option<R> {
        let mut hosts = self.hosts.borrow()?;
        let pool = hosts.entry(host.id).or_insert_with(|| HostPool {
            metrics: UpstreamMetrics::new(&self.registry, self.worker, &cluster.name, &host.name),
            queue: self.queues.of(&cluster.name),
            http1: IdleList::default(),
            http2: SharedPool::default(),
            rpc: BTreeMap::new(),
            idle_timeout: cluster.idle_timeout,
            reported: None,
        });
        Some(with(pool))
    }

    /// Lends the pool of a host to `with`, if there is one.
    pub(super) fn lend<R>(&self, host: HostId, with: impl FnOnce(&mut HostPool) -> R) -> Option<R> {
        self.hosts.borrow()?.get_mut(&host).map(with)
    }

    /// The counters of a host.
    pub(crate) fn metrics(&self, cluster: &Cluster, host: &Host) -> Option<UpstreamMetrics> {
        self.with(cluster, host, |pool| pool.metrics.clone())
    }

    /// What whoever opens a connection needs: the counters of the host, and the queue of its cluster.
    ///
    /// # Errors
    /// [`Kind::Internal`] outside of the worker's thread.
    pub(super) fn shared_parts(
        &self,
        cluster: &Cluster,
        host: &Host,
    ) -> Result<(UpstreamMetrics, Arc<Queue>)> {
        let parts = self.with(cluster, host, |pool| (pool.metrics.clone(), pool.queue.clone()));
        parts.ok_or_else(|| Error::local(Kind::Internal, "a pool was used outside of its worker"))
    }

    /// Closes what has waited for too long or was closed by its host. Called some times a second.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.each(|pool| pool.sweep(now));
    }

    /// Lets go of what is kept for hosts that are in no cluster any more, as far as nothing uses it.
    pub(crate) fn forget_absent(&self, clusters: &ClusterSet) {
        let present: HashSet<HostId, foldhash::fast::RandomState> =
            clusters.iter().flat_map(|cluster| cluster.hosts()).map(|host| host.id).collect();
        let Some(mut hosts) = self.hosts.borrow() else { return };
        hosts.retain(|id, pool| {
            let keep = present.contains(id) || pool.is_busy();
            if !keep {
                pool.clear();
            }
            keep
        });
    }

    /// Gives up a connection to each host that somebody elsewhere waits for: an unused one, or one that is shared.
    pub(crate) fn yield_one(&self) {
        self.each(|pool| {
            if pool.queue.is_wanted_elsewhere(self.worker) {
                pool.yield_one();
            }
        });
    }

    /// Closes every unused connection; for the end of the worker.
    pub(crate) fn clear(&self) {
        self.each(HostPool::clear);
    }

    fn each(&self, with: impl FnMut(&mut HostPool)) {
        if let Some(mut hosts) = self.hosts.borrow() {
            hosts.values_mut().for_each(with);
        }
    }
}
