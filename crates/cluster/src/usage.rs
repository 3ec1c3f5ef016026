//! What is in flight, and the limits on it (`circuit_breakers`, `max_connection_per_host`; reference 1.8).
//! The counts are atomics shared by all workers, and by the cluster of the same name after an update; each is
//! taken through a guard that gives its place back when dropped. A limit of 0 is none; the count is kept all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::cluster::Cluster;
use crate::host::{Host, HostState};

/// A count with a guard for each unit.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU32);

impl Gauge {
    #[inline]
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Adds one unless `limit` is reached, strictly: the count never passes it, however many workers race.
    #[inline]
    pub(crate) fn try_add(&self, limit: u32) -> bool {
        if limit == 0 {
            self.add();
            return true;
        }
        let next = |count: u32| (count < limit).then(|| count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// What a cluster has in flight.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ClusterUsage {
    requests: Gauge,
    pending: Gauge,
    retries: Gauge,
    connections: Gauge,
    /// Whose turn it is, for the policies that go round.
    pub(crate) turn: AtomicUsize,
}

impl ClusterUsage {
    /// Counts from nothing; the first turn is `turn`.
    pub(crate) fn starting_at(turn: usize) -> Self {
        ClusterUsage { turn: AtomicUsize::new(turn), ..ClusterUsage::default() }
    }

    /// Requests in flight.
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// Requests that wait for a connection.
    pub fn pending(&self) -> u32 {
        self.pending.get()
    }

    /// Retries in flight.
    pub fn retries(&self) -> u32 {
        self.retries.get()
    }

    /// Open connections.
    pub fn connections(&self) -> u32 {
        self.connections.get()
    }
}

/// The place of one request in its cluster, and in the host it is sent to.
#[derive(Debug)]
#[must_use = "dropping the guard gives the place back"]
pub struct RequestGuard {
    cluster: Arc<ClusterUsage>,
    host: Option<Arc<HostState>>,
}

impl RequestGuard {
    pub(crate) fn take(cluster: &Cluster) -> Option<Self> {
        let usage = cluster.usage();
        let taken = usage.requests.try_add(cluster.limits.max_requests);
        taken.then(|| RequestGuard { cluster: usage.clone(), host: None })
    }

    /// Counts the request as active on `host`, and no longer on the one before it.
    pub fn assign(&mut self, host: &Host) {
        let state = host.state();
        state.active.add();
        if let Some(before) = self.host.replace(state.clone()) {
            before.active.remove();
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.cluster.requests.remove();
        if let Some(host) = &self.host {
            host.active.remove();
        }
    }
}

/// The place of one retry, or of one request that waits for a connection.
#[derive(Debug)]
#[must_use = "dropping the guard gives the place back"]
pub struct LimitGuard {
    cluster: Arc<ClusterUsage>,
    which: Which,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Retry,
    Pending,
}

impl LimitGuard {
    pub(crate) fn retry(cluster: &Cluster) -> Option<Self> {
        LimitGuard::take(cluster, Which::Retry, cluster.limits.max_retries)
    }

    pub(crate) fn pending(cluster: &Cluster) -> Option<Self> {
        LimitGuard::take(cluster, Which::Pending, cluster.limits.max_pending_requests)
    }

    fn take(cluster: &Cluster, which: Which, limit: u32) -> Option<Self> {
        let usage = cluster.usage();
        which.of(usage).try_add(limit).then(|| LimitGuard { cluster: usage.clone(), which })
    }
}

impl Drop for LimitGuard {
    fn drop(&mut self) {
        self.which.of(&self.cluster).remove();
    }
}

impl Which {
    fn of(self, usage: &ClusterUsage) -> &Gauge {
        match self {
            Which::Retry => &usage.retries,
            Which::Pending => &usage.pending,
        }
    }
}

/// The place of one connection in its cluster and its host.
#[derive(Debug)]
#[must_use = "dropping the guard gives the place back"]
pub struct ConnectionGuard {
    cluster: Arc<ClusterUsage>,
    host: Arc<HostState>,
}

impl ConnectionGuard {
    pub(crate) fn take(cluster: &Cluster, host: &Host) -> Option<Self> {
        let (usage, state) = (cluster.usage(), host.state());
        if !usage.connections.try_add(cluster.limits.max_connections) {
            return None;
        }
        if !state.connections.try_add(cluster.max_connections_per_host) {
            usage.connections.remove();
            return None;
        }
        Some(ConnectionGuard { cluster: usage.clone(), host: state.clone() })
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.cluster.connections.remove();
        self.host.connections.remove();
    }
}

#[cfg(test)]
mod tests;
