//! A client connection of an RPC protocol: its requests are served side by side on the connection's own task. Each is
//! served by a lane, a future that takes one request after the other, so that nothing is allocated for a request as
//! long as no more of them are under way than before.

mod lanes;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use mecha_base::timer::LazyTimer;
use mecha_base::{Kind, Result};
use mecha_codec::rpc::{Limits, Protocol};
use mecha_config::proxy::RpcOptions;
use mecha_metrics::DownstreamStat;
use mecha_net::Stream;
use mecha_rpc::server::ServerConnection;
use tokio::time::Instant;

use super::DRAIN_GRACE;
use crate::client::Client;
use crate::listener::{Door, HttpFilter};
use crate::worker::Slot;
use lanes::{Lanes, Shared};

/// A connection without requests keeps its lanes for so long.
const KEEP_LANES: Duration = Duration::from_secs(1);

/// So many bytes of requests that are under way are kept for one connection before it is read no further; more where its
/// frames may be larger.
const MOST_HELD: usize = 16 << 20;

/// How long a client may take to read what is left for it at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

struct Connection {
    inner: ServerConnection,
    shared: Arc<Shared>,
    lanes: Lanes,
    timer: LazyTimer,
    /// Since when nothing was under way and no byte moved.
    idle_since: Instant,
    drain_since: Option<Instant>,
    /// Nothing more is taken up, and why; what is under way still has to end.
    ended: Option<Result<()>>,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    door: &Arc<Door>,
    client: Client,
    http: &Arc<HttpFilter>,
    protocol: Protocol,
    stream: Stream,
    prefix: BytesMut,
    mut slot: Slot,
) {
    let limits = Limits { frame: http.proxy.rpc.max_frame };
    let mut connection = Connection {
        inner: ServerConnection::new(stream, prefix, protocol, limits),
        shared: Arc::new(Shared::new(door, client, http)),
        lanes: Lanes::default(),
        timer: LazyTimer::new(),
        idle_since: Instant::now(),
        drain_since: None,
        ended: None,
    };
    let ended = poll_fn(|cx| {
        slot.register(cx);
        connection.poll(cx, protocol)
    })
    .await;
    // Those whose client is gone.
    connection.lanes.clear();
    if let Err(error) = ended {
        if error.kind() != Kind::ClientGone {
            tracing::debug!(connection = connection.shared.client.id, %error, "{} connection ended", protocol.name());
            door.inc(DownstreamStat::ProtocolError);
        }
        connection.say_last_words().await;
    }
    door.traffic(connection.inner.take_traffic());
}

impl Connection {
    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut TaskContext<'_>, protocol: Protocol) -> Poll<Result<()>> {
        if self.ended.is_none() {
            self.ended = Some(ready!(self.poll_serve(cx, protocol)));
        }
        self.lanes.poll(cx);
        let gone = matches!(self.inner.poll_flush(cx), Poll::Ready(Err(_)));
        let awaited = match &self.ended {
            // A client that sent what is no frame still gets the answers to what it sent before.
            Some(Err(error)) if !gone && error.kind() != Kind::ClientGone => self.inner.in_flight(),
            // Requests that want no answer don't end with their client.
            _ => self.inner.one_ways(),
        };
        if awaited > 0 { Poll::Pending } else { Poll::Ready(self.ended.take().unwrap_or(Ok(()))) }
    }

    /// Ready when no more requests are taken up.
    fn poll_serve(&mut self, cx: &mut TaskContext<'_>, protocol: Protocol) -> Poll<Result<()>> {
        let shared = self.shared.clone();
        let (door, options) = (&shared.door, &shared.http.proxy.rpc);
        if self.drain_since.is_none() && door.is_draining() {
            self.drain_since = Some(Instant::now());
            door.inc(DownstreamStat::DrainClose);
            if options.go_away || protocol == Protocol::Dubbo {
                self.inner.go_away();
            }
        }
        let flushed = loop {
            let accepted = self.poll_accept(cx, options)?;
            // All requests that can move do so before the connection writes: their answers leave together.
            self.lanes.poll(cx);
            match accepted {
                Accepted::Closed => return Poll::Ready(Ok(())),
                // A lane may have come free for what waits.
                Accepted::Full if self.has_room(options) => continue,
                Accepted::Full | Accepted::Waiting => {}
            }
            let flushed = self.inner.poll_flush(cx)?;
            // So may the queue: nobody else would look at what was read already.
            if !matches!(accepted, Accepted::Full) || !self.has_room(options) {
                break flushed;
            }
        };
        if self.shared.bound.poll_closed(cx).is_ready() && self.inner.in_flight() == 0 && flushed.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_idle(cx)
    }

    /// Whether another request is taken up: few and small enough are under way, and the client reads its answers.
    fn has_room(&self, options: &RpcOptions) -> bool {
        self.inner.in_flight() < options.max_concurrent
            && self.inner.held() < options.max_frame.max(MOST_HELD)
            && !self.inner.is_full()
    }

    /// Takes up every request that is there.
    fn poll_accept(&mut self, cx: &mut TaskContext<'_>, options: &RpcOptions) -> Result<Accepted> {
        loop {
            if !self.has_room(options) {
                return Ok(Accepted::Full);
            }
            match self.inner.poll_accept(cx)? {
                Poll::Ready(Some((head, stream))) => self.lanes.serve(&self.shared, head, stream),
                Poll::Ready(None) => return Ok(Accepted::Closed),
                Poll::Pending => return Ok(Accepted::Waiting),
            }
        }
    }

    /// Ready when the connection was unused for too long.
    fn poll_idle(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        let door = &self.shared.door;
        let traffic = self.inner.take_traffic();
        let now = Instant::now();
        if traffic != (0, 0) {
            door.traffic(traffic);
            self.idle_since = now;
        }
        // A client that stands still in the middle of a frame, or reads no answers, is idle too.
        if self.inner.in_flight() > 0 {
            self.timer.set(None);
            return Poll::Pending;
        }
        loop {
            let limit = door.listener.idle_timeout.map(|limit| self.idle_since + limit);
            let drained = self.drain_since.map(|since| since.max(self.idle_since) + DRAIN_GRACE);
            let end = [limit, drained].into_iter().flatten().min();
            let release = (!self.lanes.is_empty()).then(|| self.idle_since + KEEP_LANES);
            let next = [end, release].into_iter().flatten().min();
            self.timer.set(next);
            if self.timer.poll_expired(cx).is_pending() {
                return Poll::Pending;
            }
            if release.is_some() && release == next {
                self.lanes.clear();
                self.shared.forget_lanes();
            } else {
                if drained.is_none() {
                    door.inc(DownstreamStat::IdleTimeout);
                }
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Writes what is queued for a client that sent what is no frame, and ends our half.
    async fn say_last_words(&mut self) {
        self.timer.set(Some(Instant::now() + LAST_WORDS));
        poll_fn(|cx| match self.inner.poll_shutdown(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => self.timer.poll_expired(cx),
        })
        .await;
    }
}

/// What became of looking for requests.
enum Accepted {
    /// There are no more now.
    Waiting,
    /// No more are taken now.
    Full,
    /// The client has closed.
    Closed,
}
