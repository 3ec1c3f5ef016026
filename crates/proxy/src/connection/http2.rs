//! An HTTP/2 client connection: its streams are served side by side on the connection's own task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{FuturesUnordered, Stream as _};
use mecha_base::Kind;
use mecha_base::timer::LazyTimer;
use mecha_cluster::PickState;
use mecha_http::http2::{ServerConnection, ServerStream};
use mecha_http::{Length, RequestHead};
use mecha_metrics::DownstreamStat;
use mecha_net::Stream;
use tokio::time::{Instant, timeout};

use crate::client::Client;
use crate::exchange::{Context, Downstream, Outcome, Request, exchange};
use crate::listener::{Door, HttpFilter};
use crate::worker::Slot;

/// How long a client may take for its preface.
const PREFACE_LIMIT: Duration = Duration::from_secs(15);

/// How long a client may take to close after its last stream, once it was told to; then it is not waited for.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// A client that takes back so many requests of a connection, each within [`HASTE`] and before its response, and no
/// fewer than half of all, is cut off. `h2` bounds only those that it resets before we take them up (rapid reset,
/// CVE-2023-44487); paced a little slower, each costs the upstream a request. Both numbers are Envoy's.
const MOST_TAKEN_BACK: u32 = 500;
const HASTE: Duration = Duration::from_secs(1);

/// What the streams of one connection have in common.
struct Shared {
    door: Arc<Door>,
    client: Client,
    http: Arc<HttpFilter>,
}

struct State {
    phase: Phase,
    /// Since when there is no stream, or since when the phase holds if that came later.
    idle_since: Instant,
    finished: u32,
    taken_back: u32,
}

/// How a stream ended, as far as the connection cares.
enum Ended {
    Usual,
    /// The client reset it in haste, before the response.
    TakenBack,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// The client was told to open no more streams.
    Draining,
    /// It did not close although its streams were over, and was told that we do.
    Closing,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    door: &Arc<Door>,
    client: Client,
    http: &Arc<HttpFilter>,
    stream: Stream,
    prefix: BytesMut,
    mut slot: Slot,
) {
    let greeted = timeout(PREFACE_LIMIT, ServerConnection::handshake(stream, prefix, &http.http2)).await;
    let Ok(Ok(mut connection)) = greeted else { return door.inc(DownstreamStat::ProtocolError) };
    let shared = Arc::new(Shared { door: door.clone(), client, http: http.clone() });
    let mut streams = FuturesUnordered::new();
    let mut timer = LazyTimer::new();
    let mut state = State { phase: Phase::Serving, idle_since: Instant::now(), finished: 0, taken_back: 0 };
    poll_fn(|cx| {
        slot.register(cx);
        if state.phase == Phase::Serving && door.is_draining() {
            state.drain(door, DownstreamStat::DrainClose, &mut connection);
        }
        loop {
            match poll_accept(cx, &mut connection, &shared) {
                Poll::Ready(Some(new)) => {
                    streams.push(serve_stream(shared.clone(), new));
                    continue;
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            // All streams that can move do so before the connection writes: their frames leave together.
            let mut finished = false;
            while let Poll::Ready(Some(ended)) = Pin::new(&mut streams).poll_next(cx) {
                finished = true;
                state.count(&ended);
            }
            if !finished {
                break;
            }
            state.idle_since = Instant::now();
            if state.phase != Phase::Closing && state.is_flooded() {
                door.inc(DownstreamStat::ProtocolError);
                state.phase = Phase::Closing;
                connection.expel();
            }
        }
        let limit = state.idle_limit(door).filter(|_| streams.is_empty() || state.phase == Phase::Closing);
        timer.set(limit.map(|limit| state.idle_since + limit));
        ready!(timer.poll_expired(cx));
        cx.waker().wake_by_ref();
        state.idle_for_too_long(door, &mut connection)
    })
    .await;
    drop(streams);
    door.traffic(connection.traffic().take());
}

impl State {
    fn count(&mut self, ended: &Ended) {
        self.finished = self.finished.saturating_add(1);
        if matches!(ended, Ended::TakenBack) {
            self.taken_back = self.taken_back.saturating_add(1);
        }
    }

    fn is_flooded(&self) -> bool {
        self.taken_back >= MOST_TAKEN_BACK && self.taken_back >= self.finished / 2
    }

    /// Tells the client to open no more streams; the connection ends when those that are open have.
    fn drain(&mut self, door: &Door, why: DownstreamStat, connection: &mut ServerConnection) {
        (self.phase, self.idle_since) = (Phase::Draining, Instant::now());
        door.inc(why);
        connection.shut_down_gracefully();
    }

    /// How long the connection may be without a stream.
    fn idle_limit(&self, door: &Door) -> Option<Duration> {
        match self.phase {
            Phase::Serving => door.listener.idle_timeout,
            Phase::Draining | Phase::Closing => Some(CLOSE_GRACE),
        }
    }

    /// The next step towards the end; ready when nothing is waited for any more.
    fn idle_for_too_long(&mut self, door: &Door, connection: &mut ServerConnection) -> Poll<()> {
        match self.phase {
            Phase::Serving => self.drain(door, DownstreamStat::IdleTimeout, connection),
            Phase::Draining => {
                (self.phase, self.idle_since) = (Phase::Closing, Instant::now());
                connection.shut_down();
            }
            Phase::Closing => return Poll::Ready(()),
        }
        Poll::Pending
    }
}

/// The next stream; `None` when the connection is over.
fn poll_accept(
    cx: &mut TaskContext<'_>,
    connection: &mut ServerConnection,
    shared: &Shared,
) -> Poll<Option<NewStream>> {
    let accepted = ready!(connection.poll_accept(cx));
    shared.door.traffic(connection.traffic().take());
    Poll::Ready(accepted.unwrap_or_else(|error| {
        if error.kind() != Kind::ClientGone {
            tracing::debug!(connection = shared.client.id, %error, "HTTP/2 connection ended");
            shared.door.inc(DownstreamStat::ProtocolError);
        }
        None
    }))
}

type NewStream = (RequestHead, Length, ServerStream);

async fn serve_stream(shared: Arc<Shared>, (head, length, mut stream): NewStream) -> Ended {
    let start = Instant::now();
    let worker = &shared.door.worker;
    let mut timer = LazyTimer::new();
    let mut pick = PickState::new(worker.fork_rng());
    let context = Context {
        door: &shared.door,
        client: &shared.client,
        proxy: &shared.http.proxy,
        timer: &mut timer,
        pick: &mut pick,
        bound: None,
    };
    let mut request = Request { head, length, wants_upgrade: false };
    match exchange(context, &mut request, Downstream::Http2(&mut stream)).await {
        Outcome::Broken if !stream.is_answered() && start.elapsed() < HASTE => Ended::TakenBack,
        Outcome::Complete | Outcome::Broken => Ended::Usual,
    }
}
