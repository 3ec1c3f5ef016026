//! The tutorial: a client talks to 127.0.0.1:2045, which leads to 127.0.0.1:2046, which leads to a server on
//! 8080; admin on 34901. Each protocol, as JSON and as YAML, as one process and as two.

use std::net::SocketAddr;
use std::time::Duration;

use mecha_config::cluster::HostAddress;
use mecha_config::server::{LogLevel, LogTarget};
use mecha_config::{Action, Config, LbPolicy, ListenerAddress, NetworkFilter, Protocol, Protocols, route};

use crate::{Format, parse};

/// One side of the tutorial: a listener, its router and its cluster.
fn side(name: &str, port: u16, protocol: &str, next: u16) -> (String, String, String) {
    let listener = format!(
        r#"{{"name": "{name}Listener", "address": "127.0.0.1:{port}", "bind_port": true,
             "filter_chains": [{{"filters": [{{"type": "proxy", "config": {{
                "downstream_protocol": "{protocol}", "upstream_protocol": "{protocol}",
                "router_config_name": "{name}_router"}}}}]}}]}}"#
    );
    let router = format!(
        r#"{{"router_config_name": "{name}_router", "virtual_hosts": [{{"name": "{name}Host",
             "domains": ["*"], "routers": [{{"match": {{"prefix": "/"}},
             "route": {{"cluster_name": "{name}Cluster"}}}}]}}]}}"#
    );
    let cluster = format!(
        r#"{{"Name": "{name}Cluster", "type": "SIMPLE", "lb_type": "LB_RANDOM", "max_request_per_conn": 1024,
             "conn_buffer_limit_bytes": 32768, "hosts": [{{"address": "127.0.0.1:{next}"}}]}}"#
    );
    (listener, router, cluster)
}

/// The file of a process with these sides.
fn file(sides: &[(String, String, String)]) -> String {
    let list = |pick: fn(&(String, String, String)) -> &String| {
        sides.iter().map(|side| pick(side).as_str()).collect::<Vec<_>>().join(",\n")
    };
    format!(
        r#"{{"servers": [{{"default_log_path": "stdout", "routers": [{}], "listeners": [{}]}}],
            "cluster_manager": {{"clusters": [{}]}},
            "admin": {{"address": {{"socket_address": {{"address": "127.0.0.1", "port_value": 34901}}}}}}}}"#,
        list(|side| &side.1),
        list(|side| &side.0),
        list(|side| &side.2)
    )
}

fn clean(text: &str, format: Format) -> Config {
    let loaded = parse(text, format, "mosn.json");
    assert_eq!(loaded.diagnostics.to_string(), "", "in:\n{text}");
    loaded.config.unwrap()
}

fn first_proxy(config: &Config, listener: usize) -> &mecha_config::HttpProxy {
    match &config.listeners[listener].chain.filters[0] {
        NetworkFilter::Http(proxy) => proxy,
        NetworkFilter::Tcp(_) => panic!("a proxy was expected"),
    }
}

#[test]
fn both_listeners_of_the_tutorial_run_in_one_process() {
    let text = file(&[side("client", 2045, "Http1", 2046), side("server", 2046, "Http1", 8080)]);
    let config = clean(&text, Format::Json);
    let names: Vec<&str> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["clientListener", "serverListener"]);
    let address: SocketAddr = "127.0.0.1:2045".parse().unwrap();
    assert_eq!(config.listeners[0].address, ListenerAddress::Tcp(address));
    assert!(config.listeners[0].bind);
    assert_eq!(config.listeners[0].idle_timeout, Some(Duration::from_secs(90)));
    let proxy = first_proxy(&config, 0);
    assert_eq!(proxy.downstream, Protocols::One(Protocol::Http1));
    assert_eq!(proxy.router, "client_router");
    assert_eq!(proxy.stream_idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(config.routers[1].virtual_hosts[0].domains, ["*"]);
    let route = &config.routers[1].virtual_hosts[0].routes[0];
    assert_eq!(route.matcher.path, route::PathMatch::Prefix("/".to_owned()));
    let Action::Forward(forward) = &route.action else { panic!("a forward was expected") };
    assert_eq!(forward.target, route::Target::Cluster("serverCluster".to_owned()));
    let cluster = &config.clusters[1];
    assert_eq!((cluster.name.as_str(), cluster.lb), ("serverCluster", LbPolicy::Random));
    assert_eq!((cluster.max_requests_per_connection, cluster.buffer_limit), (1024, 32768));
    let host: SocketAddr = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(cluster.hosts[0].address, HostAddress::Tcp(host));
    assert_eq!(cluster.hosts[0].weight, 1);
    assert_eq!(config.admin.unwrap().address, "127.0.0.1:34901".parse().unwrap());
    assert_eq!(config.server.log, LogTarget::Stdout);
    assert_eq!(config.server.log_level, LogLevel::Info);
}

#[test]
fn each_side_of_the_tutorial_runs_alone() {
    for side in [side("client", 2045, "Http1", 2046), side("server", 2046, "Http1", 8080)] {
        let config = clean(&file(&[side]), Format::Json);
        assert_eq!((config.listeners.len(), config.routers.len(), config.clusters.len()), (1, 1, 1));
    }
}

