//! What one request brings to the choice of its hosts: a random generator, and the hosts it has tried.

use fastrand::Rng;
use smallvec::SmallVec;

use crate::host::{Host, HostId};

/// The state of one request's choices. A connection keeps one and calls [`PickState::restart`] for each request.
#[derive(Clone, Debug)]
pub struct PickState {
    rng: Rng,
    tried: SmallVec<[HostId; 4]>,
}

impl PickState {
    /// A state that draws from `rng`; fork the worker's generator for it.
    pub fn new(rng: Rng) -> Self {
        PickState { rng, tried: SmallVec::new() }
    }

    /// Forgets which hosts were tried: the next request begins.
    pub fn restart(&mut self) {
        self.tried.clear();
    }

    /// The generator, for other draws of the same request.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Whether this host was given to the request before.
    pub fn has_tried(&self, host: &Host) -> bool {
        self.tried.contains(&host.id)
    }

    /// How many hosts the request was given so far.
    pub fn tries(&self) -> usize {
        self.tried.len()
    }

    /// Notes that the request goes to `host`, so that a retry goes elsewhere when it can.
    pub(crate) fn note(&mut self, host: &Host) {
        self.tried.push(host.id);
    }

    /// Whether the request may go to `host` now: healthy, not about to leave, and not tried before.
    pub(crate) fn may_use(&self, host: &Host) -> bool {
        host.is_healthy() && !host.is_leaving() && !self.has_tried(host)
    }
}
