//! Connections that carry one request at a time: HTTP/1, and RPC protocols in `PoolMode::PingPong`. Those that wait for a
//! request are kept by worker and host; the one that was used last is used next.

use std::future::Future;
use std::time::Duration;

use mecha_base::Result;
use mecha_cluster::{Cluster, Host, HostId};
use mecha_metrics::UpstreamStat;
use tokio::time::Instant;

use super::limit::{Granted, Held};
use super::metrics::UpstreamMetrics;
use super::pool::{HostPool, Pools};

/// Most unused connections of a kind kept for one host by one worker.
const MOST_IDLE: usize = 1024;

/// A kind of connection that carries one request at a time. Dropping it closes it.
pub(super) trait Exclusive: Sized {
    /// Tells kinds within this one apart.
    type Key: Copy;

    /// Where the unused ones of a host are kept, and where they are counted.
    fn idle(host: &mut HostPool, key: Self::Key) -> (&mut IdleList<Self>, &UpstreamMetrics);

    /// Whether an unused one can't be used any more.
    fn is_stale(&mut self) -> bool;

    /// Does for an unused one what is due. Called some times a second.
    fn look_after(&mut self) {}

    /// Whether it can carry another request after so many at most; 0 = any number.
    fn is_reusable(&mut self, most_requests: u32) -> bool;

    /// Gives back what only a request in flight needs.
    fn release(&mut self) {}
}

/// Connections that wait for a request.
pub(super) struct IdleList<C>(Vec<Idle<C>>);

struct Idle<C> {
    connection: C,
    until: Instant,
}

impl<C> Default for IdleList<C> {
    fn default() -> Self {
        IdleList(Vec::new())
    }
}

impl<C: Exclusive> IdleList<C> {
    /// The one that was used last, if one is alive.
    fn pop(&mut self, metrics: &UpstreamMetrics) -> Option<C> {
        loop {
            let mut connection = self.yield_one(metrics)?;
            if !connection.is_stale() {
                return Some(connection);
            }
        }
    }

    /// Takes one, alive or not.
    pub(super) fn yield_one(&mut self, metrics: &UpstreamMetrics) -> Option<C> {
        let idle = self.0.pop()?;
        metrics.dec(UpstreamStat::ConnectionIdle);
        Some(idle.connection)
    }

    fn push(&mut self, connection: C, until: Instant, metrics: &UpstreamMetrics) {
        if self.0.len() < MOST_IDLE {
            metrics.inc(UpstreamStat::ConnectionIdle);
            self.0.push(Idle { connection, until });
        }
    }

    /// Closes those that waited for too long or are over.
    pub(super) fn sweep(&mut self, now: Instant, metrics: &UpstreamMetrics) {
        self.0.retain_mut(|idle| {
            idle.connection.look_after();
            let keep = idle.until > now && !idle.connection.is_stale();
            if !keep {
                metrics.dec(UpstreamStat::ConnectionIdle);
            }
            keep
        });
        if self.0.is_empty() {
            self.0.shrink_to_fit();
        }
    }

    pub(super) fn clear(&mut self, metrics: &UpstreamMetrics) {
        while self.yield_one(metrics).is_some() {}
    }
}

impl Pools {
    /// A connection to `host`: an unused one, the new one that `open` makes in the place held for it, or the next one that
    /// becomes free.
    ///
    /// # Errors
    /// Those of `open`, or [`mecha_base::Kind::Overflow`] when too many wait already or none became free within the connect
    /// timeout.
    pub(super) async fn exclusive<C: Exclusive, F>(
        &self,
        cluster: &Cluster,
        host: &Host,
        key: C::Key,
        open: impl FnOnce(Held, UpstreamMetrics) -> F,
    ) -> Result<C>
    where
        F: Future<Output = Result<C>>,
    {
        if let Some(connection) = self.take_idle(cluster, host, key) {
            return Ok(connection);
        }
        Box::pin(async {
            match self.place(cluster, host, || self.take_idle(cluster, host, key)).await? {
                Granted::Instead(connection) => Ok(connection),
                Granted::New(held, metrics) => open(held, metrics).await,
            }
        })
        .await
    }

    /// The unused connection that was used last, if one is alive.
    fn take_idle<C: Exclusive>(&self, cluster: &Cluster, host: &Host, key: C::Key) -> Option<C> {
        self.with(cluster, host, |pool| {
            let (idle, metrics) = C::idle(pool, key);
            idle.pop(metrics)
        })?
    }

    /// Takes a connection back after its response was received whole; it is closed unless it can be used again.
    pub(super) fn take_back<C: Exclusive>(
        &self,
        host: HostId,
        key: C::Key,
        mut connection: C,
        most_requests: u32,
        idle_timeout: Duration,
    ) {
        if !connection.is_reusable(most_requests) {
            return;
        }
        connection.release();
        self.lend(host, |pool| {
            // When somebody elsewhere waits for the place that this connection holds, it is closed.
            if pool.queue.is_empty() || pool.queue.wake_local(host, self.worker) {
                let (idle, metrics) = C::idle(pool, key);
                idle.push(connection, Instant::now() + idle_timeout, metrics);
            }
        });
    }
}