#[test]
fn the_protocol_is_the_one_that_is_named() {
    for (name, expected) in [
        ("Http2", Protocols::One(Protocol::Http2)),
        ("Auto", Protocols::Detect(Protocol::ALL.to_vec())),
        ("Http1,Http2", Protocols::Detect(vec![Protocol::Http2, Protocol::Http1])),
        ("Http1, Http1", Protocols::One(Protocol::Http1)),
        ("bolt", Protocols::One(Protocol::Bolt)),
        ("dubbo", Protocols::One(Protocol::Dubbo)),
        ("dubbo-thrift", Protocols::One(Protocol::DubboThrift)),
        ("tars", Protocols::One(Protocol::Tars)),
        ("boltv2, bolt", Protocols::Detect(vec![Protocol::Bolt, Protocol::BoltV2])),
        ("Http1,bolt", Protocols::Detect(vec![Protocol::Http1, Protocol::Bolt])),
    ] {
        let text = file(&[side("server", 2046, name, 8080)])
            .replace(&format!("\"upstream_protocol\": \"{name}\","), "");
        assert_eq!(first_proxy(&clean(&text, Format::Json), 0).downstream, expected, "{name}");
    }
}

/// The tutorial's second example as MOSN spells it: `X` with a sub-protocol, routes by the header `service`.
#[test]
fn dubbo_is_the_protocol_x_with_a_name() {
    for (sub, expected) in [
        ("dubbo", Protocols::One(Protocol::Dubbo)),
        ("bolt,boltv2", Protocols::Detect(vec![Protocol::Bolt, Protocol::BoltV2])),
    ] {
        let extend = format!(r#""upstream_protocol": "X", "extend_config": {{"sub_protocol": "{sub}"}},"#);
        let text = file(&[side("client", 2045, "X", 2046), side("server", 2046, "X", 20880)])
            .replace(r#"{"prefix": "/"}"#, r#"{"headers": [{"name": "service", "value": ".*"}]}"#)
            .replace(r#""upstream_protocol": "X","#, &extend);
        let config = clean(&text, Format::Json);
        assert_eq!(first_proxy(&config, 1).downstream, expected);
        let headers = &config.routers[0].virtual_hosts[0].routes[0].matcher.headers;
        let any = route::HeaderMatch { name: "service".to_owned(), value: route::ValueMatch::Present };
        assert_eq!(*headers, [any]);
    }
}

#[test]
fn json_is_yaml_too() {
    let text = file(&[side("client", 2045, "Auto", 2046), side("server", 2046, "Auto", 8080)]);
    assert_eq!(clean(&text, Format::Json), clean(&text, Format::Yaml));
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml = "
servers:
  - default_log_path: stdout
    routers:
      - router_config_name: server_router
        virtual_hosts:
          - name: serverHost
            domains: ['*']
            routers:
              - match: {prefix: /}
                route: {cluster_name: serverCluster}
    listeners:
      - name: serverListener
        address: 127.0.0.1:2046
        bind_port: true
        filter_chains:
          - filters:
              - type: proxy
                config:
                  downstream_protocol: Http1
                  upstream_protocol: Http1
                  router_config_name: server_router
cluster_manager:
  clusters:
    - name: serverCluster
      type: SIMPLE
      lb_type: LB_RANDOM
      max_request_per_conn: 1024
      conn_buffer_limit_bytes: 0x8000
      hosts:
        - address: 127.0.0.1:8080
admin: # loopback
  address:
    socket_address: {address: 127.0.0.1, port_value: '34901'}
";
    let json = file(&[side("server", 2046, "Http1", 8080)]);
    assert_eq!(clean(yaml, Format::Yaml), clean(&json, Format::Json));
}

#[test]
fn a_tcp_proxy_leads_to_its_cluster() {
    let text = r#"{"servers": [{"listeners": [{"name": "l", "address": "127.0.0.1:2045", "bind_port": true,
        "filter_chains": [{"filters": [{"type": "tcp_proxy", "config":
            {"cluster": "c", "idle_timeout": 5000000000, "routes": [{"Cluster": "c",
             "SourceAddrs": [{"Address": "127.0.0.1", "Length": 32}],
             "DestinationAddrs": [{"Address": "127.0.0.0", "Length": 8}],
             "SourcePort": "1-65535", "DestinationPort": "2045,2046"}]}}]}]}]}],
        "cluster_manager": {"clusters": [{"name": "c", "hosts": [{"address": "localhost:8080"}]}]}}"#;
    let config = clean(text, Format::Json);
    let NetworkFilter::Tcp(tcp) = &config.listeners[0].chain.filters[0] else { panic!() };
    assert_eq!(tcp.cluster.as_deref(), Some("c"));
    assert_eq!(tcp.idle_timeout, Some(Duration::from_secs(5)));
    assert_eq!(tcp.max_connect_attempts, 3);
    assert_eq!(tcp.routes[0].destination_ports.len(), 2);
    assert_eq!(config.clusters[0].hosts[0].address, HostAddress::Name("localhost".to_owned(), 8080));
    assert_eq!(config.server.log, LogTarget::Stdout);
}
