//! A circuit breaker: after too many failures calls are refused at once, until some that are let through succeed. The
//! rules are those of the Go library `gobreaker` (Dapr's reference 9.14); time is handed in. Whoever calls asks for a
//! [`Permit`] first and says afterwards how it went.

use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What has happened since the counts were cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that were let through.
    pub requests: u64,
    /// Calls that succeeded.
    pub total_successes: u64,
    /// Calls that failed.
    pub total_failures: u64,
    /// Successes since the last failure.
    pub consecutive_successes: u64,
    /// Failures since the last success.
    pub consecutive_failures: u64,
}

/// Whether calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// All of them.
    Closed,
    /// Some, to see how they fare.
    HalfOpen,
    /// None.
    Open,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The breaker is open.
    Open,
    /// It is half open, and as many calls as may be are under way.
    TooMany,
}

/// The numbers of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Calls that are let through while half open; so many successes in a row close the breaker. At least 1.
    pub max_requests: u64,
    /// Counts are cleared so often while closed; zero = never.
    pub interval: Duration,
    /// How long it stays open.
    pub timeout: Duration,
}

/// Looks at the counts after a failure: whether the breaker opens.
pub type Trip = Box<dyn Fn(&Counts) -> bool + Send + Sync>;

/// A circuit breaker.
pub struct Breaker {
    options: BreakerOptions,
    trip: Trip,
    now: Mutex<Now>,
}

/// The right to make one call; hand it back by [`Breaker::done`], or by [`Breaker::forget`] when nobody waited for the
/// end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a call that is never done keeps its place while the breaker is half open"]
pub struct Permit(u64);

#[derive(Debug)]
struct Now {
    state: BreakerState,
    counts: Counts,
    /// Changes with the state and whenever counts are cleared, so that late results count no more.
    generation: u64,
    /// When the counts are cleared (closed) or calls are let through again (open).
    until: Option<Instant>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(options: BreakerOptions, trip: Trip, now: Instant) -> Self {
        let state =
            Now { state: BreakerState::Closed, counts: Counts::default(), generation: 0, until: None };
        let breaker = Breaker { options, trip, now: Mutex::new(state) };
        breaker.enter(&mut breaker.now.lock(), BreakerState::Closed, now);
        breaker
    }

    /// The state now.
    pub fn state(&self, now: Instant) -> BreakerState {
        let mut state = self.now.lock();
        self.advance(&mut state, now);
        state.state
    }

    /// Asks for a call.
    ///
    /// # Errors
    /// When it must not be made.
    pub fn permit(&self, now: Instant) -> Result<Permit, Rejection> {
        let mut state = self.now.lock();
        self.advance(&mut state, now);
        match state.state {
            BreakerState::Open => return Err(Rejection::Open),
            BreakerState::HalfOpen if state.counts.requests >= self.options.max_requests.max(1) => {
                return Err(Rejection::TooMany);
            }
            BreakerState::HalfOpen | BreakerState::Closed => {}
        }
        state.counts.requests += 1;
        Ok(Permit(state.generation))
    }

    /// Says how a call went; one that began before the last change of state counts no more. Whether that changed the
    /// state, and to what.
    pub fn done(&self, permit: Permit, success: bool, now: Instant) -> Option<BreakerState> {
        let mut state = self.now.lock();
        self.advance(&mut state, now);
        if permit.0 != state.generation {
            return None;
        }
        let counts = &mut state.counts;
        if success {
            counts.total_successes += 1;
            counts.consecutive_successes += 1;
            counts.consecutive_failures = 0;
        } else {
            counts.total_failures += 1;
            counts.consecutive_failures += 1;
            counts.consecutive_successes = 0;
        }
        let next = match (state.state, success) {
            (BreakerState::Closed, false) if (self.trip)(&state.counts) => BreakerState::Open,
            (BreakerState::HalfOpen, false) => BreakerState::Open,
            (BreakerState::HalfOpen, true)
                if state.counts.consecutive_successes >= self.options.max_requests.max(1) =>
            {
                BreakerState::Closed
            }
            _ => return None,
        };
        self.enter(&mut state, next, now);
        Some(next)
    }

