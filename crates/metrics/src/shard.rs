//! The cells that one worker counts on. A shard belongs to one scope and one worker; the sums over a scope's shards
//! are what users see.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::histogram::Cells;
use crate::stat::{Kind, Metric, Stat};

/// Room for counters and gauges in a shard; checked against every list at compile time.
const COUNTERS: usize = 40;
/// Room for histograms in a shard; checked likewise.
const HISTOGRAMS: usize = 2;

/// One worker's counters, gauges and histograms of one scope.
///
/// **A shard has exactly one writer thread: the worker it was taken for.** Counting is a relaxed load and a relaxed
/// store, not a locked read-modify-write, so two threads writing to one shard lose counts (they cannot corrupt
/// memory). Any thread may read. Gauges are sums of the shards' differences, so a worker may decrement what another
/// incremented, each on its own shard.
///
/// Aligned to cache lines, so that two workers never write to the same line.
#[derive(Debug)]
#[repr(align(64))]
pub struct Shard<S: Stat> {
    counters: [AtomicU64; COUNTERS],
    histograms: [Cells; HISTOGRAMS],
    stats: PhantomData<S>,
}

/// Something that is counted in a gauge as long as this value lives: dropped, also by cancellation, it is taken off.
///
/// `D` is how the shard is held: a reference in the common case, an `Arc` where the guard outlives the holder.
#[derive(Debug)]
#[must_use = "the gauge falls again when this is dropped"]
pub struct Active<S: Stat, D: Deref<Target = Shard<S>>> {
    shard: D,
    stat: S,
}

impl<S: Stat> Shard<S> {
    pub(crate) fn new() -> Self {
        const { assert!(S::COUNT <= COUNTERS && <S::Histogram as Metric>::COUNT <= HISTOGRAMS) }
        Self {
            counters: [const { AtomicU64::new(0) }; COUNTERS],
            histograms: [const { Cells::new() }; HISTOGRAMS],
            stats: PhantomData,
        }
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self, stat: S) {
        self.add(stat, 1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, stat: S, n: u64) {
        if let Some(cell) = self.counters.get(stat.index()) {
            bump(cell, n);
        }
    }

    /// Takes one off a gauge. Calling it for a counter is a mistake, caught in debug builds.
    #[inline]
    pub fn dec(&self, stat: S) {
        self.sub(stat, 1);
    }

    /// Takes `n` off a gauge. Calling it for a counter is a mistake, caught in debug builds.
    #[inline]
    pub fn sub(&self, stat: S, n: u64) {
        debug_assert_eq!(stat.kind(), Kind::Gauge, "{} only grows", stat.name());
        self.add(stat, n.wrapping_neg());
    }

    /// Counts one duration. Durations above 584 years count as that.
    #[inline]
    pub fn observe(&self, histogram: S::Histogram, duration: Duration) {
        if let Some(cells) = self.histograms.get(histogram.index()) {
            cells.observe(duration);
        }
    }

    /// Adds one to a gauge until the returned guard is dropped. For a guard that owns its shard see [`Active::new`].
    #[inline]
    pub fn active(&self, stat: S) -> Active<S, &Self> {
        Active::new(self, stat)
    }

    /// This shard's part of a value: what it added minus what it took off, modulo 2^64.
    pub(crate) fn get(&self, stat: S) -> u64 {
        self.counters.get(stat.index()).map_or(0, |cell| cell.load(Relaxed))
    }

    pub(crate) fn cells(&self, histogram: S::Histogram) -> Option<&Cells> {
        self.histograms.get(histogram.index())
    }
}

impl<S: Stat, D: Deref<Target = Shard<S>>> Active<S, D> {
    /// Adds one to the gauge `stat` of `shard` until the guard is dropped, which must happen on the shard's thread.
    #[inline]
    pub fn new(shard: D, stat: S) -> Self {
        shard.inc(stat);
        Self { shard, stat }
    }

    /// The shard that is counted on.
    #[inline]
    pub fn shard(&self) -> &Shard<S> {
        &self.shard
    }
}

impl<S: Stat, D: Deref<Target = Shard<S>>> Drop for Active<S, D> {
    #[inline]
    fn drop(&mut self) {
        self.shard.dec(self.stat);
    }
}

/// Adds without a locked instruction: sound because the cell has one writer.
#[inline]
pub(crate) fn bump(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
}
