//! The time limits of one exchange, on one timer: the body's while the request comes in, the timeouts of
//! request and try until the response head, the stream idle timeout from then on.

use std::task::{Context, Poll};
use std::time::Duration;

use mecha_base::Kind;
use mecha_base::timer::LazyTimer;
use mecha_config::proxy::HttpProxy;
use mecha_resilience::Timeouts;
use tokio::time::Instant;

pub(super) struct Clock<'a> {
    timer: &'a mut LazyTimer,
    body: Option<Duration>,
    idle: Option<Duration>,
    global: Option<Instant>,
    explicit: bool,
    phase: Phase,
    start: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The request still comes in.
    Receiving,
    /// A connection is looked for.
    Connecting,
    /// It was sent; the response head is awaited. Holds the end of the try.
    Awaiting(Option<Instant>),
    /// Bodies move.
    Streaming,
}

impl<'a> Clock<'a> {
    pub(super) fn new(
        timer: &'a mut LazyTimer,
        proxy: &HttpProxy,
        body: Option<Duration>,
        start: Instant,
    ) -> Self {
        let idle = proxy.stream_idle_timeout;
        timer.set(None);
        Clock { timer, body, idle, global: None, explicit: false, phase: Phase::Receiving, start }
    }

    /// When the exchange began.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// The request's body moved, or begins to be waited for, at `now`.
    pub(super) fn receiving(&mut self, now: Instant) {
        self.phase = Phase::Receiving;
        self.timer.set(self.body.map(|limit| now + limit));
    }

    /// A connection is waited for since `now`. That counts: the global timeout runs from the first such time on.
    pub(super) fn connecting(&mut self, now: Instant, timeouts: &Timeouts) {
        let global = *self.global.get_or_insert(now + timeouts.global);
        self.phase = Phase::Connecting;
        self.timer.set(Some(global));
    }

    /// The request was sent whole at `now`. The global timeout runs from the first time on.
    pub(super) fn awaiting(&mut self, now: Instant, timeouts: &Timeouts) {
        let global = *self.global.get_or_insert(now + timeouts.global);
        self.explicit = timeouts.explicit;
        let end_of_try = timeouts.per_try.map(|limit| now + limit).filter(|end| *end < global);
        self.phase = Phase::Awaiting(end_of_try);
        self.timer.set(Some(end_of_try.unwrap_or(global)));
    }

    /// Bodies moved, or begin to, at `now`. A stated global timeout goes on to hold, except for tunnels.
    pub(super) fn streaming(&mut self, now: Instant, tunnel: bool) {
        self.phase = Phase::Streaming;
        let idle = self.idle.map(|limit| now + limit);
        let global = self.global.filter(|_| self.explicit && !tunnel);
        self.timer.set(match (idle, global) {
            (Some(idle), Some(global)) => Some(idle.min(global)),
            (idle, global) => idle.or(global),
        });
    }

    /// Nothing of this exchange is awaited any more.
    pub(super) fn stop(&mut self) {
        self.timer.set(None);
    }

    /// Ready with what ran out.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Kind> {
        let phase = self.phase;
        let global = self.global;
        self.timer.poll_expired(cx).map(|()| match phase {
            Phase::Receiving => Kind::SlowClient,
            Phase::Awaiting(Some(_)) => Kind::TryTimeout,
            Phase::Connecting | Phase::Awaiting(None) => Kind::Timeout,
            Phase::Streaming if global.is_some_and(|end| Instant::now() >= end) => Kind::Timeout,
            Phase::Streaming => Kind::StreamIdle,
        })
    }
}
