//! HTTP/2 upstream connections: requests are streams of connections that they share.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mecha_base::Result;
use mecha_cluster::{Cluster, Host};
use mecha_http::http2::{ClientConnection, Driver, Traffic};
use mecha_net::Stream;

use super::driven::{Driven, Lease};
use super::pool::{HostPool, Pools};
use super::shared::{Shared, SharedPool};

/// The right to open one stream; counts it until dropped.
pub(crate) type Http2Lease = Lease<ClientConnection>;

impl Driven for ClientConnection {
    type Options = ();
    type Driver = Driver;

    async fn greet(stream: Stream, (): (), _: &Cluster) -> Result<(Self, Driver)> {
        ClientConnection::handshake(stream).await
    }

    fn is_open(&mut self) -> bool {
        !matches!(self.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_)))
    }

    fn most(&self) -> usize {
        self.max_streams()
    }

    fn traffic(&self) -> &Arc<Traffic> {
        self.traffic()
    }
}

impl Shared for ClientConnection {
    fn pool(host: &mut HostPool, (): ()) -> &mut SharedPool<Self> {
        &mut host.http2
    }
}

impl Pools {
    /// The right to open a stream to `host`.
    ///
    /// # Errors
    /// [`mecha_base::Kind::ConnectFailed`], [`mecha_base::Kind::ConnectTimeout`], or [`mecha_base::Kind::Overflow`] when every
    /// connection that may be open is full, and too many wait already or none had room within the connect timeout.
    pub(crate) fn http2(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        id: impl Fn() -> u64,
    ) -> impl Future<Output = Result<Http2Lease>> {
        self.shared(cluster, host, (), id)
    }
}
