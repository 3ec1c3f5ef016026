//! HTTP/2 upstream connections: many requests share one. A worker keeps one for each host and opens more
//! only when the server's limit of streams is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_cluster::{Cluster, ConnectionGuard, Host, LimitGuard};
use mecha_http::http2::{ClientConnection, Driver};
use mecha_metrics::{UpstreamHistogram, UpstreamStat};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::connect::connect;
use super::metrics::UpstreamMetrics;
use super::pool::Pools;
use super::queue::Place;

/// The connections of one host.
#[derive(Default)]
pub(super) struct Http2Pool {
    open: Vec<Shared>,
    /// Requests that wait for the connection that is being made; `Some` while one is.
    opening: Option<Vec<oneshot::Sender<Kind>>>,
    room: Arc<Room>,
}

/// Those who wait for a stream to end because every connection is full.
#[derive(Default)]
struct Room {
    waiting: AtomicUsize,
    freed: Notify,
}

struct Shared {
    connection: ClientConnection,
    id: u64,
    streams: Arc<AtomicUsize>,
    requests: u32,
    idle_since: Instant,
}

/// The right to open one stream; counts it until dropped.
pub(crate) struct Http2Lease {
    pub(crate) connection: ClientConnection,
    pub(crate) id: u64,
    streams: Arc<AtomicUsize>,
    room: Arc<Room>,
}

impl Drop for Http2Lease {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
        if self.room.waiting.load(Ordering::Relaxed) > 0 {
            self.room.freed.notify_one();
        }
    }
}

impl Http2Pool {
    /// A connection that can take one more stream. Connections that are over or worn out are let go of; their
    /// streams end in their own time.
    fn lease(&mut self, most_requests: u32) -> Option<Http2Lease> {
        let mut cx = Context::from_waker(Waker::noop());
        self.open.retain_mut(|shared| {
            let worn = most_requests > 0 && shared.requests >= most_requests;
            !worn && !matches!(shared.connection.poll_ready(&mut cx), Poll::Ready(Err(_)))
        });
        let free =
            |shared: &&mut Shared| shared.streams.load(Ordering::Relaxed) < shared.connection.max_streams();
        let shared = self.open.iter_mut().find(free)?;
        shared.streams.fetch_add(1, Ordering::Relaxed);
        shared.requests = shared.requests.saturating_add(1);
        shared.idle_since = Instant::now();
        let (connection, streams) = (shared.connection.clone(), shared.streams.clone());
        Some(Http2Lease { connection, id: shared.id, streams, room: self.room.clone() })
    }

    /// Gives up the connection with the fewest streams: it takes no more of them and closes when they have ended.
    pub(super) fn yield_one(&mut self) {
        let streams = |(_, shared): &(usize, &Shared)| shared.streams.load(Ordering::Relaxed);
        if let Some((at, _)) = self.open.iter().enumerate().min_by_key(streams) {
            self.open.remove(at);
        }
    }

    /// Whether anything is under way: streams, a connection that is being made, those who wait for room.
    pub(super) fn is_busy(&self) -> bool {
        self.opening.is_some()
            || self.room.waiting.load(Ordering::Relaxed) > 0
            || self.open.iter().any(|shared| shared.streams.load(Ordering::Relaxed) > 0)
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// Closes connections without streams that were not used for `limit`, and counts the bytes of all.
    pub(super) fn sweep(&mut self, limit: Duration, metrics: &UpstreamMetrics) {
        let now = Instant::now();
        for shared in &self.open {
            metrics.traffic(shared.connection.traffic().take());
        }
        let unused = |shared: &Shared| {
            shared.streams.load(Ordering::Relaxed) == 0 && now.duration_since(shared.idle_since) >= limit
        };
        self.open.retain(|shared| !unused(shared));
    }
}

impl Pools {
    /// The right to open a stream to `host`.
    ///
    /// # Errors
    /// [`Kind::ConnectFailed`], [`Kind::ConnectTimeout`], or [`Kind::Overflow`] when every connection that may be open is
    /// full, and too many wait already or none had room within the connect timeout.
    pub(crate) async fn http2(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        id: impl Fn() -> u64,
    ) -> Result<Http2Lease> {
        let most = cluster.max_requests_per_connection;
        if let Some(Some(lease)) = self.with(cluster, host, |pool| pool.http2.lease(most)) {
            return Ok(lease);
        }
        Box::pin(self.open_or_join(cluster, host, id)).await
    }

    async fn open_or_join(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        id: impl Fn() -> u64,
    ) -> Result<Http2Lease> {
        let most = cluster.max_requests_per_connection;
        let deadline = Instant::now() + cluster.connect_timeout;
        let mut waiting: Option<Waiting> = None;
        loop {
            let joined = self.with(cluster, host, |pool| {
                let (tell, told) = oneshot::channel();
                pool.http2.opening.as_mut().map(|waiters| {
                    waiters.push(tell);
                    told
                })
            });
            let told = match joined.flatten() {
                Some(told) => Some(told),
                None => self.start_opening(cluster, host, &id)?,
            };
            match (told, &mut waiting) {
                (Some(told), _) => {
                    if let Ok(kind) = told.await {
                        return Err(
                            Error::upstream(kind, host.name.to_string()).retry_when(RetrySafety::Safe)
                        );
                    }
                }
                (None, Some(waiting)) => waiting.until(deadline).await?,
                // Between the look above and joining, there may have come room.
                (None, none) => *none = Some(self.wait_for_room(cluster, host)?),
            }
            if let Some(Some(lease)) = self.with(cluster, host, |pool| pool.http2.lease(most)) {
                return Ok(lease);
            }
        }
    }

