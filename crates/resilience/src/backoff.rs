//! Pauses between tries: always the same, or growing with some randomness (reference of Dapr, sections 3.4 and 9.14:
//! the rules of the Go library `backoff`). Pure; randomness is handed in.

use std::time::Duration;

use fastrand::Rng;

/// The first pause of an exponential back-off.
const FIRST: Duration = Duration::from_millis(500);
/// Each pause is so many times the one before.
const GROWTH: f64 = 1.5;
/// A pause lies this share around its value, up or down.
const SPREAD: f64 = 0.5;

/// How pauses grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// Always so long.
    Constant(Duration),
    /// From `first` by half again each time, each with a jitter of half, at most `max` before the jitter.
    Exponential {
        /// The first.
        first: Duration,
        /// The longest.
        max: Duration,
    },
}

impl Backoff {
    /// An exponential one that begins with half a second.
    pub const fn exponential(max: Duration) -> Self {
        Backoff::Exponential { first: FIRST, max }
    }

    /// The pause after try number `attempt`, counted from 0.
    pub fn pause(&self, attempt: u32, rng: &mut Rng) -> Duration {
        match *self {
            Backoff::Constant(pause) => pause,
            Backoff::Exponential { first, max } => {
                let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
                let grown = first.as_secs_f64() * GROWTH.powi(exponent);
                let capped = grown.min(max.as_secs_f64());
                let jitter = 1.0 - SPREAD + rng.f64() * 2.0 * SPREAD;
                Duration::try_from_secs_f64(capped * jitter).unwrap_or(max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_pauses_stay() {
        let backoff = Backoff::Constant(Duration::from_millis(10));
        let mut rng = Rng::with_seed(1);
        assert!((0..5).all(|attempt| backoff.pause(attempt, &mut rng) == Duration::from_millis(10)));
    }

    #[test]
    fn exponential_pauses_grow_to_their_bound_within_the_jitter() {
        let backoff = Backoff::exponential(Duration::from_secs(2));
        let mut rng = Rng::with_seed(7);
        for (attempt, seconds) in [(0, 0.5), (1, 0.75), (2, 1.125), (3, 1.6875), (4, 2.0), (4_000_000, 2.0)] {
            for _ in 0..100 {
                let pause = backoff.pause(attempt, &mut rng).as_secs_f64();
                assert!((0.5 * seconds..=1.5 * seconds).contains(&pause), "{attempt}: {pause}");
            }
        }
    }
}
