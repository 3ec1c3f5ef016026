//! Connections of which the bytes are moved apart from the requests: those are put on them by handles, of which one is kept
//! where the connection belongs and the others are lent. HTTP/2 and the RPC protocols are of this kind. What moves the
//! bytes is a task of its own, or whoever has the only request.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::TryFuture;
use mecha_base::Result;
use mecha_cluster::{Cluster, Host, LeavingGuard};
use mecha_http::http2::Traffic;
use mecha_metrics::UpstreamStat;
use mecha_net::Stream;
use tokio::runtime;
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

    /// Whether there may be something to read.
    fn has_news(_driver: &Self::Driver) -> bool {
        true
    }

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

/// Moves a connection's bytes until it is over, and counts how it ended. Dropped before, it cuts the connection.
pub(super) struct Drive<C: Driven> {
    driver: Pin<Box<C::Driver>>,
    traffic: Arc<Traffic>,
    life: Arc<Life>,
    metrics: UpstreamMetrics,
    /// Stands behind the driver, so that it is given back only once the socket is closed.
    _held: Held,
    host: Arc<Host>,
    /// The host has asked for no more requests.
    leaving: Option<LeavingGuard>,
    over: bool,
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
    metrics.inc(UpstreamStat::ConnectionActive);
    let drive = Drive {
        driver: Box::pin(driver),
        traffic,
        life: life.clone(),
        metrics,
        _held: held,
        host: host.clone(),
        leaving: None,
        over: false,
    };
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
    /// Runs until the connection is over. To be spawned.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    pub(super) fn driver(&mut self) -> &mut C::Driver
    where
        C::Driver: Unpin,
    {
        &mut self.driver
    }

    /// Whether something may have come since the last poll.
    pub(super) fn has_news(&self) -> bool {
        !self.over && C::has_news(&self.driver)
    }

    /// Moves what can be moved without waiting for anything.
    pub(super) fn poll_now(&mut self) {
        let _ = self.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Ready when the connection is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        let ended = self.driver.as_mut().try_poll(cx);
        if self.leaving.is_none() && C::has_host_left(&self.driver) {
            self.leaving = Some(self.host.leaving());
        }
        ended.map(|ended| {
            if let Err(error) = &ended {
                tracing::debug!(%error, "an upstream connection failed");
            }
            self.count_end(ended.is_ok() && self.life.let_go.load(Ordering::Relaxed));
        })
    }

    fn count_end(&mut self, by_us: bool) {
        use UpstreamStat::{
            ConnectionActive, ConnectionClose, ConnectionLocalClose, ConnectionRemoteClose,
            ConnectionRemoteCloseWithActiveRequest,
        };
        self.over = true;
        if by_us {
            self.metrics.inc(ConnectionLocalClose);
        } else {
            self.metrics.inc(ConnectionRemoteClose);
            if self.life.requests.load(Ordering::Relaxed) > 0 {
                self.metrics.inc(ConnectionRemoteCloseWithActiveRequest);
            }
        }
        self.metrics.traffic(self.traffic.take());
        self.metrics.inc(ConnectionClose);
        self.metrics.dec(ConnectionActive);
    }
}

impl<C: Driven> Drop for Drive<C> {
    fn drop(&mut self) {
        if !self.over {
            self.count_end(true);
        }
        // The host is thought to be about to end for a while after its connection.
        if let (Some(leaving), Ok(worker)) = (self.leaving.take(), runtime::Handle::try_current()) {
            worker.spawn(async move {
                sleep(LEAVES_WITHIN).await;
                drop(leaving);
            });
        }
    }
}
