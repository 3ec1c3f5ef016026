//! Settings of the server, its listeners, proxies and clusters arrive in the model.

use std::collections::BTreeMap;
use std::time::Duration;

use mecha_config::access_log::DEFAULT_FORMAT;
use mecha_config::cluster::{HostAddress, Limits};
use mecha_config::filter::{Conversion, Fault, FaultAbort, FaultDelay, TranscoderRule};
use mecha_config::proxy::{Http1Options, Http2Options};
use mecha_config::route::{HeaderMatch, ValueMatch};
use mecha_config::server::{LogLevel, LogTarget, Roller};
use mecha_config::{HttpProxy, ListenerAddress, NetworkFilter, Server, StreamFilter, Traffic};

use super::{as_route, clean, in_cluster, in_listener, in_proxy, said, with};

fn server(text: &str) -> Server {
    clean(&with("", "", "", "").replacen("[{", &format!("[{{{text}, "), 1)).server
}

fn proxy(text: &str) -> HttpProxy {
    match clean(text).listeners.remove(0).chain.filters.remove(0) {
        NetworkFilter::Http(proxy) => proxy,
        NetworkFilter::Tcp(_) => panic!(),
    }
}

#[test]
fn the_server_is_read() {
    let server = server(
        r#""mosn_server_name": "m", "default_log_path": "/var/log/m.log", "default_log_level": "debug",
           "global_log_roller": "size=5 keep=2 compress=on", "graceful_timeout": "7s", "processor": 3,
           "use_netpoll_mode": true"#,
    );
    assert_eq!(server.name, "m");
    assert_eq!(server.log, LogTarget::File("/var/log/m.log".into()));
    assert_eq!(server.log_level, LogLevel::Debug);
    assert_eq!(server.log_roller, Roller::Size { megabytes: 5, days: 10, keep: 2, compress: true });
    assert_eq!(server.graceful_timeout, Duration::from_secs(7));
    assert_eq!(server.workers, Some(3));
}

#[test]
fn the_number_of_workers_has_three_spellings() {
    for (text, expected) in [("\"auto\"", None), ("\"4\"", Some(4)), ("4", Some(4)), ("0", None)] {
        assert_eq!(server(&format!("\"processor\": {text}")).workers, expected, "{text}");
    }
    for text in ["-1", "\"many\"", "true", "100000"] {
        let bad = with("", "", "", "").replacen("[{", &format!("[{{\"processor\": {text}, "), 1);
        assert!(said(&bad)[0].contains("servers[0].processor: expected \"auto\" or a number"), "{text}");
    }
}

