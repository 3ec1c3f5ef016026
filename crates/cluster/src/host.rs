//! One upstream host. What the configuration says about it never changes; its health and its counters
//! are shared with the host of the same address in the next configuration, so that connections and limits
//! survive an update.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mecha_config::cluster::{self as config, HostAddress};

use crate::cluster::Cluster;
use crate::usage::{ConnectionGuard, Gauge};

/// Names a host within this process: the key of connection pools. Never given twice, and kept when an update
/// leaves the host's address as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub u32);

/// A reason not to send requests to a host; several can hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Health {
    /// Active health checks fail.
    CheckFailed = 1,
    /// It was ejected for the way it answered.
    Ejected = 2,
}

/// One upstream host of one cluster.
#[derive(Debug)]
pub struct Host {
    /// Its name within this process.
    pub id: HostId,
    /// Where it is.
    pub address: HostAddress,
    /// The address as text, for logs, metrics and headers.
    pub name: Arc<str>,
    /// Its configured name, for `auto_host_rewrite`; empty when it has none.
    pub hostname: Box<str>,
    /// 1 to 128.
    pub weight: u32,
    /// `metadata.filter_metadata.mosn.lb`.
    pub metadata: BTreeMap<String, String>,
    state: Arc<HostState>,
}

/// What changes about a host while it runs. On a cache line of its own, since every worker writes to it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct HostState {
    pub(crate) active: Gauge,
    pub(crate) connections: Gauge,
    leaving: Gauge,
    ill: AtomicU32,
}

impl Host {
    /// The running form of a configured host; `previous` is the one of the same address before an update.
    pub(crate) fn build(config: &config::Host, previous: Option<&Arc<Host>>) -> Arc<Host> {
        let weight = config.weight.max(1);
        if let Some(previous) = previous {
            let same = previous.hostname.as_ref() == config.hostname
                && previous.weight == weight
                && previous.metadata == config.metadata;
            if same {
                return previous.clone();
            }
        }
        let (id, name, state) = match previous {
            Some(previous) => (previous.id, previous.name.clone(), previous.state.clone()),
            None => (next_id(), config.address.to_string().into(), Arc::default()),
        };
        Arc::new(Host {
            id,
            address: config.address.clone(),
            name,
            hostname: config.hostname.as_str().into(),
            weight,
            metadata: config.metadata.clone(),
            state,
        })
    }

    /// Whether nothing speaks against sending it requests.
    #[inline]
    pub fn is_healthy(&self) -> bool {
        self.state.ill.load(Ordering::Relaxed) == 0
    }

    /// The reasons against it as bits of [`Health`]; 0 = healthy.
    pub fn health_bits(&self) -> u32 {
        self.state.ill.load(Ordering::Relaxed)
    }

    /// Sets or clears one reason; whether that changed anything.
    pub fn set_ill(&self, reason: Health, ill: bool) -> bool {
        let bit = reason as u32;
        let before = if ill {
            self.state.ill.fetch_or(bit, Ordering::Relaxed)
        } else {
            self.state.ill.fetch_and(!bit, Ordering::Relaxed)
        };
        (before & bit != 0) != ill
    }

    /// Whether it has asked for no more requests on one of its connections: others are preferred, though it may serve.
    #[inline]
    pub fn is_leaving(&self) -> bool {
        self.state.leaving.get() > 0
    }

    /// Notes that it asked for no more requests, until the guard is dropped.
    pub fn leaving(&self) -> LeavingGuard {
        self.state.leaving.add();
        LeavingGuard(self.state.clone())
    }

    /// Requests in flight to it, over all workers.
    #[inline]
    pub fn active_requests(&self) -> u32 {
        self.state.active.get()
    }

    /// Open connections to it, over all workers.
    pub fn connections(&self) -> u32 {
        self.state.connections.get()
    }

    /// Takes a place for one more connection; `None` when `max_connections` of the cluster or
    /// `max_connections_per_host` is reached, over all workers.
    pub fn try_connection(&self, cluster: &Cluster) -> Option<ConnectionGuard> {
        ConnectionGuard::take(cluster, self)
    }

    pub(crate) fn state(&self) -> &Arc<HostState> {
        &self.state
    }
}

/// A host has asked for no more requests.
#[derive(Debug)]
#[must_use = "dropping the guard takes the note back"]
pub struct LeavingGuard(Arc<HostState>);

impl Drop for LeavingGuard {
    fn drop(&mut self) {
        self.0.leaving.remove();
    }
}

fn next_id() -> HostId {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    HostId(NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::tcp;

    #[test]
    fn a_host_is_well_only_when_every_reason_is_gone() {
        let host = Host::build(&tcp("10.0.0.1:80", 1), None);
        assert!(host.is_healthy());
        assert!(host.set_ill(Health::CheckFailed, true));
        assert!(!host.set_ill(Health::CheckFailed, true), "no change");
        assert!(host.set_ill(Health::Ejected, true));
        assert!(host.set_ill(Health::CheckFailed, false));
        assert!(!host.is_healthy());
        assert!(host.set_ill(Health::Ejected, false));
        assert!(host.is_healthy());
    }

    #[test]
    fn an_update_keeps_id_and_health_under_a_new_weight() {
        let old = Host::build(&tcp("10.0.0.1:80", 1), None);
        let same = Host::build(&tcp("10.0.0.1:80", 1), Some(&old));
        assert!(Arc::ptr_eq(&old, &same));
        let heavier = Host::build(&tcp("10.0.0.1:80", 5), Some(&old));
        assert_eq!((heavier.id, heavier.weight), (old.id, 5));
        old.set_ill(Health::Ejected, true);
        assert!(!heavier.is_healthy());
        let other = Host::build(&tcp("10.0.0.2:80", 1), None);
        assert_ne!(other.id, old.id);
    }
}
