//! HTTP/1 upstream connections: one request at a time each, lent from the worker's pool.

use std::sync::Arc;

use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_cluster::{Cluster, ConnectionGuard, Host, HostId};
use mecha_http::http1::{ClientConnection, Limits};
use mecha_metrics::{UpstreamHistogram, UpstreamStat};
use mecha_net::Address;
use tokio::time::{Instant, timeout_at};

use super::connect::connect;
use super::metrics::UpstreamMetrics;
use super::pool::Pools;
use super::queue::Queue;

/// A connection while it carries a request. Dropping it closes it and lets a waiting request open another.
pub(crate) struct Http1Lease {
    pub(crate) connection: ClientConnection,
    pub(crate) id: u64,
    pub(super) host: HostId,
    metrics: UpstreamMetrics,
    /// Stands behind the connection, so that it is given back only once that is closed: the host must never see
    /// one connection more than it may have.
    _held: Held,
    /// Found closed by the host while nothing used it.
    stale: bool,
    /// Our end's address; asked for once, since that is a system call.
    pub(crate) local: Option<Address>,
}

impl Http1Lease {
    /// Whether it has carried a request before.
    pub(crate) fn is_reused(&self) -> bool {
        self.connection.requests() > 0
    }

    /// Whether an unused connection can't be used any more.
    pub(super) fn is_stale(&mut self) -> bool {
        self.stale = self.connection.is_stale();
        self.stale
    }

    /// Counts the bytes moved so far, so that a long transfer shows while it runs.
    pub(crate) fn count_traffic(&mut self) {
        self.metrics.traffic(self.connection.take_traffic());
    }

    /// Counts the end of the connection, by who brought it about.
    fn count_close(&self) {
        use UpstreamStat::{
            ConnectionClose, ConnectionCloseNotify, ConnectionLocalClose,
            ConnectionLocalCloseWithActiveRequest, ConnectionRemoteClose,
            ConnectionRemoteCloseWithActiveRequest,
        };
        let (closed, busy) = if self.stale || self.connection.is_ended() {
            (ConnectionRemoteClose, ConnectionRemoteCloseWithActiveRequest)
        } else {
            (ConnectionLocalClose, ConnectionLocalCloseWithActiveRequest)
        };
        self.metrics.inc(ConnectionClose);
        self.metrics.inc(closed);
        if self.connection.is_busy() {
            self.metrics.inc(busy);
        }
        if self.connection.announced_close() {
            self.metrics.inc(ConnectionCloseNotify);
        }
    }
}

impl Drop for Http1Lease {
    fn drop(&mut self) {
        self.count_traffic();
        self.count_close();
        self.metrics.dec(UpstreamStat::ConnectionActive);
    }
}

/// The place that a connection takes among those of its host; whoever waits for one is woken when it is free.
struct Held {
    host: HostId,
    queue: Arc<Queue>,
    guard: Option<ConnectionGuard>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guard = None;
        self.queue.wake_any(self.host);
    }
}

impl Pools {
    /// A connection to `host`: an unused one, a new one, or the next one that becomes free.
    ///
    /// # Errors
    /// [`Kind::ConnectFailed`], [`Kind::ConnectTimeout`], or [`Kind::Overflow`] when too many wait already or none
    /// became free within the connect timeout.
    pub(crate) async fn http1(
        &self,
        cluster: &Cluster,
        host: &Host,
        limits: &Arc<Limits>,
        id: impl FnOnce() -> u64,
    ) -> Result<Box<Http1Lease>> {
        match self.take_idle(cluster, host) {
            Some(lease) => Ok(lease),
            None => Box::pin(self.open_or_wait(cluster, host, limits, id)).await,
        }
    }

    async fn open_or_wait(
        &self,
        cluster: &Cluster,
        host: &Host,
        limits: &Arc<Limits>,
        id: impl FnOnce() -> u64,
    ) -> Result<Box<Http1Lease>> {
        let overflow = || Error::upstream(Kind::Overflow, "no upstream connection became free");
        let shared = self.with(cluster, host, |pool| (pool.metrics.clone(), pool.queue.clone()));
        let Some((metrics, queue)) = shared else { return Err(overflow()) };
        if let Some(guard) = host.try_connection(cluster) {
            return open(cluster, host, guard, limits, metrics, queue, id()).await;
        }
        metrics.inc(UpstreamStat::ConnectionOverflow);
        let deadline = Instant::now() + cluster.connect_timeout;
        let Some(_pending) = cluster.try_pending() else {
            metrics.inc(UpstreamStat::RequestPendingOverflow);
            return Err(overflow());
        };
        metrics.inc(UpstreamStat::RequestPending);
        let waited = Waiting(&metrics);
        loop {
            let mut place = queue.join(host.id, self.worker);
            self.queues.ring_others(self.worker);
            // Between the look above and joining, one may have become free.
            if let Some(lease) = self.take_idle(cluster, host) {
                return Ok(lease);
            }
            if let Some(guard) = host.try_connection(cluster) {
                drop((place, waited));
                return open(cluster, host, guard, limits, metrics, queue, id()).await;
            }
            if timeout_at(deadline, place.woken()).await.is_err() {
                metrics.inc(UpstreamStat::RequestPendingOverflow);
                return Err(overflow());
            }
        }
    }
}

/// Counts a request as waiting until it is dropped.
struct Waiting<'a>(&'a UpstreamMetrics);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec(UpstreamStat::RequestPending);
    }
}

async fn open(
    cluster: &Cluster,
    host: &Host,
    guard: ConnectionGuard,
    limits: &Arc<Limits>,
    metrics: UpstreamMetrics,
    queue: Arc<Queue>,
    id: u64,
) -> Result<Box<Http1Lease>> {
    let held = Held { host: host.id, queue, guard: Some(guard) };
    let start = Instant::now();
    metrics.inc(UpstreamStat::ConnectionTotal);
    match connect(&host.address, cluster.connect_timeout).await {
        Ok(stream) => {
            metrics.observe(UpstreamHistogram::ConnectTime, start.elapsed());
            metrics.inc(UpstreamStat::ConnectionActive);
            let local = stream.local_address();
            let connection = ClientConnection::new(stream, limits.clone());
            Ok(Box::new(Http1Lease {
                connection,
                id,
                host: host.id,
                metrics,
                _held: held,
                stale: false,
                local,
            }))
        }
        Err(error) => {
            metrics.inc(UpstreamStat::ConnectionConFail);
            if error.kind() == Kind::ConnectTimeout {
                metrics.inc(UpstreamStat::ConnectionTimeout);
            }
            Err(error.retry_when(RetrySafety::Safe))
        }
    }
}