#[test]
fn a_log_roller_is_read_or_refused() {
    assert_eq!(server(r#""global_log_roller": "time=12""#).log_roller, Roller::Time { hours: 12 });
    let bad = with("", "", "", "").replacen("[{", "[{\"global_log_roller\": \"weekly\", ", 1);
    assert!(said(&bad)[0].contains("\"weekly\" is no part of a log roller"));
}

#[test]
fn a_listener_is_read() {
    let text = in_listener(
        r#""type": "egress", "connection_idle_timeout": "0s", "default_read_buffer_size": 4096,
           "access_logs": [{"log_path": "/dev/stdout"}, {"log_format": "%protocol% 100\\% %x%"}]"#,
    );
    let listener = clean(&text).listeners.remove(0);
    assert_eq!(listener.traffic, Some(Traffic::Egress));
    assert_eq!(listener.idle_timeout, None);
    assert_eq!(listener.read_buffer, 4096);
    assert_eq!(listener.access_logs[0].target, LogTarget::Stdout);
    assert_eq!(listener.access_logs[0].format, DEFAULT_FORMAT);
    assert_eq!(listener.access_logs[1].format, "%protocol% 100\\% %x%");
}

#[test]
fn an_access_log_format_must_close_its_variables() {
    let log = |format: &str| said(&in_listener(&format!(r#""access_logs": [{{"log_format": "{format}"}}]"#)));
    assert!(log("a %% b")[0].contains("access_logs[0].log_format: nothing between the two \"%\" at byte 2"));
    assert!(log("a %protocol")[0].contains("the \"%\" at byte 2 is not closed"));
    assert_eq!(log("%a%%b%"), Vec::<String>::new());
}

#[test]
fn an_address_has_several_forms() {
    let listen =
        |text: &str| clean(&with("", "", "", "").replace("127.0.0.1:2045", text)).listeners.remove(0).address;
    let tcp = |text: &str| ListenerAddress::Tcp(text.parse().unwrap());
    assert_eq!(listen(":80"), tcp("0.0.0.0:80"));
    assert_eq!(listen("localhost:80"), tcp("127.0.0.1:80"));
    assert_eq!(listen("[::1]:80"), tcp("[::1]:80"));
    assert_eq!(listen("unix:/tmp/a.sock"), ListenerAddress::Unix("/tmp/a.sock".into()));
    let unix = in_listener(r#""network": "unix""#).replace("127.0.0.1:2045", "/tmp/b.sock");
    assert_eq!(clean(&unix).listeners[0].address, ListenerAddress::Unix("/tmp/b.sock".into()));
}

#[test]
fn limits_are_read_by_protocol_or_flat() {
    let nested = r#""extend_config": {"Http1": {"max_header_size": 1024, "max_request_body_size": 9,
        "request_headers_timeout": "1s", "request_body_timeout": "0s", "max_header_count": 5,
        "max_start_line_size": 99}, "Http2": {"http2_use_stream": true, "max_concurrent_streams": 7,
        "initial_stream_window_size": 70000, "initial_connection_window_size": 80000,
        "max_header_list_size": 333, "max_pending_resets": 4}}, "stream_idle_timeout": "0s""#;
    let found = proxy(&in_proxy(nested));
    let http1 = Http1Options {
        max_start_line: 99,
        max_header_bytes: 1024,
        max_header_count: 5,
        max_request_body: Some(9),
        header_timeout: Some(Duration::from_secs(1)),
        body_timeout: None,
    };
    let http2 = Http2Options {
        max_concurrent_streams: 7,
        stream_window: 70000,
        connection_window: 80000,
        max_header_bytes: 333,
        max_pending_resets: 4,
    };
    assert_eq!((found.http1, found.http2, found.stream_idle_timeout), (http1, http2, None));
    let flat = proxy(&in_proxy(r#""extend_config": {"max_header_size": 4096, "max_request_body_size": 0}"#));
    assert_eq!((flat.http1.max_header_bytes, flat.http1.max_request_body), (4096, None));
    let defaults = proxy(&with("", "", "", ""));
    assert_eq!((defaults.http1, defaults.http2), (Http1Options::default(), Http2Options::default()));
}

#[test]
fn a_cluster_is_read() {
    let text = in_cluster(
        r#""type": "STRICT_DNS", "lb_type": "LB_LEAST_REQUEST", "connect_timeout": "250ms",
           "idle_timeout": "30s", "max_connection_per_host": 12, "circuit_breakers": [{"max_connections": 1,
           "max_pending_requests": 2, "max_requests": 3, "max_retries": 4}],
           "lbconfig": {"choice_count": 3, "active_request_bias": 0.5}"#,
    )
    .replace(
        r#"{"address": "127.0.0.1:8080"}"#,
        r#"{"address": "unix:/tmp/u", "hostname": "u", "weight": 100,
            "metadata": {"filter_metadata": {"mosn.lb": {"zone": "a"}}}}"#,
    );
    let cluster = clean(&text).clusters.remove(0);
    assert_eq!(cluster.kind, "STRICT_DNS");
    assert_eq!(cluster.connect_timeout, Duration::from_millis(250));
    assert_eq!(cluster.idle_timeout, Some(Duration::from_secs(30)));
    assert_eq!(cluster.max_connections_per_host, 12);
    let limits = Limits { max_connections: 1, max_pending_requests: 2, max_requests: 3, max_retries: 4 };
    assert_eq!(cluster.limits, limits);
    assert_eq!((cluster.lb_options.choice_count, cluster.lb_options.active_request_bias), (3, 0.5));
    assert_eq!(cluster.hosts[0].address, HostAddress::Unix("/tmp/u".into()));
    assert_eq!((cluster.hosts[0].hostname.as_str(), cluster.hosts[0].weight), ("u", 100));
    assert_eq!(cluster.hosts[0].metadata, BTreeMap::from([("zone".to_owned(), "a".to_owned())]));
}

#[test]
fn the_old_inline_router_is_a_router() {
    let text = r#"{"servers": [{"listeners": [{"name": "l", "address": "127.0.0.1:1", "bind_port": true,
        "filter_chains": [{"filters": [
            {"type": "proxy", "config": {"downstream_protocol": "X", "extend_config": {"sub_protocol": "Http2"},
                "router_config_name": "inline"}},
            {"type": "connection_manager", "config": {"router_config_name": "inline", "virtual_hosts": [
                {"domains": ["*"], "routers": [{"direct_response": {"status": 200}}]}]}}]}]}]}]}"#;
    let config = clean(text);
    assert_eq!(config.routers[0].name, "inline");
    assert_eq!(config.listeners[0].chain.filters.len(), 1);
}

