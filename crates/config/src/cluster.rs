//! Clusters: groups of hosts and how they are used (MOSN reference 1.8, 2.1).

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::discovery::Discovery;

/// A group of upstream hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Routes refer to it.
    pub name: String,
    /// `type`, as written (SIMPLE, STATIC, ...); shown in dumps.
    pub kind: String,
    /// How a host is chosen.
    pub lb: LbPolicy,
    /// Parameters of the policy.
    pub lb_options: LbOptions,
    /// In configuration order.
    pub hosts: Vec<Host>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept; `None` = the default of 90 s.
    pub idle_timeout: Option<Duration>,
    /// `max_request_per_conn`: a connection is closed after so many requests; 0 = never.
    pub max_requests_per_connection: u32,
    /// `max_connection_per_host`: most connections to one host over all workers; 0 = unlimited.
    pub max_connections_per_host: u32,
    /// `conn_buffer_limit_bytes`: most bytes buffered per connection and direction.
    pub buffer_limit: usize,
    /// Limits of the whole cluster.
    pub limits: Limits,
    /// What its hosts speak; wins over the route. `None` = as the route says.
    pub speaks: Option<Speaks>,
    /// `pool_mode`: how connections of RPC protocols are used.
    pub pool: PoolMode,
    /// Heartbeats on connections of RPC protocols.
    pub keepalive: Keepalive,
    /// The registry that knows the hosts; those of the configuration are used until it has answered.
    pub discovery: Option<Discovery>,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster {
            name: String::new(),
            kind: "SIMPLE".to_owned(),
            lb: LbPolicy::RoundRobin,
            lb_options: LbOptions::default(),
            hosts: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: None,
            max_requests_per_connection: 0,
            max_connections_per_host: 0,
            buffer_limit: 16 << 10,
            limits: Limits::default(),
            speaks: None,
            pool: PoolMode::default(),
            keepalive: Keepalive::default(),
            discovery: None,
        }
    }
}

/// What the hosts of a cluster speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, cleartext with prior knowledge.
    Http2,
    /// The protocol between the runtimes of applications (Dapr reference 2.4): requests travel as messages of
    /// `ServiceInvocation/CallLocalStream`. A gRPC call over HTTP/2 passes as it is.
    Dapr,
    /// SOFA Bolt, version 1.
    Bolt,
    /// SOFA Bolt, version 2.
    BoltV2,
    /// Dubbo 2.
    Dubbo,
    /// Thrift in Dubbo's framing.
    DubboThrift,
    /// TARS.
    Tars,
}

/// How connections to hosts of an RPC protocol are used (MOSN reference 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// Requests share a connection; answers come in any order.
    #[default]
    Multiplex,
    /// A connection carries one request at a time.
    PingPong,
    /// A client's connection has an upstream connection of its own; when either closes, so does the other.
    Binding,
}

impl PoolMode {
    /// Every mode.
    pub const ALL: [PoolMode; 3] = [PoolMode::Multiplex, PoolMode::PingPong, PoolMode::Binding];

    /// As a configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            PoolMode::Multiplex => "Multiplex",
            PoolMode::PingPong => "PingPong",
            PoolMode::Binding => "Binding",
        }
    }
}

/// `keepalive`: heartbeats on connections to hosts of an RPC protocol (MOSN reference 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// How long nothing may come from the host before it is asked.
    pub interval: Duration,
    /// How long the answer may take; a host that fails six times in a row loses the connection.
    pub timeout: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Keepalive { interval: Duration::from_secs(15), timeout: Duration::from_secs(1) }
    }
}

impl Speaks {
    /// Every protocol.
    pub const ALL: [Speaks; 8] = [
        Speaks::Http1,
        Speaks::Http2,
        Speaks::Dapr,
        Speaks::Bolt,
        Speaks::BoltV2,
        Speaks::Dubbo,
        Speaks::DubboThrift,
        Speaks::Tars,
    ];

    /// As a configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Speaks::Http1 => "Http1",
            Speaks::Http2 => "Http2",
            Speaks::Dapr => "Dapr",
            Speaks::Bolt => "bolt",
            Speaks::BoltV2 => "boltv2",
            Speaks::Dubbo => "dubbo",
            Speaks::DubboThrift => "dubbo-thrift",
            Speaks::Tars => "tars",
        }
    }
}

/// How a host is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LbPolicy {
    /// `LB_RANDOM`.
    Random,
    /// `LB_ROUNDROBIN`.
    RoundRobin,
    /// `LB_WEIGHTED_ROUNDROBIN`.
    WeightedRoundRobin,
    /// `LB_LEAST_REQUEST`.
    LeastRequest,
}

impl LbPolicy {
    /// Every policy.
    pub const ALL: [LbPolicy; 4] =
        [LbPolicy::Random, LbPolicy::RoundRobin, LbPolicy::WeightedRoundRobin, LbPolicy::LeastRequest];

    /// MOSN's name.
    pub const fn name(self) -> &'static str {
        match self {
            LbPolicy::Random => "LB_RANDOM",
            LbPolicy::RoundRobin => "LB_ROUNDROBIN",
            LbPolicy::WeightedRoundRobin => "LB_WEIGHTED_ROUNDROBIN",
            LbPolicy::LeastRequest => "LB_LEAST_REQUEST",
        }
    }
}

/// `lbconfig`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbOptions {
    /// Hosts drawn at random, of which the least loaded is taken.
    pub choice_count: u32,
    /// Exponent of the active requests in a weighted choice.
    pub active_request_bias: f64,
}

impl Default for LbOptions {
    fn default() -> Self {
        LbOptions { choice_count: 2, active_request_bias: 1.0 }
    }
}

/// `circuit_breakers[0]`; 0 = unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open connections to the cluster.
    pub max_connections: u32,
    /// Requests that wait for a connection.
    pub max_pending_requests: u32,
    /// Requests in flight.
    pub max_requests: u32,
    /// Retries in flight.
    pub max_retries: u32,
}

/// One upstream host.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Where it is.
    pub address: HostAddress,
    /// Its name, for `auto_host_rewrite`.
    pub hostname: String,
    /// 1 to 128.
    pub weight: u32,
    /// `metadata.filter_metadata.mosn.lb`.
    pub metadata: BTreeMap<String, String>,
}

/// Where a host is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostAddress {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// A name and port, looked up when a connection is made.
    Name(String, u16),
    /// A Unix stream socket.
    Unix(PathBuf),
}

/// As MOSN writes it.
impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostAddress::Tcp(address) => address.fmt(f),
            HostAddress::Name(name, port) => write!(f, "{name}:{port}"),
            HostAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
