//! Connections of RPC protocols, used as the cluster says (MOSN reference 2.4): shared, for one request at a time, or
//! bound to a client's connection. Each protocol of a host has its own, and each version of Bolt: a host answers in the
//! version that a connection began with.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use mecha_base::Result;
use mecha_cluster::{Cluster, Host, HostId};
use mecha_codec::rpc::{Limits, Protocol};
use mecha_config::cluster::PoolMode;
use mecha_http::http2::Traffic;
use mecha_http::{Length, RequestHead, ResponseHead};
use mecha_metrics::UpstreamStat;
use mecha_net::Stream;
use mecha_rpc::client::{self, ClientConnection, ClientOptions, ClientStream, Driver, KeepAlive};

use super::bound::Bound;
use super::driven::{self, Drive, Driven, Handle, InFlight, Lease};
use super::exclusive::{Exclusive, IdleList};
use super::metrics::UpstreamMetrics;
use super::pool::{HostPool, Pools};
use super::shared::{Shared, SharedPool};

/// What a connection is opened with.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    protocol: Protocol,
    /// Of answers.
    limits: Limits,
    driven: client::Driven,
}

/// The connections to one host of protocols that can share one.
#[derive(Default)]
pub(super) struct RpcPool {
    pub(super) shared: SharedPool<ClientConnection>,
    pub(super) idle: IdleList<PingPong>,
}

/// A connection that carries one request at a time, and is moved by whoever has that.
pub(super) struct PingPong {
    handle: Handle<ClientConnection>,
    drive: Drive<ClientConnection>,
    metrics: UpstreamMetrics,
}

/// The right to send one request, and its answer. Dropped before [`Self::done`], a connection that is not shared is closed:
/// an answer that was given up must not come in the way of the next one.
pub(crate) struct RpcLease {
    connection: ClientConnection,
    /// Unique in this process.
    pub(crate) id: u64,
    /// Whether the connection was lent before.
    pub(crate) reused: bool,
    /// The request, once it was sent.
    stream: Option<ClientStream>,
    _guard: InFlight,
    alone: Option<Alone>,
}

/// A connection that nobody else uses, and where it returns to.
struct Alone {
    connection: PingPong,
    pools: Arc<Pools>,
    host: HostId,
    protocol: Protocol,
    most_requests: u32,
    idle_timeout: Duration,
}

impl Driven for ClientConnection {
    type Options = Opening;
    type Driver = Driver;

    fn greet(
        stream: Stream,
        Opening { protocol, limits, driven }: Opening,
        cluster: &Cluster,
    ) -> impl Future<Output = Result<(Self, Driver)>> + Send {
        let (interval, timeout) = (cluster.keepalive.interval, cluster.keepalive.timeout);
        let keepalive = KeepAlive { interval, timeout, ..KeepAlive::default() };
        ready(Ok(ClientConnection::new(
            stream,
            // Pools know what is unused.
            ClientOptions { protocol, limits, keepalive: Some(keepalive), idle: None, driven },
        )))
    }

    fn is_open(&mut self) -> bool {
        ClientConnection::is_open(self)
    }

    fn most(&self) -> usize {
        ClientConnection::MOST_REQUESTS
    }

    fn traffic(&self) -> &Arc<Traffic> {
        ClientConnection::traffic(self)
    }

    fn has_news(driver: &Driver) -> bool {
        driver.has_news()
    }

    fn has_host_left(driver: &Driver) -> bool {
        driver.has_host_left()
    }
}

impl Shared for ClientConnection {
    fn pool(host: &mut HostPool, opening: Opening) -> &mut SharedPool<Self> {
        &mut host.rpc.entry(opening.protocol).or_default().shared
    }
}

impl Exclusive for PingPong {
    type Key = Protocol;

    fn idle(host: &mut HostPool, protocol: Protocol) -> (&mut IdleList<Self>, &UpstreamMetrics) {
        (&mut host.rpc.entry(protocol).or_default().idle, &host.metrics)
    }

    fn is_stale(&mut self) -> bool {
        if self.drive.has_news() {
            self.drive.poll_now();
        }
        !self.handle.is_open()
    }

    fn look_after(&mut self) {
        // Heartbeats are sent and answered by this, as nobody else moves it while it is unused.
        self.drive.poll_now();
    }

    fn release(&mut self) {
        self.drive.driver().release();
    }

    fn is_reusable(&mut self, most_requests: u32) -> bool {
        let quiet = self.handle.connection.in_flight() == 0;
        quiet && self.handle.is_open() && !self.handle.is_worn(most_requests)
    }
}

impl RpcLease {
    pub(super) fn of(lease: Lease<ClientConnection>) -> Self {
        let Lease { connection, id, reused, guard } = lease;
        RpcLease { connection, id, reused, stream: None, _guard: guard, alone: None }
    }