#[test]
fn faults_are_read_where_they_stand() {
    let text = r#"{"delay": {"percentage": 50, "fixed_delay": "2s"}, "abort": {"percentage": 5, "status": 503},
        "upstream_cluster": "c", "headers": [{"name": "X-User", "value": "me"}]}"#;
    let everywhere =
        clean(&in_listener(&format!(r#""stream_filters": [{{"type": "fault", "config": {text}}}]"#)));
    let wanted = StreamFilter::Fault(Fault {
        delay: Some(FaultDelay { percentage: 50, time: Duration::from_secs(2) }),
        abort: Some(FaultAbort { percentage: 5, status: 503 }),
        upstream_cluster: Some("c".to_owned()),
        headers: vec![HeaderMatch { name: "x-user".to_owned(), value: ValueMatch::Exact("me".to_owned()) }],
    });
    assert_eq!(everywhere.listeners[0].stream_filters, *std::slice::from_ref(&wanted));
    let route = format!(r#"{{"route": {{"cluster_name": "c"}}, "per_filter_config": {{"fault": {text}}}}}"#);
    assert_eq!(clean(&as_route(&route)).routers[0].virtual_hosts[0].routes[0].filters, [wanted]);
}

#[test]
fn rules_of_the_transcoder_are_read_in_both_forms() {
    let filter = |text: &str| {
        let text = in_listener(&format!(r#""stream_filters": [{{"type": "transcoder", "config": {text}}}]"#));
        let mut config = clean(&text);
        let StreamFilter::Transcoder(transcoder) = config.listeners.remove(0).stream_filters.remove(0) else {
            panic!()
        };
        transcoder.rules
    };
    let rules = filter(
        r#"{"rules": [
            {"matcher_config": {"matcher_type": "simpleMatcher", "config": {"name": "X-To", "value": "dubbo"}},
             "rule_info": {"upstream_protocol": "dubbo", "description": "orders", "config": {
                "service": "com.acme.Orders", "method": "find", "version": "1.0.0", "group": "blue",
                "types": ["int"]}}},
            {"macther_config": {"matcher_type": "simpleMatcher"},
             "rule_info": {"upstream_protocol": "X", "upstream_sub_protocol": "boltv2",
                "config": {"opaque": true, "class": "com.acme.Order"}}}]}"#,
    );
    let text = |text: &str| Some(text.to_owned());
    let dubbo = Conversion {
        service: text("com.acme.Orders"),
        method: text("find"),
        version: text("1.0.0"),
        group: text("blue"),
        types: Some(vec!["int".to_owned()]),
        ..Conversion::default()
    };
    let bolt = Conversion { opaque: true, class: text("com.acme.Order"), ..Conversion::default() };
    let header = HeaderMatch { name: "x-to".to_owned(), value: ValueMatch::Exact("dubbo".to_owned()) };
    assert_eq!(
        rules,
        [
            TranscoderRule {
                headers: vec![header],
                protocol: mecha_config::Protocol::Dubbo,
                conversion: dubbo.into()
            },
            TranscoderRule {
                headers: Vec::new(),
                protocol: mecha_config::Protocol::BoltV2,
                conversion: bolt.into()
            },
        ]
    );
    let old = filter(r#"{"type": "http2bolt_simple"}"#);
    let opaque = Conversion { opaque: true, ..Conversion::default() };
    assert_eq!(
        old,
        [TranscoderRule {
            headers: Vec::new(),
            protocol: mecha_config::Protocol::Bolt,
            conversion: opaque.into()
        }]
    );
    assert_eq!(filter(r#"{"type": "httpTohttp2"}"#)[0].protocol, mecha_config::Protocol::Http2);
}

#[test]
fn the_doors_of_the_runtime_need_no_socket() {
    let door = |name: &str| with("", "", "", "").replace(r#""name": "l""#, &format!(r#""name": "{name}""#));
    let without = |name: &str| said(&door(name).replace(r#""bind_port": true"#, r#""bind_port": false"#));
    assert_eq!(without("dapr.invoke"), Vec::<String>::new());
    assert!(without("mine")[0].contains("has no socket"));
}
