//! The two doors of the process' model that the runtime calls through: `dapr.app` to its own application and
//! `dapr.invoke` to other applications and endpoints. Both are ordinary listeners (without a socket), routers and
//! clusters, so that a configuration that defines some of these names itself has its faults, header rules and access logs
//! hold for invocations.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mecha_config::cluster::HostAddress;
use mecha_config::route::{Forward, RouteMatch, Target};
use mecha_config::runtime::{self, AppProtocol, Runtime};
use mecha_config::{
    Action, Cluster, Config, FilterChain, Host, HttpProxy, Listener, ListenerAddress, NetworkFilter,
    Protocol, Protocols, Route, Router, Speaks, Traffic, VirtualHost,
};

/// Listener, router and cluster of the runtime's own application.
pub const APP: &str = runtime::APP_DOOR;
/// Listener and router of calls to others.
pub const INVOKE: &str = runtime::INVOKE_DOOR;
/// The request header that names the cluster of a call through [`INVOKE`]; it goes no further.
pub const CLUSTER_HEADER: &str = "x-mecha-cluster";

/// Calls take as long as they take: what bounds them is a resiliency policy. The longest that the exchange knows.
const UNLIMITED: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the runtime adds to the model of the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doors {
    /// The ways in.
    pub listeners: Vec<Listener>,
    /// Where they lead.
    pub routers: Vec<Router>,
    /// The application, when it has a server.
    pub clusters: Vec<Cluster>,
}

/// The doors of this runtime.
pub fn model(config: &Runtime) -> Doors {
    let invoke = Target::Header(CLUSTER_HEADER.to_owned());
    let mut doors = Doors {
        listeners: vec![listener(INVOKE, Traffic::Egress)],
        routers: vec![router(INVOKE, invoke)],
        clusters: Vec::new(),
    };
    if let Some(port) = config.app.port {
        doors.listeners.push(listener(APP, Traffic::Ingress));
        doors.routers.push(router(APP, Target::Cluster(APP.to_owned())));
        doors.clusters.push(application(&config.app.address, port, config.app.protocol));
    }
    doors
}

impl Doors {
    /// Adds what the configuration does not define itself.
    pub fn merge(self, config: &mut Config) {
        add(&mut config.listeners, self.listeners, |listener| &listener.name);
        add(&mut config.routers, self.routers, |router| &router.name);
        add(&mut config.clusters, self.clusters, |cluster| &cluster.name);
    }
}

fn add<T>(own: &mut Vec<T>, more: Vec<T>, name: fn(&T) -> &str) {
    for each in more {
        if !own.iter().any(|known| name(known) == name(&each)) {
            own.push(each);
        }
    }
}

fn listener(name: &str, traffic: Traffic) -> Listener {
    let proxy = HttpProxy {
        downstream: Protocols::Detect(Protocol::ALL.to_vec()),
        router: name.to_owned(),
        fallback: false,
        http1: Default::default(),
        http2: Default::default(),
        rpc: Default::default(),
        stream_idle_timeout: None,
    };
    Listener {
        name: name.to_owned(),
        traffic: Some(traffic),
        address: ListenerAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        bind: false,
        access_logs: Vec::new(),
        chain: FilterChain { filters: vec![NetworkFilter::Http(proxy)] },
        stream_filters: Vec::new(),
        idle_timeout: None,
        inspect_tls: false,
        read_buffer: 0,
    }
}

fn router(name: &str, target: Target) -> Router {
    let forward = Forward { target, timeout: Some(UNLIMITED), ..Forward::default() };
    let action = Action::Forward(Box::new(forward));
    let route = Route { matcher: RouteMatch::default(), action, filters: Vec::new() };
    let all = VirtualHost {
        name: name.to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
        ..VirtualHost::default()
    };
    Router { name: name.to_owned(), virtual_hosts: vec![all], ..Router::default() }
}

fn application(address: &str, port: u16, protocol: AppProtocol) -> Cluster {
    let speaks = match protocol {
        AppProtocol::Http => Speaks::Http1,
        AppProtocol::H2c | AppProtocol::Grpc => Speaks::Http2,
    };
    cluster(APP, vec![host_address(address, port)], speaks)
}

/// A cluster of hosts that are tried in turn.
pub(crate) fn cluster(name: &str, hosts: Vec<HostAddress>, speaks: Speaks) -> Cluster {
    let host = |address| Host { address, hostname: String::new(), weight: 1, metadata: BTreeMap::new() };
    Cluster {
        name: name.to_owned(),
        hosts: hosts.into_iter().map(host).collect(),
        speaks: Some(speaks),
        ..Cluster::default()
    }
}

/// Where a host of this name or address is.
pub(crate) fn host_address(host: &str, port: u16) -> HostAddress {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(ip) => HostAddress::Tcp(SocketAddr::new(ip, port)),
        Err(_) => HostAddress::Name(host.to_owned(), port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_defines_itself_stays() {
        let mine = Router { name: INVOKE.to_owned(), ..Router::default() };
        let mut config = Config { routers: vec![mine.clone()], ..Config::default() };
        let doors = Doors {
            listeners: vec![listener(INVOKE, Traffic::Egress)],
            routers: vec![router(INVOKE, Target::Header("x".to_owned()))],
            clusters: vec![application("localhost", 80, AppProtocol::Grpc)],
        };
        doors.merge(&mut config);
        assert_eq!(config.routers, [mine]);
        assert_eq!(config.listeners.len(), 1);
        assert_eq!(config.clusters[0].hosts[0].address, HostAddress::Name("localhost".to_owned(), 80));
        assert_eq!(config.clusters[0].speaks, Some(Speaks::Http2));
    }
}
