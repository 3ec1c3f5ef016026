//! What the limits on connections mean for a request that needs one more: it takes a place, or waits in the queue of
//! the cluster until one may be free.

use std::sync::Arc;

use mecha_base::{Error, Kind, Result};
use mecha_cluster::{Cluster, ConnectionGuard, Host, HostId, LimitGuard};
use mecha_metrics::UpstreamStat;
use tokio::time::{Instant, timeout_at};

use super::metrics::UpstreamMetrics;
use super::pool::Pools;
use super::queue::{Place, Queue};

/// The place that a connection takes among those of its host; whoever waits for one is woken when it is free. To be
/// dropped once the connection is closed: the host must never see one connection more than it may have.
pub(super) struct Held {
    host: HostId,
    queue: Arc<Queue>,
    guard: Option<ConnectionGuard>,
}

impl Held {
    /// A place, unless a limit is reached.
    pub(super) fn take(cluster: &Cluster, host: &Host, queue: &Arc<Queue>) -> Option<Self> {
        let guard = host.try_connection(cluster)?;
        Some(Held { host: host.id, queue: queue.clone(), guard: Some(guard) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guard = None;
        self.queue.wake_any(self.host);
    }
}

/// A request that waits for a connection. It is counted as waiting until it is dropped.
pub(super) struct Waiting<'p> {
    pools: &'p Pools,
    place: Place,
    metrics: UpstreamMetrics,
    deadline: Instant,
    _pending: LimitGuard,
}

impl<'p> Waiting<'p> {
    /// Joins the queue and asks other workers for what they don't use. Between the caller's last look and joining,
    /// something may have become free: it must look again before it waits.
    ///
    /// # Errors
    /// [`Kind::Overflow`] when too many wait.
    pub(super) fn join(
        pools: &'p Pools,
        cluster: &Cluster,
        host: &Host,
        metrics: UpstreamMetrics,
        queue: &Arc<Queue>,
    ) -> Result<Self> {
        let Some(pending) = cluster.try_pending() else {
            metrics.inc(UpstreamStat::RequestPendingOverflow);
            return Err(overflow());
        };
        metrics.inc(UpstreamStat::RequestPending);
        let place = queue.join(host.id, pools.worker);
        pools.queues.ring_others(pools.worker);
        let deadline = Instant::now() + cluster.connect_timeout;
        Ok(Waiting { pools, place, metrics, deadline, _pending: pending })
    }

    /// Waits until a connection may be free; then it is in the queue again, at the end.
    ///
    /// # Errors
    /// [`Kind::Overflow`] when that took longer than the connect timeout.
    pub(super) async fn woken(&mut self) -> Result<()> {
        if timeout_at(self.deadline, self.place.woken()).await.is_err() {
            self.metrics.inc(UpstreamStat::RequestPendingOverflow);
            return Err(overflow());
        }
        self.place = self.place.again();
        self.pools.queues.ring_others(self.pools.worker);
        Ok(())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.metrics.dec(UpstreamStat::RequestPending);
    }
}

/// What [`Pools::place`] came to.
pub(super) enum Granted<T> {
    /// Something that makes a new connection needless.
    Instead(T),
    /// A new connection may be opened.
    New(Held, UpstreamMetrics),
}

impl Pools {
    /// A place for a new connection to `host`, or what `instead` finds, whichever comes first.
    ///
    /// # Errors
    /// [`Kind::Overflow`] when too many wait already or nothing became free within the connect timeout.
    pub(super) async fn place<T>(
        &self,
        cluster: &Cluster,
        host: &Host,
        instead: impl Fn() -> Option<T>,
    ) -> Result<Granted<T>> {
        let (metrics, queue) = self.shared_parts(cluster, host)?;
        if let Some(held) = Held::take(cluster, host, &queue) {
            return Ok(Granted::New(held, metrics));
        }
        metrics.inc(UpstreamStat::ConnectionOverflow);
        let mut waiting = Waiting::join(self, cluster, host, metrics.clone(), &queue)?;
        loop {
            if let Some(found) = instead() {
                return Ok(Granted::Instead(found));
            }
            if let Some(held) = Held::take(cluster, host, &queue) {
                return Ok(Granted::New(held, metrics));
            }
            waiting.woken().await?;
        }
    }
}

pub(super) fn overflow() -> Error {
    Error::upstream(Kind::Overflow, "no upstream connection became free")
}
