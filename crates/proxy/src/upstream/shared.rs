//! Connections that many requests share: HTTP/2, and RPC protocols in `PoolMode::Multiplex`. A worker keeps one for each
//! host and opens another only when it is full, worn out or going away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_cluster::{Cluster, Host};
use mecha_metrics::UpstreamStat;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::driven::{self, Driven, Handle, Lease, Room};
use super::limit::{Held, Waiting};
use super::metrics::UpstreamMetrics;
use super::pool::{HostPool, Pools};

/// A kind of connection that requests share.
pub(super) trait Shared: Driven {
    /// Where those of a host are kept.
    fn pool(host: &mut HostPool, options: Self::Options) -> &mut SharedPool<Self>;
}

/// The connections of one kind to one host.
pub(super) struct SharedPool<C: Driven> {
    open: Vec<Kept<C>>,
    /// Requests that wait for the connection that is being made; `Some` while one is.
    opening: Option<Vec<oneshot::Sender<Kind>>>,
    room: Arc<Room>,
}

struct Kept<C: Driven> {
    handle: Handle<C>,
    idle_since: Instant,
}

impl<C: Driven> Default for SharedPool<C> {
    fn default() -> Self {
        SharedPool { open: Vec::new(), opening: None, room: Arc::default() }
    }
}

impl<C: Driven> SharedPool<C> {
    /// A connection that can take one more request. Connections that are over or worn out are let go of; their
    /// requests end in their own time.
    fn lease(&mut self, most_requests: u32) -> Option<Lease<C>> {
        self.open.retain_mut(|kept| !kept.handle.is_worn(most_requests) && kept.handle.is_open());
        let kept = self.open.iter_mut().find(|kept| kept.handle.has_room())?;
        kept.idle_since = Instant::now();
        Some(kept.handle.lease())
    }

    /// Gives up the connection with the fewest requests: it takes no more of them and closes when they have ended.
    pub(super) fn yield_one(&mut self) {
        let in_flight = |(_, kept): &(usize, &Kept<C>)| kept.handle.in_flight();
        if let Some((at, _)) = self.open.iter().enumerate().min_by_key(in_flight) {
            self.open.remove(at);
        }
    }

    /// Whether anything is under way: requests, a connection that is being made, those who wait for room.
    pub(super) fn is_busy(&self) -> bool {
        self.opening.is_some()
            || self.room.waiting.load(Ordering::Relaxed) > 0
            || self.open.iter().any(|kept| kept.handle.in_flight() > 0)
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// Lets go of connections that are over, or without requests since `limit`, and counts the bytes of all.
    pub(super) fn sweep(&mut self, now: Instant, limit: Duration, metrics: &UpstreamMetrics) {
        self.open.retain_mut(|kept| {
            kept.handle.count_traffic(metrics);
            let unused = kept.handle.in_flight() == 0 && now.duration_since(kept.idle_since) >= limit;
            !unused && kept.handle.is_open()
        });
    }
}

impl Pools {
    /// The right to send one request to `host` on a connection that others use too.
    ///
    /// # Errors
    /// [`Kind::ConnectFailed`], [`Kind::ConnectTimeout`], or [`Kind::Overflow`] when every connection that may be open is
    /// full, and too many wait already or none had room within the connect timeout.
    pub(super) async fn shared<C: Shared>(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        options: C::Options,
        id: impl Fn() -> u64,
    ) -> Result<Lease<C>> {
        match self.lease(cluster, host, options) {
            Some(lease) => Ok(lease),
            None => Box::pin(self.open_or_join(cluster, host, options, id)).await,
        }
    }

    fn lease<C: Shared>(&self, cluster: &Cluster, host: &Host, options: C::Options) -> Option<Lease<C>> {
        let most = cluster.max_requests_per_connection;
        self.with(cluster, host, |pool| C::pool(pool, options).lease(most))?
    }

