//! `LB_ROUNDROBIN`: hosts take turns. A turn that falls to an ill host passes to the next one and is spent, so that
//! the neighbours of ill hosts get no more than others.

use std::sync::Arc;

use mecha_config::cluster::LbOptions;

use super::{LoadBalancer, Turn};
use crate::host::Host;
use crate::pick::PickState;

/// Turns that one pick may spend before the caller falls back to looking at every host.
const TURNS: usize = 8;

struct RoundRobin;

pub(super) fn create(_: &LbOptions, _: &[Arc<Host>]) -> Box<dyn LoadBalancer> {
    Box::new(RoundRobin)
}

impl LoadBalancer for RoundRobin {
    fn pick<'a>(
        &self,
        hosts: &'a [Arc<Host>],
        turn: Turn<'_>,
        state: &mut PickState,
    ) -> Option<&'a Arc<Host>> {
        (0..TURNS).find_map(|_| {
            let at = turn.next().checked_rem(hosts.len())?;
            hosts.get(at).filter(|host| state.may_use(host))
        })
    }
}
