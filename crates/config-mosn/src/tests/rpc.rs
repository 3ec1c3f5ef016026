//! What a configuration says about RPC protocols: limits, pools, heartbeats, filters, and what is odd about it.

use std::time::Duration;

use mecha_config::proxy::RpcOptions;
use mecha_config::{
    Cluster, HttpProxy, Keepalive, NetworkFilter, PoolMode, Protocol, Speaks, StreamFilter, route,
};

use super::{as_route, clean, in_cluster, in_listener, in_proxy, said, with};

const PROXY: &str = "servers[0].listeners[0].filter_chains[0].filters[0].config";
const NAMES: &str = "Auto, Http2, Http1, bolt, boltv2, dubbo, dubbo-thrift and tars";

/// The proxy of a configuration whose listener speaks this.
fn proxy(protocol: &str, extend: &str) -> HttpProxy {
    let text = of(protocol, &in_proxy(&format!(r#""extend_config": {extend}"#)));
    match clean(&text).listeners.remove(0).chain.filters.remove(0) {
        NetworkFilter::Http(proxy) => proxy,
        NetworkFilter::Tcp(_) => panic!(),
    }
}

/// The configuration with another protocol for its clients, and for its cluster.
fn of(protocol: &str, text: &str) -> String {
    text.replace("\"Http1\", \"router", &format!("\"{protocol}\", \"router"))
}

fn cluster(text: &str) -> Cluster {
    clean(&of("Auto", &in_cluster(text))).clusters.remove(0)
}

#[test]
fn limits_of_rpc_protocols_are_read_by_protocol_or_flat() {
    let limits = RpcOptions { max_frame: 4096, max_concurrent: 7, go_away: true };
    let text = r#"{"max_frame_size": 4096, "max_concurrent_requests": 7, "enable_bolt_goaway": true}"#;
    for protocol in ["bolt", "boltv2"] {
        assert_eq!(proxy(protocol, text).rpc, limits, "{protocol}");
        assert_eq!(proxy("Auto", &format!(r#"{{"{protocol}": {text}}}"#)).rpc, limits, "{protocol}");
    }
    let old = r#"{"sub_protocol": "bolt,boltv2", "enable_bolt_goaway": true}"#;
    assert_eq!(proxy("X", old).rpc, RpcOptions { go_away: true, ..RpcOptions::default() });
    let both = r#"{"dubbo": {"max_frame_size": 4096}, "bolt": {"max_concurrent_requests": 7}}"#;
    assert_eq!(proxy("bolt,dubbo", both).rpc, RpcOptions { go_away: false, ..limits });
    // What is flat belongs to HTTP when that is among them, as in MOSN.
    assert_eq!(proxy("Http1", r#"{"enable_bolt_goaway": true}"#).rpc, RpcOptions::default());
}

#[test]
fn a_cluster_says_how_its_connections_are_used() {
    let found = cluster(
        r#""upstream_protocol": "dubbo", "pool_mode": "PingPong", "keepalive": {"interval": "3s", "timeout": "200ms"}"#,
    );
    assert_eq!((found.speaks, found.pool), (Some(Speaks::Dubbo), PoolMode::PingPong));
    let keepalive = Keepalive { interval: Duration::from_secs(3), timeout: Duration::from_millis(200) };
    assert_eq!(found.keepalive, keepalive);
    for nothing in [r#""keepalive": {}"#, r#""keepalive": {"interval": "0s", "timeout": 0}"#] {
        assert_eq!(cluster(nothing).keepalive, Keepalive::default(), "{nothing}");
    }
    for speaks in Speaks::ALL {
        let text = format!(r#""upstream_protocol": "{}""#, speaks.name());
        let config = of("Auto", &in_cluster(&text));
        assert_eq!(clean(&config).clusters[0].speaks, Some(speaks));
    }
}

#[test]
fn a_route_names_the_protocol_of_its_upstream() {
    for protocol in Protocol::ALL {
        let text = format!(r#"{{"route": {{"cluster_name": "c", "upstream_protocol": "{protocol}"}}}}"#);
        let config = clean(&of("Auto", &as_route(&text)));
        let route::Action::Forward(forward) = &config.routers[0].virtual_hosts[0].routes[0].action else {
            panic!()
        };
        assert_eq!(forward.upstream_protocol, Some(protocol));
    }
}

#[test]
fn filters_that_count_are_there() {
    let text = r#""stream_filters": [{"type": "dubbo_stream"}, {"type": "grpc_metric", "config": {}}]"#;
    let filters = clean(&in_listener(text)).listeners.remove(0).stream_filters;
    assert_eq!(filters, [StreamFilter::DubboStream, StreamFilter::GrpcMetric]);
    let subset = r#""stream_filters": [{"type": "dubbo_stream", "config": {"subset": "zone"}}]"#;
    let key = "servers[0].listeners[0].stream_filters[0].config.subset";
    assert!(
        said(&in_listener(subset))[0]
            .contains(&format!("warning: {key}: \"subset\" is not available yet and has no effect"))
    );
}

#[test]
fn protocols_that_are_not_there_are_named() {
    let at = format!("4:53: error: {PROXY}.downstream_protocol: ");
    let cases = [
        (
            "x_example",
            "the protocol \"x_example\" is not available yet: codecs by plugin are not (available are ",
        ),
        ("SofaRpc", "there is no protocol \"SofaRpc\" (an older name: write \"bolt\""),
        ("dubo", "there is no protocol \"dubo\" (did you mean \"dubbo\"?)"),
        ("Bolt", "there is no protocol \"Bolt\" (did you mean \"bolt\"?)"),
        ("Http1,bolts", "there is no protocol \"bolts\" (did you mean \"bolt\"?)"),
        ("carrier-pigeon", "there is no protocol \"carrier-pigeon\" (available are "),
    ];
    for (protocol, says) in cases {
        let found = said(&of(protocol, &with("", "", "", "")));
        assert!(found[0].starts_with(&format!("{at}{says}")), "{found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
        if says.ends_with("available are ") {
            assert!(found[0].ends_with(&format!("available are {NAMES})")), "{found:?}");
        }
    }
    let nameless = said(&of("X", &with("", "", "", "")));
    assert!(nameless[0].contains("says nothing without a \"sub_protocol\""), "{nameless:?}");
    let sub = said(&of("X", &in_proxy(r#""extend_config": {"sub_protocol": "dubo"}"#)));
    assert!(sub[0].contains("extend_config.sub_protocol: there is no protocol \"dubo\""), "{sub:?}");
}

#[test]
fn settings_that_can_not_be_kept_are_told() {
    let extend =
        |protocol: &str, text: &str| said(&of(protocol, &in_proxy(&format!(r#""extend_config": {text}"#))));
    let at = format!("{PROXY}.extend_config.bolt.");
    let small = extend("bolt", r#"{"bolt": {"max_frame_size": 100}}"#);
    assert!(
        small[0]
            .contains(&format!("error: {at}max_frame_size: expected a whole number from 1024 to 2147483647")),
        "{small:?}"
    );
    let none = extend("Auto", r#"{"bolt": {"max_concurrent_requests": 0}}"#);
    assert!(none[0].contains(&format!("error: {at}max_concurrent_requests: expected")), "{none:?}");
    let flag = extend("bolt", r#"{"bolt": {"enable_bolt_goaway": 1}}"#);
    assert!(flag[0].contains(&format!("error: {at}enable_bolt_goaway: expected true or false")), "{flag:?}");
    let slip = extend("bolt", r#"{"bolt": {"max_frame_sise": 4096}}"#);
    assert!(slip[0].contains("did you mean \"max_frame_size\"?"), "{slip:?}");
    let two = extend("Auto", r#"{"dubbo": {"max_frame_size": 4096}, "bolt": {"max_frame_size": 8192}}"#);
    assert!(two[0].contains("extend_config.dubbo.max_frame_size: \"bolt\" says otherwise"), "{two:?}");
    assert_eq!(
        extend("Auto", r#"{"dubbo": {"max_frame_size": 4096}, "bolt": {"max_frame_size": 4096}}"#).len(),
        0
    );

    let mode = said(&in_cluster(r#""pool_mode": "Pingpong""#));
    assert!(
        mode[0].contains("pool_mode: there is no pool mode \"Pingpong\" (did you mean \"PingPong\"?)"),
        "{mode:?}"
    );
    let speaks = said(&in_cluster(r#""upstream_protocol": "smtp""#));
    assert!(speaks[0].contains("available are Auto, Http1, Http2, Dapr, bolt, boltv2, dubbo"), "{speaks:?}");
    let keepalive = said(&in_cluster(r#""keepalive": {"interval": 5}"#));
    assert!(keepalive[0].contains("keepalive.interval: \"5\": the unit is missing"), "{keepalive:?}");
}

#[test]
fn what_can_never_happen_to_an_rpc_request_is_told() {
    let route = "servers[0].routers[0].virtual_hosts[0].routers[0]";
    let redirect = as_route(r#"{"redirect": {"host_redirect": "a"}}"#);
    let said_of = said(&of("bolt", &redirect));
    assert!(
        said_of[0].starts_with(&format!("6:1: warning: {route}: the listener \"l\" serves no HTTP")),
        "{said_of:?}"
    );
    assert_eq!(said(&of("Http1,bolt", &redirect)).len(), 0);

    let path = as_route(r#"{"match": {"prefix": "/api"}, "route": {"cluster_name": "c"}}"#);
    let said_of = said(&of("dubbo", &path));
    assert!(
        said_of[0].contains("is never chosen: a request of an RPC protocol has the path \"/\""),
        "{said_of:?}"
    );
    assert_eq!(said(&of("Auto", &path)).len(), 0);
    assert_eq!(said(&of("dubbo", &path.replace("/api", "/"))).len(), 0);

    let other = as_route(r#"{"route": {"cluster_name": "c", "upstream_protocol": "dubbo"}}"#);
    let said_of = said(&other);
    assert!(
        said_of[0].contains("the listener \"l\" serves Http1, the upstream speaks dubbo, and nothing turns"),
        "{said_of:?}"
    );
    assert_eq!(said(&of("bolt", &other.replace("\"dubbo\"", "\"boltv2\""))).len(), 0);
    assert_eq!(said(&of("Auto", &other)).len(), 0);
    let cluster = said(&of("dubbo", &in_cluster(r#""upstream_protocol": "Http2""#)));
    assert!(cluster[0].contains("serves dubbo, the upstream speaks Http2"), "{cluster:?}");
    let filter = r#""stream_filters": [{"type": "transcoder", "config": {"rules": [{"rule_info": {"upstream_protocol": "dubbo"}}]}}]"#;
    let route = r#"{"route": {"cluster_name": "c", "upstream_protocol": "dubbo"}}"#;
    assert_eq!(said(&with("", &format!(", {filter}"), route, "")), Vec::<String>::new());

    let pool = said(&in_cluster(r#""pool_mode": "Binding", "upstream_protocol": "Http1""#));
    assert!(pool[0].contains("\"pool_mode\" of cluster \"c\" has no effect: it speaks Http1"), "{pool:?}");
}

/// Configurations for RPC as they were written for older versions of MOSN: the protocol `X`, an inline router beside the
/// proxy, routes by the service alone, filters that nobody has (reference 6.1).
#[test]
fn configurations_of_the_age_of_x_are_read() {
    let text = |sub: &str, filter: &str| {
        format!(
            r#"{{"servers": [{{"listeners": [{{"name": "serverListener", "address": "127.0.0.1:2046", "bind_port": true,
            "filter_chains": [{{"tls_context": {{}}, "filters": [
                {{"type": "proxy", "config": {{"downstream_protocol": "X", "upstream_protocol": "X",
                    "router_config_name": "server_router", "extend_config": {{"sub_protocol": "{sub}"}}}}}},
                {{"type": "connection_manager", "config": {{"router_config_name": "server_router", "virtual_hosts": [
                    {{"name": "serverHost", "domains": ["*"], "routers": [{{
                        "match": {{"headers": [{{"name": "service", "value": ".*", "regex": true}}]}},
                        "route": {{"cluster_name": "serverCluster", "upstream_protocol": "X"}}}}]}}]}}}}]}}],
            "stream_filters": [{{"type": "{filter}", "config": {{"passthrough": false, "cache_time": "360s"}}}}]}}]}}],
            "cluster_manager": {{"clusters": [{{"Name": "serverCluster", "type": "SIMPLE", "lb_type": "LB_RANDOM",
                "max_request_per_conn": 1024, "conn_buffer_limit_bytes": 32768,
                "hosts": [{{"address": "127.0.0.1:8080"}}]}}]}}}}"#
        )
    };
    for (sub, filter, says) in [
        ("bolt", "healthcheck", "the filter \"healthcheck\" is not available yet and is ignored"),
        ("dubbo", "dubbo_demo", "the unknown filter \"dubbo_demo\" is ignored"),
    ] {
        let found = said(&text(sub, filter));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|finding| finding.contains(": warning: ")), "{found:?}");
        assert!(found.iter().any(|finding| finding.contains(says)), "{found:?}");
        let names_none = "route.upstream_protocol: \"X\" names no protocol here";
        assert!(found.iter().any(|finding| finding.contains(names_none)), "{found:?}");
    }
}
