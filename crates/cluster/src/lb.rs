//! How a host is chosen (MOSN reference 2.1): one file a policy, all behind one trait, listed in one table.
//! A policy sees hosts, a shared turn and the request's random generator, and nothing else: no clock, no lock.

mod least_request;
mod random;
mod round_robin;
mod schedule;
mod weighted_round_robin;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mecha_config::cluster::{LbOptions, LbPolicy};

use crate::host::Host;
use crate::pick::PickState;

/// A policy, built for the hosts of one cluster.
pub trait LoadBalancer: Send + Sync {
    /// A healthy host that the request has not tried; `None` when the policy met none, though there may be one.
    /// `hosts` are those it was built for.
    fn pick<'a>(
        &self,
        hosts: &'a [Arc<Host>],
        turn: Turn<'_>,
        state: &mut PickState,
    ) -> Option<&'a Arc<Host>>;
}

/// Builds a policy for hosts.
type Create = fn(&LbOptions, &[Arc<Host>]) -> Box<dyn LoadBalancer>;

/// Every policy there is.
const POLICIES: &[(LbPolicy, Create)] = &[
    (LbPolicy::Random, random::create),
    (LbPolicy::RoundRobin, round_robin::create),
    (LbPolicy::WeightedRoundRobin, weighted_round_robin::create),
    (LbPolicy::LeastRequest, least_request::create),
];

/// The policy for a cluster.
pub(crate) fn create(policy: LbPolicy, options: &LbOptions, hosts: &[Arc<Host>]) -> Box<dyn LoadBalancer> {
    let found = POLICIES.iter().find(|(known, _)| *known == policy);
    // Round robin is the default (reference 2.1); a test holds that every policy is listed.
    let create = found.map_or(round_robin::create as Create, |(_, create)| *create);
    create(options, hosts)
}

/// Whose turn it is in a cluster, counted over all workers: one relaxed addition, so that hosts take turns whatever
/// worker asks.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a>(pub(crate) &'a AtomicUsize);

impl Turn<'_> {
    /// The next number; it wraps.
    #[inline]
    pub(crate) fn next(self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// The slow way for when a policy's own draws met only hosts that the request may not use: every host that is left is
/// equally likely. One that was tried is better than one that leaves, and that is better than none.
pub(crate) fn any_healthy<'a>(hosts: &'a [Arc<Host>], state: &mut PickState) -> Option<&'a Arc<Host>> {
    draw(hosts, state, PickState::may_use)
        .or_else(|| draw(hosts, state, |_, host| host.is_healthy() && !host.is_leaving()))
        .or_else(|| draw(hosts, state, |_, host| host.is_healthy()))
}

/// One of the hosts that `usable` admits, each equally likely.
fn draw<'a>(
    hosts: &'a [Arc<Host>],
    state: &mut PickState,
    usable: impl Fn(&PickState, &Host) -> bool,
) -> Option<&'a Arc<Host>> {
    let count = hosts.iter().filter(|host| usable(state, host)).count();
    if count == 0 {
        return None;
    }
    let at = state.rng().usize(..count);
    // Health may change between the two walks; the first usable host is then as good as another.
    let mut left = hosts.iter().filter(|host| usable(state, host));
    left.nth(at).or_else(|| hosts.iter().find(|host| usable(state, host)))
}

#[cfg(test)]
mod tests;