    /// A call was given up by its caller, which says nothing about the target: it counts as if it had never begun.
    pub fn forget(&self, permit: Permit) {
        let mut state = self.now.lock();
        if permit.0 == state.generation {
            state.counts.requests = state.counts.requests.saturating_sub(1);
        }
    }

    /// What time alone changes.
    fn advance(&self, state: &mut Now, now: Instant) {
        let due = state.until.is_some_and(|until| until <= now);
        match state.state {
            BreakerState::Closed if due => self.enter(state, BreakerState::Closed, now),
            BreakerState::Open if due => self.enter(state, BreakerState::HalfOpen, now),
            _ => {}
        }
    }

    fn enter(&self, state: &mut Now, next: BreakerState, now: Instant) {
        state.state = next;
        state.counts = Counts::default();
        state.generation += 1;
        state.until = match next {
            BreakerState::Closed if self.options.interval.is_zero() => None,
            BreakerState::Closed => now.checked_add(self.options.interval),
            BreakerState::Open => now.checked_add(self.options.timeout),
            BreakerState::HalfOpen => None,
        };
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("options", &self.options)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl BreakerState {
    /// As metrics show it.
    pub const fn name(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::HalfOpen => "half-open",
            BreakerState::Open => "open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker(max_requests: u64, interval: Duration) -> (Breaker, Instant) {
        let now = Instant::now();
        let options = BreakerOptions { max_requests, interval, timeout: 10 * SECOND };
        (Breaker::new(options, Box::new(|counts| counts.consecutive_failures > 2), now), now)
    }

    fn call(breaker: &Breaker, success: bool, now: Instant) -> Option<BreakerState> {
        breaker.done(breaker.permit(now).unwrap(), success, now)
    }

    #[test]
    fn it_opens_when_it_trips_and_refuses_until_its_time() {
        let (breaker, now) = breaker(1, Duration::ZERO);
        assert_eq!(call(&breaker, false, now), None);
        assert_eq!(call(&breaker, true, now), None);
        assert_eq!([call(&breaker, false, now), call(&breaker, false, now)], [None, None]);
        assert_eq!(call(&breaker, false, now), Some(BreakerState::Open));
        assert_eq!(breaker.permit(now + 9 * SECOND), Err(Rejection::Open));
        assert_eq!(breaker.state(now + 10 * SECOND), BreakerState::HalfOpen);
    }

    #[test]
    fn half_open_it_lets_some_through_and_follows_them() {
        let (breaker, now) = breaker(2, Duration::ZERO);
        for _ in 0..3 {
            let _ = call(&breaker, false, now);
        }
        let later = now + 10 * SECOND;
        let (first, second) = (breaker.permit(later).unwrap(), breaker.permit(later).unwrap());
        assert_eq!(breaker.permit(later), Err(Rejection::TooMany));
        assert_eq!(breaker.done(first, true, later), None);
        assert_eq!(breaker.done(second, true, later), Some(BreakerState::Closed));
        for _ in 0..3 {
            let _ = call(&breaker, false, later);
        }
        let again = later + 10 * SECOND;
        assert_eq!(call(&breaker, false, again), Some(BreakerState::Open));
    }

    #[test]
    fn a_call_that_was_given_up_takes_no_place() {
        let (breaker, now) = breaker(1, Duration::ZERO);
        for _ in 0..3 {
            let _ = call(&breaker, false, now);
        }
        let later = now + 10 * SECOND;
        let given_up = breaker.permit(later).unwrap();
        assert_eq!(breaker.permit(later), Err(Rejection::TooMany));
        breaker.forget(given_up);
        assert_eq!(call(&breaker, true, later), Some(BreakerState::Closed));
        // One of a time before means nothing.
        breaker.forget(given_up);
    }

    #[test]
    fn counts_are_cleared_by_the_interval_and_late_results_count_no_more() {
        let (breaker, now) = breaker(1, SECOND);
        for _ in 0..2 {
            let _ = call(&breaker, false, now);
        }
        let late = breaker.permit(now).unwrap();
        assert_eq!(breaker.done(late, false, now + SECOND), None);
        assert_eq!(call(&breaker, false, now + SECOND), None);
        assert_eq!(breaker.state(now + SECOND), BreakerState::Closed);
    }
}
