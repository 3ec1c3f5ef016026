//! The pools of one worker: for each host the connections that wait for a request, its counters, and the
//! queue of its cluster. Taking and giving touch nothing that another worker touches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind};
use mecha_cluster::{Cluster, ClusterSet, Host, HostId};
use mecha_metrics::{Registry, UpstreamStat};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::http1::Http1Lease;
use super::http2::Http2Pool;
use super::metrics::UpstreamMetrics;
use super::queue::{Queue, Queues};

/// Most unused HTTP/1 connections kept for one host by one worker.
const MOST_IDLE: usize = 1024;

/// How often a worker says of the same host that it can't be reached.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The pools of one worker.
pub(crate) struct Pools {
    pub(super) worker: usize,
    pub(super) registry: Arc<Registry>,
    pub(super) queues: Arc<Queues>,
    hosts: WorkerCell<HashMap<HostId, HostPool, foldhash::fast::RandomState>>,
}

/// What a worker keeps for one host.
pub(super) struct HostPool {
    pub(super) metrics: UpstreamMetrics,
    pub(super) queue: Arc<Queue>,
    pub(super) idle: Vec<Idle>,
    pub(super) http2: Http2Pool,
    idle_timeout: Duration,
    reported: Option<Instant>,
}

/// An HTTP/1 connection that waits for a request.
pub(super) struct Idle {
    pub(super) lease: Box<Http1Lease>,
    until: Instant,
}

impl Pools {
    pub(crate) fn new(worker: usize, registry: Arc<Registry>, queues: Arc<Queues>) -> Self {
        Pools { worker, registry, queues, hosts: WorkerCell::new(HashMap::default()) }
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
            idle: Vec::new(),
            http2: Http2Pool::default(),
            idle_timeout: cluster.idle_timeout,
            reported: None,
        });
        Some(with(pool))
    }

    /// The counters of a host.
    pub(crate) fn metrics(&self, cluster: &Cluster, host: &Host) -> Option<UpstreamMetrics> {
        self.with(cluster, host, |pool| pool.metrics.clone())
    }

    /// The unused connection that was used last, if one is alive.
    pub(super) fn take_idle(&self, cluster: &Cluster, host: &Host) -> Option<Box<Http1Lease>> {
        self.with(cluster, host, |pool| {
            while let Some(mut idle) = pool.idle.pop() {
                pool.metrics.dec(UpstreamStat::ConnectionIdle);
                if !idle.lease.is_stale() {
                    return Some(idle.lease);
                }
            }
            None
        })?
    }

    /// Takes a connection back after its response was received whole; it is closed unless it can be used again.
    pub(crate) fn give_back(&self, cluster: &Cluster, mut lease: Box<Http1Lease>) {
        lease.count_traffic();
        let most = cluster.max_requests_per_connection;
        let worn = most > 0 && lease.connection.requests() >= most;
        if worn || !lease.connection.is_reusable() {
            return;
        }
        lease.connection.release();
        let host = lease.host;
        let Some(mut hosts) = self.hosts.borrow() else { return };
        let Some(pool) = hosts.get_mut(&host) else { return };
        if !pool.queue.is_empty() && !pool.queue.wake_local(host, self.worker) {
            // Somebody elsewhere waits for the place that this connection holds.
            drop(hosts);
            drop(lease);
            return;
        }
        if pool.idle.len() < MOST_IDLE {
            pool.metrics.inc(UpstreamStat::ConnectionIdle);
            pool.idle.push(Idle { lease, until: Instant::now() + cluster.idle_timeout });
        }
    }

    /// Closes what has waited for too long or was closed by its host. Called some times a second.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.close_where(|idle| idle.lease.is_stale() || idle.until <= now);
        if let Some(mut hosts) = self.hosts.borrow() {
            for pool in hosts.values_mut() {
                pool.http2.sweep(pool.idle_timeout, &pool.metrics);
            }
        }
    }

    /// Lets go of what is kept for hosts that are in no cluster any more, as far as nothing uses it.
    pub(crate) fn forget_absent(&self, clusters: &ClusterSet) {
        let present: HashSet<HostId, foldhash::fast::RandomState> =
            clusters.iter().flat_map(|cluster| cluster.hosts()).map(|host| host.id).collect();
        let gone = self.hosts.borrow().map(|mut hosts| {
            let gone: Vec<_> =
                hosts.extract_if(|id, pool| !present.contains(id) && !pool.http2.is_busy()).collect();
            gone
        });
        for (_, pool) in gone.into_iter().flatten() {
            for _ in &pool.idle {
                pool.metrics.dec(UpstreamStat::ConnectionIdle);
            }
            // Closing wakes waiters; no pool may be lent meanwhile.
            drop(pool);
        }
    }

    /// Gives up one connection to each host that somebody elsewhere waits for: an unused one, or one that is shared.
    pub(crate) fn yield_one(&self) {
        let closed = self.hosts.borrow().map(|mut hosts| {
            let wanted = hosts.values_mut().filter(|pool| pool.queue.is_wanted_elsewhere(self.worker));
            let closed: Vec<_> = wanted
                .filter_map(|pool| {
                    pool.http2.yield_one();
                    let idle = pool.idle.pop()?;
                    pool.metrics.dec(UpstreamStat::ConnectionIdle);
                    Some(idle)
                })
                .collect();
            closed
        });
        // Closing wakes waiters; no pool may be lent meanwhile.
        drop(closed);
    }

    /// Closes every unused connection; for the end of the worker.
    pub(crate) fn clear(&self) {
        self.close_where(|_| true);
        if let Some(mut hosts) = self.hosts.borrow() {
            for pool in hosts.values_mut() {
                pool.http2.clear();
            }
        }
    }

    fn close_where(&self, mut close: impl FnMut(&mut Idle) -> bool) {
        let Some(mut hosts) = self.hosts.borrow() else { return };
        let mut closed = Vec::new();
        for pool in hosts.values_mut() {
            let before = pool.idle.len();
            closed.extend(pool.idle.extract_if(.., &mut close));
            for _ in pool.idle.len()..before {
                pool.metrics.dec(UpstreamStat::ConnectionIdle);
            }
            if pool.idle.is_empty() {
                pool.idle.shrink_to_fit();
            }
        }
        drop(hosts);
        drop(closed);
    }
}
