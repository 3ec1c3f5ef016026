//! `LB_WEIGHTED_ROUNDROBIN`: hosts take turns, as many as they weigh, spread out over the round. With equal weights
//! it is plain round robin (reference 2.1).

use std::sync::Arc;

use mecha_config::cluster::LbOptions;

use super::schedule::Schedule;
use super::{LoadBalancer, Turn};
use crate::host::Host;
use crate::pick::PickState;

/// Turns that one pick may spend on ill or tried hosts before it draws among the others.
const TURNS: usize = 8;

struct WeightedRoundRobin(Schedule);

pub(super) fn create(_: &LbOptions, hosts: &[Arc<Host>]) -> Box<dyn LoadBalancer> {
    Box::new(WeightedRoundRobin(Schedule::new(hosts)))
}

impl LoadBalancer for WeightedRoundRobin {
    fn pick<'a>(
        &self,
        hosts: &'a [Arc<Host>],
        turn: Turn<'_>,
        state: &mut PickState,
    ) -> Option<&'a Arc<Host>> {
        let scheduled = (0..TURNS).find_map(|_| {
            let at = self.0.at(turn.next(), hosts.len())?;
            hosts.get(at).filter(|host| state.may_use(host))
        });
        scheduled.or_else(|| by_weight(hosts, state))
    }
}

/// One of the usable hosts, as likely as it weighs: for when a heavy host is ill and most turns are its own.
fn by_weight<'a>(hosts: &'a [Arc<Host>], state: &mut PickState) -> Option<&'a Arc<Host>> {
    let usable =
        |state: &PickState, host: &Host| if state.may_use(host) { u64::from(host.weight) } else { 0 };
    let total: u64 = hosts.iter().map(|host| usable(state, host)).sum();
    if total == 0 {
        return None;
    }
    let mut left = state.rng().u64(..total);
    hosts.iter().find(|host| {
        let weight = usable(state, host);
        let found = left < weight;
        left = left.saturating_sub(weight);
        found
    })
}
