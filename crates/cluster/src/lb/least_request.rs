//! `LB_LEAST_REQUEST`: hosts with fewer requests in flight get more. With equal weights, `choice_count` different hosts
//! are drawn and the least loaded is taken; otherwise a host's share is weight / (active + 1) ^ bias (reference 2.1).

use std::sync::Arc;

use mecha_config::cluster::LbOptions;
use smallvec::SmallVec;

use super::{LoadBalancer, Turn};
use crate::host::Host;
use crate::pick::PickState;

/// Hosts that a weighted pick looks at, from a random one on. It bounds the cost in large clusters, and every
/// host is looked at equally often.
const WINDOW: usize = 64;

struct PowerOfChoices {
    count: usize,
}

struct Weighted {
    bias: f64,
}

pub(super) fn create(options: &LbOptions, hosts: &[Arc<Host>]) -> Box<dyn LoadBalancer> {
    let first = hosts.first().map(|host| host.weight);
    if hosts.iter().all(|host| Some(host.weight) == first) {
        let count = (options.choice_count.max(1) as usize).min(hosts.len());
        return Box::new(PowerOfChoices { count });
    }
    Box::new(Weighted { bias: options.active_request_bias.max(0.0) })
}

impl LoadBalancer for PowerOfChoices {
    fn pick<'a>(&self, hosts: &'a [Arc<Host>], _: Turn<'_>, state: &mut PickState) -> Option<&'a Arc<Host>> {
        let mut drawn: SmallVec<[usize; 8]> = SmallVec::new();
        let mut best: Option<&Arc<Host>> = None;
        // Floyd's sampling: each set of `count` hosts is equally likely. The set, not the order, is fair, so a tie
        // is broken by a coin.
        for last in hosts.len().saturating_sub(self.count)..hosts.len() {
            let mut at = state.rng().usize(..=last);
            if drawn.contains(&at) {
                at = last;
            }
            drawn.push(at);
            let Some(host) = hosts.get(at).filter(|host| state.may_use(host)) else { continue };
            best = match best {
                Some(best) if best.active_requests() < host.active_requests() => Some(best),
                Some(best) if best.active_requests() == host.active_requests() && state.rng().bool() => {
                    Some(best)
                }
                _ => Some(host),
            };
        }
        best
    }
}

impl LoadBalancer for Weighted {
    fn pick<'a>(&self, hosts: &'a [Arc<Host>], _: Turn<'_>, state: &mut PickState) -> Option<&'a Arc<Host>> {
        let start = state.rng().usize(..hosts.len());
        let (before, after) = hosts.split_at_checked(start)?;
        let window = || after.iter().chain(before).take(WINDOW);
        let mut shares: SmallVec<[f64; WINDOW]> = SmallVec::new();
        shares.extend(window().map(|host| if state.may_use(host) { self.share(host) } else { 0.0 }));
        let total: f64 = shares.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let mut left = state.rng().f64() * total;
        let drawn = window().zip(&shares).find(|(_, share)| {
            let found = left < **share;
            left -= **share;
            found
        });
        // Rounding may leave a crumb past the last share.
        let last = || window().zip(&shares).find(|(_, share)| **share > 0.0);
        drawn.or_else(last).map(|(host, _)| host)
    }
}

impl Weighted {
    fn share(&self, host: &Host) -> f64 {
        let load = f64::from(host.active_requests()) + 1.0;
        // The usual bias of 1 needs no power.
        let divisor = if self.bias == 1.0 { load } else { load.powf(self.bias) };
        f64::from(host.weight) / divisor
    }
}