    /// Sends the request, which is its head, under another number.
    ///
    /// # Errors
    /// Those of [`ClientConnection::send`].
    pub(crate) fn send(&mut self, head: &RequestHead) -> Result<()> {
        self.stream = Some(self.connection.send(head)?);
        Ok(())
    }

    /// Ready when the connection has room for more after the request.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        if stream.poll_flush(cx).is_ready() {
            return Poll::Ready(());
        }
        match &mut self.alone {
            Some(alone) => {
                let _ = alone.connection.drive.poll(cx);
                stream.poll_flush(cx)
            }
            None => Poll::Pending,
        }
    }

    /// The answer, which is all in its head; pending until a request was sent.
    ///
    /// # Errors
    /// Those of [`ClientStream::poll_head`].
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        if let Some(alone) = &mut self.alone {
            let _ = alone.connection.drive.poll(cx);
        }
        stream.poll_head(cx)
    }

    /// Whether the answer was received, or its place taken by an error.
    pub(crate) fn is_received(&self) -> bool {
        self.stream.as_ref().is_some_and(ClientStream::is_received)
    }

    /// The answer was received whole: the connection may carry another request.
    pub(crate) fn done(mut self) {
        if let Some(alone) = self.alone.take() {
            let Alone { connection, pools, host, protocol, most_requests, idle_timeout } = alone;
            connection.handle.count_traffic(&connection.metrics);
            pools.take_back(host, protocol, connection, most_requests, idle_timeout);
        }
    }
}

impl Drop for RpcLease {
    fn drop(&mut self) {
        if let Some(alone) = &self.alone
            && self.connection.is_open()
        {
            alone.connection.metrics.inc(UpstreamStat::ConnectionLocalCloseWithActiveRequest);
        }
    }
}

impl Pools {
    /// Answers may be as large as the largest frame that a listener takes.
    pub(crate) fn allow_frames(&self, bytes: usize) {
        self.largest_frame.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(super) fn opening(&self, protocol: Protocol) -> Opening {
        let frame = self.largest_frame.load(Ordering::Relaxed).max(Limits::default().frame);
        Opening { protocol, limits: Limits { frame }, driven: client::Driven::Apart }
    }

    /// The right to send one request of `protocol` to `host`. With `PoolMode::Binding` the connection is the one that
    /// `bound` has in the cluster, and its host that one's ([`Bound::host`]); requests that come from no connection of an
    /// RPC protocol are not bound and share.
    ///
    /// # Errors
    /// [`mecha_base::Kind::ConnectFailed`], [`mecha_base::Kind::ConnectTimeout`], [`mecha_base::Kind::Overflow`] when every
    /// connection that may be open is in use, and too many wait already or none became free within the connect timeout,
    /// or [`mecha_base::Kind::UpstreamReset`] when what the client is bound to is over.
    pub(crate) async fn rpc(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        protocol: Protocol,
        bound: Option<&Bound>,
        id: impl Fn() -> u64,
    ) -> Result<RpcLease> {
        match (cluster.pool, bound) {
            (PoolMode::PingPong, _) => self.ping_pong(cluster, host, protocol, id).await,
            (PoolMode::Binding, Some(bound)) => self.bound(cluster, host, protocol, bound, id).await,
            (PoolMode::Multiplex | PoolMode::Binding, _) => {
                self.shared(cluster, host, self.opening(protocol), id).await.map(RpcLease::of)
            }
        }
    }

    async fn ping_pong(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        protocol: Protocol,
        id: impl Fn() -> u64,
    ) -> Result<RpcLease> {
        let open = async |held, metrics: UpstreamMetrics| {
            let granted = (held, metrics.clone());
            let options = Opening { driven: client::Driven::InPlace, ..self.opening(protocol) };
            let (handle, drive) = driven::open(cluster, host, options, granted, Arc::default(), id()).await?;
            Ok(PingPong { handle, drive, metrics })
        };
        let mut connection = self.exclusive::<PingPong, _>(cluster, host, protocol, open).await?;
        let mut lease = RpcLease::of(connection.handle.lease());
        lease.alone = Some(Alone {
            connection,
            pools: self.clone(),
            host: host.id,
            protocol,
            most_requests: cluster.max_requests_per_connection,
            idle_timeout: cluster.idle_timeout,
        });
        Ok(lease)
    }
}

#[cfg(test)]
mod tests {
    use mecha_metrics::Registry;

    use super::*;
    use crate::upstream::Queues;

    #[test]
    fn answers_may_be_as_large_as_the_largest_frame_that_a_listener_takes() {
        let pools = Pools::new(0, Registry::new(1), Arc::new(Queues::new(1)));
        let allowed = || pools.opening(Protocol::Dubbo).limits.frame;
        assert_eq!(allowed(), Limits::default().frame);
        pools.allow_frames(1 << 10);
        assert_eq!(allowed(), Limits::default().frame);
        pools.allow_frames(64 << 20);
        pools.allow_frames(32 << 20);
        assert_eq!(allowed(), 64 << 20);
    }
}
