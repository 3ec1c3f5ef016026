//! An HTTP/1 client connection: requests one after the other.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mecha_base::timer::LazyTimer;
use mecha_base::{Error, Kind, Result};
use mecha_cluster::PickState;
use mecha_http::http1::{Incoming, ServerConnection};
use mecha_http::{Length, ResponseHead, StatusCode};
use mecha_metrics::DownstreamStat;
use mecha_net::Stream;
use tokio::time::Instant;

use super::DRAIN_GRACE;
use crate::client::Client;
use crate::exchange::{Context, Downstream, Outcome, Request, exchange};
use crate::listener::{Door, HttpFilter};
use crate::worker::Slot;

/// How long, and for how many bytes, a client may go on sending after its last response.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 256 << 10;

struct Connection<'a> {
    door: &'a Arc<Door>,
    http: &'a HttpFilter,
    inner: ServerConnection,
    slot: Slot,
    timer: LazyTimer,
    /// Since when the connection waits for a head, and since when one has begun.
    idle_since: Instant,
    head_since: Option<Instant>,
    drain_since: Option<Instant>,
}

/// Why no request came.
enum NoRequest {
    /// The connection may just be closed.
    Close,
    /// The client is told what it did wrong first.
    Refuse(Error),
}

/// Serves a connection to its end.
pub(super) async fn serve(
    door: &Arc<Door>,
    client: Client,
    http: &HttpFilter,
    stream: Stream,
    prefix: BytesMut,
    slot: Slot,
) {
    let mut connection = Connection {
        door,
        http,
        inner: ServerConnection::new(stream, prefix, http.limits.clone()),
        slot,
        timer: LazyTimer::new(),
        idle_since: Instant::now(),
        head_since: None,
        drain_since: None,
    };
    let mut pick = PickState::new(door.worker.fork_rng());
    loop {
        let incoming = match poll_fn(|cx| connection.poll_next(cx)).await {
            Ok(incoming) => incoming,
            Err(NoRequest::Close) => break,
            Err(NoRequest::Refuse(error)) => {
                connection.refuse(&error).await;
                break;
            }
        };
        let mut request =
            Request { head: incoming.head, length: incoming.length, wants_upgrade: incoming.wants_upgrade };
        let timer = &mut connection.timer;
        let context =
            Context { door, client: &client, proxy: &http.proxy, timer, pick: &mut pick, bound: None };
        let outcome = exchange(context, &mut request, Downstream::Http1(&mut connection.inner)).await;
        // Its head holds the read buffer, which can go back only now.
        drop(request);
        door.traffic(connection.inner.take_traffic());
        if let Outcome::Broken = outcome {
            return;
        }
        if !connection.inner.finish() {
            connection.linger().await;
            break;
        }
        connection.idle_since = Instant::now();
        connection.head_since = None;
    }
    door.traffic(connection.inner.take_traffic());
}

impl Connection<'_> {
    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<std::result::Result<Incoming, NoRequest>> {
        self.slot.register(cx);
        match self.inner.poll_request(cx) {
            Poll::Ready(Ok(Some(incoming))) => return Poll::Ready(Ok(incoming)),
            Poll::Ready(Ok(None)) => return Poll::Ready(Err(NoRequest::Close)),
            Poll::Ready(Err(error)) if error.kind() == Kind::ClientGone => {
                return Poll::Ready(Err(NoRequest::Close));
            }
            Poll::Ready(Err(error)) => {
                self.door.inc(DownstreamStat::ProtocolError);
                return Poll::Ready(Err(NoRequest::Refuse(error)));
            }
            Poll::Pending => {}
        }
        let idle = self.inner.is_idle();
        let deadline = if idle { self.end_of_idling() } else { self.end_of_head() };
        self.timer.set(deadline);
        match self.timer.poll_expired(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) if idle => {
                let why =
                    self.drain_since.map_or(DownstreamStat::IdleTimeout, |_| DownstreamStat::DrainClose);
                self.door.inc(why);
                Poll::Ready(Err(NoRequest::Close))
            }
            Poll::Ready(()) => {
                self.door.inc(DownstreamStat::RequestTimeout);
                Poll::Ready(Err(NoRequest::Refuse(Error::downstream(Kind::SlowClient, ""))))
            }
        }
    }

    fn end_of_idling(&mut self) -> Option<Instant> {
        self.head_since = None;
        let idle = self.door.listener.idle_timeout.map(|limit| self.idle_since + limit);
        if !self.door.is_draining() {
            return idle;
        }
        let drain = *self.drain_since.get_or_insert_with(Instant::now) + DRAIN_GRACE;
        Some(idle.map_or(drain, |idle| idle.min(drain)))
    }

    fn end_of_head(&mut self) -> Option<Instant> {
        let since = *self.head_since.get_or_insert_with(Instant::now);
        self.http.proxy.http1.header_timeout.map(|limit| since + limit)
    }

    /// Answers what is no request, and closes.
    async fn refuse(&mut self, error: &Error) {
        self.door.inc(DownstreamStat::for_status(error.kind().status()));
        let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
        let text = match error.context() {
            "" => error.kind().describe(),
            context => context,
        };
        let body = Bytes::from(format!("{text}\n"));
        let mut head = ResponseHead::new(status);
        let _ = head.headers.append("content-type", b"text/plain; charset=utf-8");
        self.inner.close_after();
        self.inner.send_head(&head, Length::Known(body.len() as u64));
        let sent: Result<()> = self.inner.send_data(body).and_then(|()| self.inner.send_end(None));
        if sent.is_ok() {
            self.linger().await;
        }
    }

    /// Ends our half, and waits a moment for the client to end its own: a close over unread bytes would reset the
    /// connection and could take the response with it.
    async fn linger(&mut self) {
        let mut left = LINGER_BYTES;
        self.timer.set(Some(Instant::now() + LINGER));
        let mut shut = false;
        poll_fn(|cx| {
            if !shut {
                shut = self.inner.poll_shutdown(cx).is_ready();
            }
            if shut && self.inner.poll_discard(cx, &mut left).is_ready() {
                return Poll::Ready(());
            }
            self.timer.poll_expired(cx)
        })
        .await;
    }
}
