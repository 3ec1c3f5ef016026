//! The order in which hosts of unequal weights take turns, worked out once: earliest deadline first, where a
//! host of weight w is due every 1/w. A pick is then one look-up, however many hosts there are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::host::Host;

/// Most turns in a schedule (256 KiB of them). Heavier sums are scaled down, to the nearest turn.
const LONGEST: u64 = 1 << 16;
/// The distance of two turns of a host of weight one.
const UNIT: u64 = 1 << 16;
/// [`UNIT`] over the golden ratio.
const GOLDEN: u64 = 40_503;

/// Turns by weight; empty when the weights are equal, so that plain turns do.
#[derive(Debug, Default)]
pub(super) struct Schedule(Box<[u32]>);

impl Schedule {
    pub(super) fn new(hosts: &[Arc<Host>]) -> Self {
        let weights: Vec<u64> = hosts.iter().map(|host| u64::from(host.weight)).collect();
        let Some(first) = weights.first() else { return Schedule::default() };
        if weights.iter().all(|weight| weight == first) {
            return Schedule::default();
        }
        Schedule(turns(&reduce(&weights)))
    }

    /// The host whose turn number `turn` is, of `hosts` in all.
    #[inline]
    pub(super) fn at(&self, turn: usize, hosts: usize) -> Option<usize> {
        match turn.checked_rem(self.0.len()) {
            Some(at) => self.0.get(at).map(|host| *host as usize),
            None => turn.checked_rem(hosts),
        }
    }
}

/// The same proportions in the smallest numbers, and within [`LONGEST`]; every host keeps a turn.
fn reduce(weights: &[u64]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let sum: u64 = weights.iter().map(|weight| weight / divisor).sum();
    let scale = |weight: u64| match weight / divisor {
        weight if sum <= LONGEST => weight,
        weight => (weight * LONGEST / sum).max(1),
    };
    weights.iter().map(|weight| scale(*weight)).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn turns(weights: &[u64]) -> Box<[u32]> {
    // A host's k-th turn is due at (k + phase) / weight, in units of 1 / UNIT compared as integers, so that nothing is
    // rounded. Phases differ (multiples of the golden ratio): hosts of one weight would else come in a bunch.
    let due = |(host, weight): (usize, &u64)| {
        let phase = (host as u64 + 1).wrapping_mul(GOLDEN) % UNIT;
        Reverse(Due { at: phase, weight: *weight, host: host as u32 })
    };
    let mut queue: BinaryHeap<Reverse<Due>> = weights.iter().enumerate().map(due).collect();
    let total: u64 = weights.iter().sum();
    let mut order = Vec::with_capacity(total as usize);
    for _ in 0..total {
        let Some(Reverse(due)) = queue.pop() else { break };
        order.push(due.host);
        queue.push(Reverse(Due { at: due.at + UNIT, ..due }));
    }
    order.into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Due {
    at: u64,
    weight: u64,
    host: u32,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at * other.weight).cmp(&(other.at * self.weight)).then(self.host.cmp(&other.host))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_gives_each_host_its_weight() {
        let order = turns(&[5, 1, 3]);
        let count = |host| order.iter().filter(|turn| **turn == host).count();
        assert_eq!([count(0), count(1), count(2)], [5, 1, 3]);
    }

    #[test]
    fn turns_are_spread_over_the_round() {
        let mut weights = vec![1; 100];
        weights.push(100);
        let order = turns(&weights);
        let longest = order.chunk_by(|a, b| (*a == 100) == (*b == 100)).map(<[u32]>::len).max();
        assert!(longest <= Some(4), "heavy and light hosts alternate: {order:?}");
    }

    #[test]
    fn weights_are_reduced_and_bounded() {
        assert_eq!(reduce(&[100, 50]), [2, 1]);
        let many: Vec<u64> = (0..10_000).map(|n| if n % 2 == 0 { 127 } else { 1 }).collect();
        let reduced = reduce(&many);
        assert!(reduced.iter().all(|weight| *weight >= 1));
        assert!(reduced.iter().sum::<u64>() <= LONGEST + many.len() as u64);
    }
}
