//! Marks in a topic's log: how much had been published by when. They tell where to cut a log that is too long or too old
//! without looking at its messages; 64 of them cover what is kept, so a cut is that exact.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};

use super::options::Retention;

/// Marks per length of what is kept.
const MARKS: u32 = 64;
/// A mark for fewer bytes would cost more than it tells.
const LEAST: u64 = 64 << 10;

/// A mark. Its number in the log stands in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When it was made, in milliseconds since 1970.
    pub(crate) time: u64,
    /// The bytes of all messages before it, since the topic began.
    pub(crate) total: u64,
}

impl Mark {
    /// The stored form: eight bytes each, big end first.
    pub(crate) fn encode(self) -> Bytes {
        let mut out = Vec::with_capacity(16);
        out.put_u64(self.time);
        out.put_u64(self.total);
        Bytes::from(out)
    }

    /// Reads a stored form; `None` when it is none.
    pub(crate) fn decode(mut stored: Bytes) -> Option<Self> {
        Some(Mark { time: stored.try_get_u64().ok()?, total: stored.try_get_u64().ok()? })
    }
}

/// The marks of a topic, and what was published since the last one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: BTreeMap<u64, Mark>,
    total: u64,
    since: u64,
    /// When the last mark was made.
    time: u64,
}

impl Marks {
    /// From those that are stored.
    pub(crate) fn new(marks: BTreeMap<u64, Mark>) -> Self {
        let last = marks.values().next_back().copied();
        let (time, total) = last.map_or((0, 0), |mark| (mark.time, mark.total));
        Marks { marks, total, since: 0, time }
    }

    /// The first number after the last mark; 0 when there is none.
    pub(crate) fn end(&self) -> u64 {
        self.marks.keys().next_back().map_or(0, |number| number + 1)
    }

    /// There are messages after the last mark; how much is not known, so half of what there can be is taken.
    pub(crate) fn assume(&mut self, retention: &Retention) {
        self.since = step(retention) / 2;
        self.total += self.since;
    }

    /// Counts what is published; the mark that has to be written with it, if one is due.
    pub(crate) fn add(&mut self, bytes: u64, now: u64, retention: &Retention) -> Option<Mark> {
        self.total += bytes;
        self.since += bytes;
        let age = Duration::from_millis(now.saturating_sub(self.time));
        let due = self.since >= step(retention) || age >= retention.time / MARKS;
        if self.since == 0 || !due {
            return None;
        }
        self.since = 0;
        self.time = now;
        Some(Mark { time: now, total: self.total })
    }

    /// A mark was written.
    pub(crate) fn insert(&mut self, number: u64, mark: Mark) {
        self.marks.insert(number, mark);
    }

    /// Where the log is to begin: at the newest mark that is too old, or has more after it than is kept.
    pub(crate) fn floor(&self, now: u64, retention: &Retention) -> Option<u64> {
        let old = u64::try_from(retention.time.as_millis()).unwrap_or(u64::MAX);
        let over = |mark: &Mark| {
            mark.time.saturating_add(old) <= now || self.total.saturating_sub(mark.total) >= retention.bytes
        };
        self.marks.iter().rev().find(|(_, mark)| over(mark)).map(|(number, _)| *number)
    }

    /// Lets go of those before number `floor`.
    pub(crate) fn forget(&mut self, floor: u64) {
        self.marks = self.marks.split_off(&floor);
    }
}

fn step(retention: &Retention) -> u64 {
    (retention.bytes / u64::from(MARKS)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Retention =
        Retention { time: Duration::from_secs(64), bytes: 64 * LEAST, consumed: false };

    /// Publishes `bytes` at `now` (milliseconds) as number `number`.
    fn publish(marks: &mut Marks, number: u64, bytes: u64, now: u64) {
        if let Some(mark) = marks.add(bytes, now, &RETENTION) {
            marks.insert(number, mark);
        }
    }

    #[test]
    fn a_log_that_is_too_long_is_cut() {
        let mut marks = Marks::default();
        for number in 1..=64 {
            publish(&mut marks, number, LEAST, 1_000_000);
        }
        assert_eq!(marks.floor(1_000_000, &RETENTION), None);
        publish(&mut marks, 65, LEAST, 1_000_000);
        assert_eq!(marks.floor(1_000_000, &RETENTION), Some(1));
        marks.forget(2);
        assert_eq!(marks.floor(1_000_000, &RETENTION), None);
    }

    #[test]
    fn a_log_that_is_too_old_is_cut() {
        let mut marks = Marks::default();
        publish(&mut marks, 1, 10, 1_000_000);
        publish(&mut marks, 2, 10, 1_000_500);
        publish(&mut marks, 3, 10, 1_002_000);
        assert_eq!(marks.floor(1_063_999, &RETENTION), None);
        // Nothing says that number 2 is as old as number 1 before there is a mark after it.
        assert_eq!(marks.floor(1_064_000, &RETENTION), Some(1));
        assert_eq!(marks.floor(1_066_000, &RETENTION), Some(3));
    }

    #[test]
    fn an_idle_topic_gets_one_mark_more() {
        let mut marks = Marks::default();
        publish(&mut marks, 1, 10, 1_000_000);
        publish(&mut marks, 2, 10, 1_000_001);
        assert!(marks.add(0, 1_000_500, &RETENTION).is_none());
        assert!(marks.add(0, 1_001_000, &RETENTION).is_some());
        assert!(marks.add(0, 1_060_000, &RETENTION).is_none());
    }
}
