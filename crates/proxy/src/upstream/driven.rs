//! Connections that a task of their own moves: requests are put on them by handles, of which one is kept where the
//! connection belongs and the others are lent. HTTP/2 and the RPC protocols are of this kind.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::TryFuture;
use mecha_base::Result;
use mecha_cluster::{Cluster, Host};
use mecha_http::http2::Traffic;
use mecha_metrics::UpstreamStat;
use mecha_net::Stream;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::connect;
use super::limit::Held;
use super::metrics::UpstreamMetrics;

/// How long after its connection a host that asked for no more requests is thought to be about to end: what Dubbo waits
/// for by default (`dubbo.service.shutdown.wait`).
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

/// A kind of connection. Clones send on the same one; it ends when the last is dropped and nothing is in flight.
pub(super) trait Driven: Clone + Send + Sync + 'static {
    /// What is to be known to open one, beside the cluster and the host.
    type Options: Copy + Send + Sync + 'static;
    /// Moves the bytes, until the connection is over.
    type Driver: TryFuture<Ok = (), Error: fmt::Display + Send> + Send + 'static;

    /// Makes a connection of a byte stream.
    fn greet(
        stream: Stream,
        options: Self::Options,
        cluster: &Cluster,
    ) -> impl Future<Output = Result<(Self, Self::Driver)>> + Send;

    /// Whether it takes requests: it stands, and nobody wants it to end.
    fn is_open(&mut self) -> bool;

    /// Most requests at once.
    fn most(&self) -> usize;

    /// Bytes moved.
    fn traffic(&self) -> &Arc<Traffic>;

    /// Whether the host has asked for no more requests because it is about to end.
    fn has_host_left(_driver: &Self::Driver) -> bool {
        false
    }
}

/// Those who wait for a request to end because every connection is full.
#[derive(Default)]
pub(super) struct Room {
    pub(super) waiting: AtomicUsize,
    pub(super) freed: Notify,
}

/// What is known of a connection by all who have to do with it.
struct Life {
    requests: AtomicUsize,
    /// We wanted it to end.
    let_go: AtomicBool,
    room: Arc<Room>,
}

/// The connection as it is kept. Dropped, it takes no more requests and closes when those in flight have ended.
pub(super) struct Handle<C: Driven> {
    pub(super) connection: C,
    pub(super) id: u64,
    /// Requests it was lent for, ever.
    requests: u32,
    life: Arc<Life>,
}

/// The right to send one request on a connection; counts it until dropped.
pub(crate) struct Lease<C> {
    pub(crate) connection: C,
    /// Unique in this process.
    pub(crate) id: u64,
    /// Whether the connection was lent before.
    pub(crate) reused: bool,
    pub(super) guard: InFlight,
}

/// Counts a request on its connection until dropped.
pub(super) struct InFlight(Arc<Life>);

/// Moves a connection's bytes. To be spawned.
pub(super) struct Drive<C: Driven> {
    driver: C::Driver,
    traffic: Arc<Traffic>,
    life: Arc<Life>,
    metrics: UpstreamMetrics,
    held: Held,
    host: Arc<Host>,
}

/// Opens a connection in the place that is held for it.
///
/// # Errors
/// As [`connect::open`].
pub(super) async fn open<C: Driven>(
    cluster: &Cluster,
    host: &Arc<Host>,
    options: C::Options,
    (held, metrics): (Held, UpstreamMetrics),
    room: Arc<Room>,
    id: u64,
) -> Result<(Handle<C>, Drive<C>)> {
    let greet = |stream| C::greet(stream, options, cluster);
    let (connection, driver) = connect::open(cluster, host, &metrics, greet).await?;
    let life = Arc::new(Life { requests: AtomicUsize::new(0), let_go: AtomicBool::new(false), room });
    let traffic = connection.traffic().clone();
    let drive = Drive { driver, traffic, life: life.clone(), metrics, held, host: host.clone() };
    Ok((Handle { connection, id, requests: 0, life }, drive))
}

impl<C: Driven> Handle<C> {
    /// Lends it for one more request.
    pub(super) fn lease(&mut self) -> Lease<C> {
        self.life.requests.fetch_add(1, Ordering::Relaxed);
        let reused = self.requests > 0;
        self.requests = self.requests.saturating_add(1);
        let (connection, guard) = (self.connection.clone(), InFlight(self.life.clone()));
        Lease { connection, id: self.id, reused, guard }
    }

    /// Whether it was lent so often that it should end; 0 = it never should.
    pub(super) fn is_worn(&self, most_requests: u32) -> bool {
        most_requests > 0 && self.requests >= most_requests
    }

    pub(super) fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }

    /// Requests that hold it at this moment.
    pub(super) fn in_flight(&self) -> usize {
        self.life.requests.load(Ordering::Relaxed)
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight() < self.connection.most()
    }

    pub(super) fn count_traffic(&self, metrics: &UpstreamMetrics) {
        metrics.traffic(self.connection.traffic().take());
    }
}

impl<C: Driven> Drop for Handle<C> {
    fn drop(&mut self) {
        // One that is closing already does so by the host's will.
        if self.connection.is_open() {
            self.life.let_go.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
        if self.0.room.waiting.load(Ordering::Relaxed) > 0 {
            self.0.room.freed.notify_one();
        }
    }
}

impl<C: Driven> Drive<C> {
    /// Runs until the connection is over, and counts how it ended.
    pub(super) async fn run(self) {
        use UpstreamStat::{
            ConnectionActive, ConnectionClose, ConnectionLocalClose, ConnectionRemoteClose,
            ConnectionRemoteCloseWithActiveRequest,
        };
        let Drive { driver, traffic, life, metrics, held, host } = self;
        metrics.inc(ConnectionActive);
        let mut driver = Box::pin(driver);
        let mut leaving = None;
        let ended = poll_fn(|cx| {
            let ended = driver.as_mut().try_poll(cx);
            if leaving.is_none() && C::has_host_left(&driver) {
                leaving = Some(host.leaving());
            }
            ended
        })
        .await;
        drop(driver);
        if let Err(error) = &ended {
            tracing::debug!(%error, "an upstream connection failed");
        }
        if ended.is_ok() && life.let_go.load(Ordering::Relaxed) {
            metrics.inc(ConnectionLocalClose);
        } else {
            metrics.inc(ConnectionRemoteClose);
            if life.requests.load(Ordering::Relaxed) > 0 {
                metrics.inc(ConnectionRemoteCloseWithActiveRequest);
            }
        }
        metrics.traffic(traffic.take());
        metrics.inc(ConnectionClose);
        metrics.dec(ConnectionActive);
        drop(held);
        if leaving.is_some() {
            sleep(LEAVES_WITHIN).await;
        }
    }
}