    /// A place among those who wait for a stream or a connection to end.
    fn wait_for_room(&self, cluster: &Cluster, host: &Host) -> Result<Waiting> {
        let shared = self
            .with(cluster, host, |pool| (pool.metrics.clone(), pool.queue.clone(), pool.http2.room.clone()));
        let (metrics, queue, room) = shared.ok_or_else(overflow)?;
        let Some(pending) = cluster.try_pending() else {
            metrics.inc(UpstreamStat::RequestPendingOverflow);
            return Err(overflow());
        };
        metrics.inc(UpstreamStat::RequestPending);
        room.waiting.fetch_add(1, Ordering::Relaxed);
        let place = queue.join(host.id, self.worker);
        self.queues.ring_others(self.worker);
        Ok(Waiting { room, place, metrics, _pending: pending })
    }

    /// Starts to make a connection on a task of its own, since others may come to wait for it. The receiver is told the
    /// kind of failure, or closed on success; there is none when no connection may be opened.
    fn start_opening(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        id: &impl Fn() -> u64,
    ) -> Result<Option<oneshot::Receiver<Kind>>> {
        let Some(guard) = host.try_connection(cluster) else {
            self.with(cluster, host, |pool| pool.metrics.inc(UpstreamStat::ConnectionOverflow));
            return Ok(None);
        };
        let id = id();
        let (tell, told) = oneshot::channel();
        let metrics = self.with(cluster, host, |pool| {
            pool.http2.opening = Some(vec![tell]);
            pool.metrics.clone()
        });
        let metrics = metrics.ok_or_else(overflow)?;
        let (pools, cluster, host) = (self.clone(), cluster.clone(), host.clone());
        tokio::spawn(async move {
            let opened = open(&cluster, &host, &metrics).await;
            let waiters =
                pools.with(&cluster, &host, |pool| pool.http2.opening.take()).flatten().unwrap_or_default();
            match opened {
                Ok((connection, driver)) => {
                    let traffic = connection.traffic().clone();
                    let shared = Shared {
                        connection,
                        id,
                        streams: Arc::default(),
                        requests: 0,
                        idle_since: Instant::now(),
                    };
                    pools.with(&cluster, &host, |pool| pool.http2.open.push(shared));
                    drop(waiters);
                    drive(driver, &metrics, &traffic, guard).await;
                    pools.with(&cluster, &host, |pool| pool.queue.wake_any(host.id));
                }
                Err(error) => {
                    drop(guard);
                    pools.with(&cluster, &host, |pool| pool.queue.wake_any(host.id));
                    for waiter in waiters {
                        let _ = waiter.send(error.kind());
                    }
                }
            }
        });
        Ok(Some(told))
    }
}

/// A request that waits for room.
struct Waiting {
    room: Arc<Room>,
    place: Place,
    metrics: UpstreamMetrics,
    _pending: LimitGuard,
}

impl Waiting {
    /// Waits until a stream here or a connection anywhere has ended.
    async fn until(&mut self, deadline: Instant) -> Result<()> {
        tokio::select! {
            () = self.room.freed.notified() => Ok(()),
            () = self.place.woken() => {
                self.place = self.place.again();
                Ok(())
            }
            () = sleep_until(deadline) => {
                self.metrics.inc(UpstreamStat::RequestPendingOverflow);
                Err(overflow())
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.room.waiting.fetch_sub(1, Ordering::Relaxed);
        self.metrics.dec(UpstreamStat::RequestPending);
    }
}

fn overflow() -> Error {
    Error::upstream(Kind::Overflow, "every HTTP/2 connection that may be open is full")
}

async fn open(
    cluster: &Cluster,
    host: &Host,
    metrics: &UpstreamMetrics,
) -> Result<(ClientConnection, Driver)> {
    let start = Instant::now();
    metrics.inc(UpstreamStat::ConnectionTotal);
    let greet = async {
        let stream = connect(&host.address, cluster.connect_timeout).await?;
        ClientConnection::handshake(stream).await
    };
    let opened = match timeout(cluster.connect_timeout, greet).await {
        Ok(opened) => opened,
        Err(_) => Err(Error::upstream(Kind::ConnectTimeout, host.name.to_string())),
    };
    match &opened {
        Ok(_) => metrics.observe(UpstreamHistogram::ConnectTime, start.elapsed()),
        Err(error) => {
            metrics.inc(UpstreamStat::ConnectionConFail);
            if error.kind() == Kind::ConnectTimeout {
                metrics.inc(UpstreamStat::ConnectionTimeout);
            }
        }
    }
    opened
}

/// Moves a connection's bytes until it is over.
async fn drive(
    driver: Driver,
    metrics: &UpstreamMetrics,
    traffic: &mecha_http::http2::Traffic,
    guard: ConnectionGuard,
) {
    metrics.inc(UpstreamStat::ConnectionActive);
    if let Err(error) = driver.await {
        tracing::debug!(%error, "upstream HTTP/2 connection failed");
        metrics.inc(UpstreamStat::ConnectionRemoteClose);
    }
    metrics.traffic(traffic.take());
    metrics.inc(UpstreamStat::ConnectionClose);
    metrics.dec(UpstreamStat::ConnectionActive);
    drop(guard);
}