    async fn open_or_join<C: Shared>(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        options: C::Options,
        id: impl Fn() -> u64,
    ) -> Result<Lease<C>> {
        let mut waiting: Option<RoomWaiting<'_>> = None;
        loop {
            let joined = self.with(cluster, host, |pool| {
                let (tell, told) = oneshot::channel();
                C::pool(pool, options).opening.as_mut().map(|waiters| {
                    waiters.push(tell);
                    told
                })
            });
            let told = match joined.flatten() {
                Some(told) => Some(told),
                None => self.start_opening::<C>(cluster, host, options, &id)?,
            };
            match (told, &mut waiting) {
                (Some(told), _) => opened(told, host).await?,
                (None, Some(waiting)) => waiting.until().await?,
                // Between the look above and joining, there may have come room.
                (None, none) => *none = Some(self.wait_for_room::<C>(cluster, host, options)?),
            }
            if let Some(lease) = self.lease(cluster, host, options) {
                return Ok(lease);
            }
        }
    }

    /// A place among those who wait for a request or a connection to end.
    fn wait_for_room<C: Shared>(
        &self,
        cluster: &Cluster,
        host: &Host,
        options: C::Options,
    ) -> Result<RoomWaiting<'_>> {
        let (metrics, queue) = self.shared_parts(cluster, host)?;
        let room = self.with(cluster, host, |pool| C::pool(pool, options).room.clone()).unwrap_or_default();
        let waiting = Waiting::join(self, cluster, host, metrics, &queue)?;
        room.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(RoomWaiting { room, waiting })
    }

    /// Starts to make a connection on a task of its own, since others may come to wait for it. The receiver is told the
    /// kind of failure, or closed on success; there is none when no connection may be opened.
    fn start_opening<C: Shared>(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        host: &Arc<Host>,
        options: C::Options,
        id: &impl Fn() -> u64,
    ) -> Result<Option<oneshot::Receiver<Kind>>> {
        let (metrics, queue) = self.shared_parts(cluster, host)?;
        let Some(held) = Held::take(cluster, host, &queue) else {
            metrics.inc(UpstreamStat::ConnectionOverflow);
            return Ok(None);
        };
        let id = id();
        let (tell, told) = oneshot::channel();
        let room = self.with(cluster, host, |pool| {
            let pool = C::pool(pool, options);
            pool.opening = Some(vec![tell]);
            pool.room.clone()
        });
        let room = room.unwrap_or_default();
        let (pools, cluster, host) = (self.clone(), cluster.clone(), host.clone());
        tokio::spawn(async move {
            let opened = driven::open::<C>(&cluster, &host, options, (held, metrics), room, id).await;
            let waiters = pools.with(&cluster, &host, |pool| C::pool(pool, options).opening.take());
            let waiters = waiters.flatten().unwrap_or_default();
            match opened {
                Ok((handle, drive)) => {
                    let kept = Kept { handle, idle_since: Instant::now() };
                    pools.with(&cluster, &host, |pool| {
                        pool.idle_timeout = cluster.idle_timeout;
                        C::pool(pool, options).open.push(kept);
                    });
                    drop(waiters);
                    drive.run().await;
                }
                Err(error) => {
                    for waiter in waiters {
                        let _ = waiter.send(error.kind());
                    }
                }
            }
        });
        Ok(Some(told))
    }
}

/// Waits until the connection that is being made stands.
///
/// # Errors
/// When it could not be made.
pub(super) async fn opened(told: oneshot::Receiver<Kind>, host: &Host) -> Result<()> {
    match told.await {
        Ok(kind) => Err(Error::upstream(kind, host.name.to_string()).retry_when(RetrySafety::Safe)),
        Err(_) => Ok(()),
    }
}

/// A request that waits for room.
struct RoomWaiting<'p> {
    room: Arc<Room>,
    waiting: Waiting<'p>,
}

impl RoomWaiting<'_> {
    /// Waits until a request here or a connection anywhere has ended.
    async fn until(&mut self) -> Result<()> {
        tokio::select! {
            () = self.room.freed.notified() => Ok(()),
            woken = self.waiting.woken() => woken,
        }
    }
}

impl Drop for RoomWaiting<'_> {
    fn drop(&mut self) {
        self.room.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
