//! Distributions of durations in fixed buckets: a shard's cells, and the sum over shards that a reader sees.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::shard::bump;

/// How many buckets have an upper bound; one more, `+Inf`, takes the rest.
const BOUNDED: usize = 16;

/// The buckets' inclusive upper bounds in nanoseconds, each with the seconds that a Prometheus `le` label shows.
pub const BOUNDS: [(u64, &str); BOUNDED] = [
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
    (30_000_000_000, "30"),
    (60_000_000_000, "60"),
];

/// One shard's part of a histogram. One writer, as everything in a shard.
#[derive(Debug)]
pub(crate) struct Cells {
    buckets: [AtomicU64; BOUNDED + 1],
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

/// A histogram at one moment, summed over the workers. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    buckets: [u64; BOUNDED + 1],
    sum: u64,
    min: u64,
    max: u64,
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BOUNDED + 1],
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn observe(&self, duration: Duration) {
        let nanos = nanos(duration);
        if let Some(bucket) = self.buckets.get(bucket(nanos)) {
            bump(bucket, 1);
        }
        bump(&self.sum, nanos);
        if nanos < self.min.load(Relaxed) {
            self.min.store(nanos, Relaxed);
        }
        if nanos > self.max.load(Relaxed) {
            self.max.store(nanos, Relaxed);
        }
    }
}

impl HistogramSnapshot {
    pub(crate) const fn empty() -> Self {
        Self { buckets: [0; BOUNDED + 1], sum: 0, min: u64::MAX, max: 0 }
    }

    pub(crate) fn merge(&mut self, cells: &Cells) {
        for (sum, cell) in self.buckets.iter_mut().zip(&cells.buckets) {
            *sum = sum.wrapping_add(cell.load(Relaxed));
        }
        self.sum = self.sum.wrapping_add(cells.sum.load(Relaxed));
        self.min = self.min.min(cells.min.load(Relaxed));
        self.max = self.max.max(cells.max.load(Relaxed));
    }

    /// How many durations were observed: by construction the sum of the buckets.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, n| sum.wrapping_add(*n))
    }

    /// The sum of the durations in nanoseconds. Read while workers count, it may be one observation ahead or behind.
    #[must_use]
    pub fn sum_nanos(&self) -> u64 {
        self.sum
    }

    /// The shortest duration since the start in nanoseconds, 0 when there is none.
    #[must_use]
    pub fn min_nanos(&self) -> u64 {
        if self.min == u64::MAX { 0 } else { self.min }
    }

    /// The longest duration since the start in nanoseconds, 0 when there is none.
    #[must_use]
    pub fn max_nanos(&self) -> u64 {
        self.max
    }

    /// The bounded buckets as Prometheus wants them: the `le` label in seconds and how many durations were at most
    /// that long. The `+Inf` bucket is [`HistogramSnapshot::count`].
    pub fn cumulative(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        BOUNDS.iter().zip(&self.buckets).scan(0_u64, |sum, ((_, label), n)| {
            *sum = sum.wrapping_add(*n);
            Some((*label, *sum))
        })
    }
}

/// The index of the first bucket whose bound is not below `nanos`; [`BOUNDED`] for the last.
#[inline]
fn bucket(nanos: u64) -> usize {
    BOUNDS.partition_point(|(bound, _)| *bound < nanos)
}

#[inline]
fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(durations: &[Duration]) -> HistogramSnapshot {
        let cells = Cells::new();
        for duration in durations {
            cells.observe(*duration);
        }
        let mut snapshot = HistogramSnapshot::empty();
        snapshot.merge(&cells);
        snapshot
    }

    #[test]
    fn a_bound_belongs_to_its_bucket_and_a_nanosecond_more_does_not() {
        for (i, (bound, label)) in BOUNDS.iter().enumerate() {
            let at = observed(&[Duration::from_nanos(*bound)]);
            let above = observed(&[Duration::from_nanos(*bound + 1)]);
            assert_eq!(at.cumulative().nth(i), Some((*label, 1)));
            assert_eq!(above.cumulative().nth(i), Some((*label, 0)));
            assert_eq!(above.cumulative().nth(i + 1).map_or(above.count(), |(_, n)| n), 1);
        }
    }

    #[test]
    fn labels_say_what_the_bounds_are() {
        for (bound, label) in BOUNDS {
            let seconds: f64 = label.parse().unwrap();
            assert!((seconds * 1e9 - bound as f64).abs() < 0.5, "{label} is not {bound} ns");
        }
        assert!(BOUNDS.is_sorted());
    }

    #[test]
    fn sum_and_extremes_are_exact() {
        let three = observed(&[Duration::from_nanos(700), Duration::from_secs(2), Duration::from_millis(3)]);
        assert_eq!(three.count(), 3);
        assert_eq!(three.sum_nanos(), 2_003_000_700);
        assert_eq!((three.min_nanos(), three.max_nanos()), (700, 2_000_000_000));
        let none = observed(&[]);
        assert_eq!((none.count(), none.min_nanos(), none.max_nanos()), (0, 0, 0));
    }

    #[test]
    fn absurd_durations_land_in_the_last_bucket() {
        let longest = observed(&[Duration::MAX]);
        assert_eq!(longest.count(), 1);
        assert!(longest.cumulative().all(|(_, n)| n == 0));
        assert_eq!(longest.max_nanos(), u64::MAX);
    }
}
