//! `LB_RANDOM`: every host is equally likely; weights do not count.

use std::sync::Arc;

use mecha_config::cluster::LbOptions;

use super::{LoadBalancer, Turn};
use crate::host::Host;
use crate::pick::PickState;

/// Draws before the caller falls back to looking at every host.
const DRAWS: usize = 4;

struct Random;

pub(super) fn create(_: &LbOptions, _: &[Arc<Host>]) -> Box<dyn LoadBalancer> {
    Box::new(Random)
}

impl LoadBalancer for Random {
    fn pick<'a>(&self, hosts: &'a [Arc<Host>], _: Turn<'_>, state: &mut PickState) -> Option<&'a Arc<Host>> {
        (0..DRAWS).find_map(|_| {
            let at = state.rng().usize(..hosts.len());
            hosts.get(at).filter(|host| state.may_use(host))
        })
    }
}
