//! A cluster as it runs: its hosts, its policy, its limits. Immutable; an update builds another one that
//! shares the counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mecha_config::cluster::{self as config, Keepalive, LbPolicy, Limits, PoolMode, Speaks};

use crate::host::Host;
use crate::lb::{self, LoadBalancer, Turn};
use crate::pick::PickState;
use crate::usage::{ClusterUsage, LimitGuard, RequestGuard};

/// How long an unused upstream connection is kept when the configuration does not say.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A group of upstream hosts.
pub struct Cluster {
    /// Routes refer to it.
    pub name: Arc<str>,
    /// `type`, as written.
    pub kind: Box<str>,
    /// How a host is chosen.
    pub lb: LbPolicy,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// A connection is closed after so many requests; 0 = never.
    pub max_requests_per_connection: u32,
    /// Most connections to one host over all workers; 0 = unlimited.
    pub max_connections_per_host: u32,
    /// Most bytes buffered per connection and direction.
    pub buffer_limit: usize,
    /// Limits of the whole cluster; 0 = unlimited.
    pub limits: Limits,
    /// What its hosts speak; `None` = as the route says.
    pub speaks: Option<Speaks>,
    /// How connections of RPC protocols are used.
    pub pool: PoolMode,
    /// Heartbeats on connections of RPC protocols.
    pub keepalive: Keepalive,
    hosts: Box<[Arc<Host>]>,
    usage: Arc<ClusterUsage>,
    balancer: Box<dyn LoadBalancer>,
}

impl Cluster {
    /// The running form of a configured cluster. The one of the same name before an update hands on its counts, and
    /// the hosts whose address is still listed.
    pub(crate) fn build(config: &config::Cluster, previous: Option<&Cluster>) -> Cluster {
        let old: &[Arc<Host>] = previous.map(|previous| &*previous.hosts).unwrap_or_default();
        let known: std::collections::HashMap<_, _, foldhash::fast::RandomState> =
            old.iter().map(|host| (&host.address, host)).collect();
        let hosts: Box<[_]> =
            config.hosts.iter().map(|host| Host::build(host, known.get(&host.address).copied())).collect();
        // A random first turn: sidecars that start together must not all begin with the same host.
        let usage = match previous {
            Some(previous) => previous.usage.clone(),
            None => Arc::new(ClusterUsage::starting_at(fastrand::u32(..) as usize)),
        };
        Cluster {
            name: match previous {
                Some(previous) => previous.name.clone(),
                None => config.name.as_str().into(),
            },
            kind: config.kind.as_str().into(),
            lb: config.lb,
            connect_timeout: config.connect_timeout,
            idle_timeout: config.idle_timeout.unwrap_or(DEFAULT_IDLE_TIMEOUT),
            max_requests_per_connection: config.max_requests_per_connection,
            max_connections_per_host: config.max_connections_per_host,
            buffer_limit: config.buffer_limit,
            limits: config.limits,
            speaks: config.speaks,
            pool: config.pool,
            keepalive: config.keepalive,
            balancer: lb::create(config.lb, &config.lb_options, &hosts),
            hosts,
            usage,
        }
    }

    /// Its hosts, in configuration order.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    /// What it has in flight.
    pub fn usage(&self) -> &Arc<ClusterUsage> {
        &self.usage
    }

    /// Chooses the host of one try and notes it in `state`. Hosts that the request has tried are avoided as long
    /// as another healthy one is there; `None` when no host is healthy.
    #[inline]
    pub fn pick(&self, state: &mut PickState) -> Option<&Arc<Host>> {
        let host = match &*self.hosts {
            [] => None,
            [only] => only.is_healthy().then_some(only),
            hosts => {
                let turn = Turn(&self.usage.turn);
                self.balancer.pick(hosts, turn, state).or_else(|| lb::any_healthy(hosts, state))
            }
        }?;
        state.note(host);
        Some(host)
    }

    /// Takes a place for one more request; `None` at `max_requests`. Name its host with [`RequestGuard::assign`].
    pub fn try_request(&self) -> Option<RequestGuard> {
        RequestGuard::take(self)
    }

    /// Takes a place for one more retry; `None` at `max_retries`.
    pub fn try_retry(&self) -> Option<LimitGuard> {
        LimitGuard::retry(self)
    }

    /// Takes a place for one more request that waits for a connection; `None` at `max_pending_requests`.
    pub fn try_pending(&self) -> Option<LimitGuard> {
        LimitGuard::pending(self)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .field("lb", &self.lb)
            .field("hosts", &self.hosts)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}
