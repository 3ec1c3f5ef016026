//! HTTP/1 upstream connections: one request at a time each, lent from the worker's pool.

use std::sync::Arc;

use mecha_base::Result;
use mecha_cluster::{Cluster, Host, HostId};
use mecha_http::http1::{ClientConnection, Limits};
use mecha_metrics::UpstreamStat;
use mecha_net::Address;

use super::connect;
use super::exclusive::{Exclusive, IdleList};
use super::limit::Held;
use super::metrics::UpstreamMetrics;
use super::pool::{HostPool, Pools};

/// A connection while it carries a request. Dropping it closes it and lets a waiting request open another.
pub(crate) struct Http1Lease {
    pub(crate) connection: ClientConnection,
    pub(crate) id: u64,
    host: HostId,
    metrics: UpstreamMetrics,
    /// Stands behind the connection, so that it is given back only once that is closed.
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

impl Exclusive for Box<Http1Lease> {
    type Key = ();

    fn idle(host: &mut HostPool, (): ()) -> (&mut IdleList<Self>, &UpstreamMetrics) {
        (&mut host.http1, &host.metrics)
    }

    fn is_stale(&mut self) -> bool {
        self.stale = self.connection.is_stale();
        self.stale
    }

    fn is_reusable(&mut self, most_requests: u32) -> bool {
        let worn = most_requests > 0 && self.connection.requests() >= most_requests;
        !worn && self.connection.is_reusable()
    }

    fn release(&mut self) {
        self.connection.release();
    }
}

impl Pools {
    /// A connection to `host`: an unused one, a new one, or the next one that becomes free.
    ///
    /// # Errors
    /// [`mecha_base::Kind::ConnectFailed`], [`mecha_base::Kind::ConnectTimeout`], or [`mecha_base::Kind::Overflow`] when too
    /// many wait already or none became free within the connect timeout.
    pub(crate) fn http1(
        &self,
        cluster: &Cluster,
        host: &Host,
        limits: &Arc<Limits>,
        id: impl FnOnce() -> u64,
    ) -> impl Future<Output = Result<Box<Http1Lease>>> {
        self.exclusive(cluster, host, (), |held, metrics| open(cluster, host, limits, (held, metrics), id()))
    }

    /// Takes a connection back after its response was received whole; it is closed unless it can be used again.
    pub(crate) fn give_back(&self, cluster: &Cluster, mut lease: Box<Http1Lease>) {
        lease.count_traffic();
        let most = cluster.max_requests_per_connection;
        self.take_back(lease.host, (), lease, most, cluster.idle_timeout);
    }
}

async fn open(
    cluster: &Cluster,
    host: &Host,
    limits: &Arc<Limits>,
    (held, metrics): (Held, UpstreamMetrics),
    id: u64,
) -> Result<Box<Http1Lease>> {
    let open = connect::open(cluster, host, &metrics, async |stream| Ok(stream));
    let stream = open.await?;
    metrics.inc(UpstreamStat::ConnectionActive);
    let local = stream.local_address();
    let connection = ClientConnection::new(stream, limits.clone());
    let host = host.id;
    Ok(Box::new(Http1Lease { connection, id, host, metrics, _held: held, stale: false, local }))
}
