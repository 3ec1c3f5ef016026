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
    /// Bodies move. Holds the end of the global timeout where that still counts.
    Streaming(Option<Instant>),
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
        let idle = self.idle.map(|limit| now + limit);
        let global = self.global.filter(|_| self.explicit && !tunnel);
        self.phase = Phase::Streaming(global);
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
        self.timer.poll_expired(cx).map(|()| match phase {
            Phase::Receiving => Kind::SlowClient,
            Phase::Awaiting(Some(_)) => Kind::TryTimeout,
            Phase::Connecting | Phase::Awaiting(None) => Kind::Timeout,
            Phase::Streaming(Some(end)) if Instant::now() >= end => Kind::Timeout,
            Phase::Streaming(_) => Kind::StreamIdle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A clock with an idle timeout of 15 s.
    fn clock(timer: &mut LazyTimer) -> Clock<'_> {
        let start = Instant::now();
        let idle = Some(secs(15));
        Clock { timer, body: None, idle, global: None, explicit: false, phase: Phase::Receiving, start }
    }

    fn timeouts(explicit: bool) -> Timeouts {
        Timeouts { global: secs(60), explicit, per_try: None }
    }

    /// What a response runs into whose body moves every ten seconds for so long and then stands still, and when.
    async fn streamed(explicit: bool, tunnel: bool, moving: u64) -> (Kind, u64) {
        let mut timer = LazyTimer::new();
        let mut clock = clock(&mut timer);
        clock.awaiting(clock.start, &timeouts(explicit));
        loop {
            clock.streaming(Instant::now(), tunnel);
            let still = clock.start.elapsed() >= secs(moving);
            let step = if still { secs(3_600) } else { secs(10) };
            if let Ok(kind) = tokio::time::timeout(step, poll_fn(|cx| clock.poll_expired(cx))).await {
                return (kind, clock.start.elapsed().as_secs());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_stated_timeout_bounds_a_body_that_moves() {
        assert_eq!(streamed(false, false, 600).await, (Kind::StreamIdle, 615));
        assert_eq!(streamed(true, false, 600).await, (Kind::Timeout, 60));
        assert_eq!(streamed(true, false, 10).await, (Kind::StreamIdle, 25));
        assert_eq!(streamed(true, true, 600).await, (Kind::StreamIdle, 615));
    }

    #[tokio::test(start_paused = true)]
    async fn the_global_timeout_goes_on_over_the_tries() {
        let mut timer = LazyTimer::new();
        let mut clock = clock(&mut timer);
        clock.awaiting(clock.start, &Timeouts { per_try: Some(secs(5)), ..timeouts(false) });
        assert_eq!(poll_fn(|cx| clock.poll_expired(cx)).await, Kind::TryTimeout);
        assert_eq!(clock.start.elapsed().as_secs(), 5);
        clock.awaiting(Instant::now(), &timeouts(false));
        assert_eq!(poll_fn(|cx| clock.poll_expired(cx)).await, Kind::Timeout);
        assert_eq!(clock.start.elapsed().as_secs(), 60);
    }
}
