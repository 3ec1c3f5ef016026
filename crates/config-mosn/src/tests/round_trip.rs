//! A dumped model loads again to an equal one; secrets never appear in a dump.

use std::collections::BTreeMap;
use std::time::Duration;

use mecha_config::cluster::{HostAddress, LbOptions, Limits};
use mecha_config::discovery::{Registry, ZooKeeper};
use mecha_config::filter::{Conversion, Fault, FaultAbort, FaultDelay, Transcoder, TranscoderRule};
use mecha_config::proxy::{Cidr, Http1Options, Http2Options, PortRange, RpcOptions, TcpRoute};
use mecha_config::route::{
    DirectResponse, Forward, HashPolicy, HeaderAdd, HeaderMatch, HeaderRules, PathMatch, Redirect,
    RegexRewrite, RetryPolicy, RouteMatch, Target, ValueMatch, WeightedCluster,
};
use mecha_config::server::{LogForm, LogLevel, LogTarget, Roller};
use mecha_config::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::{Format, dump, parse};

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_.-]{0,8}"
}

fn time() -> impl Strategy<Value = Duration> {
    (1u64..10_000_000_000).prop_map(Duration::from_micros)
}

fn target_of_log() -> impl Strategy<Value = LogTarget> {
    prop_oneof![
        Just(LogTarget::Stdout),
        Just(LogTarget::Stderr),
        name().prop_map(|name| LogTarget::File(format!("/tmp/{name}").into()))
    ]
}

fn server() -> impl Strategy<Value = Server> {
    let levels = select(vec![LogLevel::Off, LogLevel::Fatal, LogLevel::Warn, LogLevel::Trace]);
    let roller = prop_oneof![
        (1u32..99).prop_map(|hours| Roller::Time { hours }),
        (1u64..9, 0u32..9, 0u32..9, any::<bool>())
            .prop_map(|(megabytes, days, keep, compress)| Roller::Size { megabytes, days, keep, compress })
    ];
    let pid = of(name().prop_map(Into::into));
    (name(), target_of_log(), levels, roller, time(), of(1usize..64), pid).prop_map(
        |(name, log, log_level, log_roller, graceful_timeout, workers, pid_file)| Server {
            name,
            log,
            log_form: LogForm::default(),
            log_level,
            log_roller,
            graceful_timeout,
            workers,
            pid_file,
        },
    )
}

fn rules() -> impl Strategy<Value = HeaderRules> {
    let add = || {
        vec(
            (name(), "[ -~]{0,9}", any::<bool>()).prop_map(|(name, value, append)| HeaderAdd {
                name,
                value,
                append,
            }),
            0..2,
        )
    };
    let remove = || vec(name(), 0..2);
    (add(), remove(), add(), remove()).prop_map(
        |(request_add, request_remove, response_add, response_remove)| HeaderRules {
            request_add,
            request_remove,
            response_add,
            response_remove,
        },
    )
}

fn matcher() -> impl Strategy<Value = RouteMatch> {
    let expression = || select(vec!["^/a", "b+", "(x|y)"]).prop_map(|text| regex::Regex::new(text).unwrap());
    let path = prop_oneof![
        Just(PathMatch::Any),
        "/[a-z%\\u{e9}]{0,5}".prop_map(PathMatch::Prefix),
        "/[a-z\"\\\\]{0,5}".prop_map(PathMatch::Exact),
        expression().prop_map(PathMatch::Regex)
    ];
    let value = prop_oneof![
        Just(ValueMatch::Present),
        "[a-z]{1,5}".prop_map(ValueMatch::Exact),
        expression().prop_map(ValueMatch::Regex)
    ];
    let headers = vec((name(), value).prop_map(|(name, value)| HeaderMatch { name, value }), 0..3);
    (path, headers).prop_map(|(path, headers)| RouteMatch { path, headers })
}

fn forward() -> impl Strategy<Value = Forward> {
    let weighted = vec((name(), 1u32..100).prop_map(|(name, weight)| WeightedCluster { name, weight }), 1..3);
    let target = prop_oneof![
        name().prop_map(Target::Cluster),
        weighted.prop_map(Target::Weighted),
        name().prop_map(Target::Header)
    ];
    let retry = (any::<bool>(), 0u32..9, of(time()), vec(100u16..600, 0..3)).prop_map(
        |(on_failure, retries, try_timeout, status_codes)| RetryPolicy {
            on_failure,
            retries,
            try_timeout,
            status_codes,
        },
    );
    let rewrite = select(vec!["/\\1$x", "\\0", "$", "\\\\", "plain"]).prop_map(|substitution| RegexRewrite {
        pattern: regex::Regex::new("(a)").unwrap(),
        substitution: substitution.to_owned(),
    });
    let hash = vec(
        prop_oneof![
            name().prop_map(HashPolicy::Header),
            (name(), name(), time()).prop_map(|(name, path, ttl)| HashPolicy::Cookie { name, path, ttl }),
            Just(HashPolicy::SourceIp)
        ],
        0..3,
    );
    let protocol = of(select(Protocol::ALL.to_vec()));
    let texts = (of(name()), of(name()), any::<bool>(), of(name()));
    (target, protocol, of(time()), retry, of(rewrite), texts, rules(), hash).prop_map(
        |(target, upstream_protocol, timeout, retry, regex_rewrite, texts, headers, hash_policy)| Forward {
            target,
            upstream_protocol,
            timeout,
            retry,
            prefix_rewrite: texts.0,
            regex_rewrite,
            host_rewrite: texts.1,
            auto_host_rewrite: texts.2,
            auto_host_rewrite_header: texts.3,
            headers,
            hash_policy,
        },
    )
}

fn route() -> impl Strategy<Value = Route> {
    let direct = (200u16..600, "\\PC{0,9}").prop_map(|(status, body)| DirectResponse { status, body });
    let parts = (select(vec![301u16, 302, 303, 307, 308]), of(name()), of(name()), of("[a-z]{1,5}"));
    let redirect = parts.prop_map(|(status, path, host, scheme)| Redirect { status, path, host, scheme });
    let action = prop_oneof![
        3 => forward().prop_map(|forward| Action::Forward(Box::new(forward))),
        1 => direct.prop_map(Action::Direct),
        1 => redirect.prop_map(Action::Redirect)
    ];
    (matcher(), action, overrides()).prop_map(|(matcher, action, filters)| Route { matcher, action, filters })
}

fn fault() -> impl Strategy<Value = StreamFilter> {
    let delay = of((1u32..101, time()).prop_map(|(percentage, time)| FaultDelay { percentage, time }));
    let abort =
        of((1u32..101, 200u16..600).prop_map(|(percentage, status)| FaultAbort { percentage, status }));
    (delay, abort, of(name()), matcher()).prop_map(|(delay, abort, upstream_cluster, matcher)| {
        StreamFilter::Fault(Fault { delay, abort, upstream_cluster, headers: matcher.headers })
    })
}

fn transcoder() -> impl Strategy<Value = StreamFilter> {
    let protocol = select(vec![Protocol::Bolt, Protocol::BoltV2, Protocol::Dubbo, Protocol::Http2]);
    let texts = (of(name()), of(name()), of(name()), of(name()), of(name()));
    let conversion = (texts, of(vec(name(), 0..3)), any::<bool>()).prop_map(
        |((service, method, version, group, class), types, opaque)| Conversion {
            service,
            method,
            version,
            group,
            types,
            opaque,
            class,
        },
    );
    let rule = (matcher(), protocol, conversion).prop_map(|(matcher, protocol, conversion)| TranscoderRule {
        headers: matcher.headers,
        protocol,
        conversion: conversion.into(),
    });
    vec(rule, 0..3).prop_map(|rules| StreamFilter::Transcoder(Transcoder { rules }))
}

fn stream_filter() -> impl Strategy<Value = StreamFilter> {
    prop_oneof![
        3 => fault(),
        1 => Just(StreamFilter::DubboStream),
        1 => Just(StreamFilter::GrpcMetric)
    ]
}

/// At most one of each.
fn overrides() -> impl Strategy<Value = Vec<StreamFilter>> {
    (vec(fault(), 0..2), vec(transcoder(), 0..2))
        .prop_map(|(faults, transcoders)| [faults, transcoders].concat())
}

fn router() -> impl Strategy<Value = Router> {
    let host =
        (name(), vec(route(), 0..4), rules(), overrides()).prop_map(|(name, routes, headers, filters)| {
            VirtualHost { name, domains: Vec::new(), routes, headers, filters }
        });
    (vec(host, 0..3), rules(), overrides()).prop_map(|(mut virtual_hosts, headers, filters)| {
        for (number, host) in virtual_hosts.iter_mut().enumerate() {
            host.domains = vec![format!("h{number}.com"), format!("*.h{number}.com:80")];
        }
        Router { name: String::new(), virtual_hosts, headers, filters }
    })
}

fn http_proxy() -> impl Strategy<Value = HttpProxy> {
    let one = select(Protocol::ALL.to_vec()).prop_map(Protocols::One);
    let some = select(vec![
        vec![Protocol::Bolt, Protocol::BoltV2],
        vec![Protocol::Http1, Protocol::Dubbo, Protocol::Tars],
    ]);
    let downstream =
        prop_oneof![one, some.prop_map(Protocols::Detect), Just(Protocols::Detect(Protocol::ALL.to_vec()))];
    let rpc = (1usize << 10..1 << 31, 1usize..1 << 16, any::<bool>())
        .prop_map(|(max_frame, max_concurrent, go_away)| RpcOptions { max_frame, max_concurrent, go_away });
    let http1 = (1usize..9999, 1usize..9999, 1usize..99, of(1u64..1 << 40), of(time()), of(time())).prop_map(
        |(
            max_start_line,
            max_header_bytes,
            max_header_count,
            max_request_body,
            header_timeout,
            body_timeout,
        )| {
            Http1Options {
                max_start_line,
                max_header_bytes,
                max_header_count,
                max_request_body,
                header_timeout,
                body_timeout,
            }
        },
    );
    let http2 = (1u32..99, 1u32..1 << 31, 65_535u32..1 << 31, 1u32..9999, 0usize..99).prop_map(
        |(max_concurrent_streams, stream_window, connection_window, max_header_bytes, max_pending_resets)| {
            Http2Options {
                max_concurrent_streams,
                stream_window,
                connection_window,
                max_header_bytes,
                max_pending_resets,
            }
        },
    );
    (downstream, any::<bool>(), http1, http2, rpc, of(time())).prop_map(
        |(downstream, fallback, http1, http2, rpc, stream_idle_timeout)| HttpProxy {
            downstream,
            router: "r0".to_owned(),
            fallback,
            http1,
            http2,
            rpc,
            stream_idle_timeout,
        },
    )
}

fn tcp_proxy() -> impl Strategy<Value = TcpProxy> {
    let block = || {
        vec((any::<std::net::IpAddr>(), 0u8..33).prop_map(|(address, length)| Cidr { address, length }), 1..3)
    };
    let ports = || {
        let range = |(first, more): (u16, u16)| PortRange { first, last: first.saturating_add(more) };
        vec((any::<u16>(), 0u16..9).prop_map(range), 1..3)
    };
    let route = (block(), block(), ports(), ports()).prop_map(
        |(source, destination, source_ports, destination_ports)| TcpRoute {
            cluster: "c0".to_owned(),
            source,
            destination,
            source_ports,
            destination_ports,
        },
    );
    (name(), vec(route, 0..3), of(time()), 1u32..9).prop_map(
        |(stat_prefix, routes, idle_timeout, max_connect_attempts)| TcpProxy {
            stat_prefix,
            cluster: Some("c0".to_owned()),
            routes,
            idle_timeout,
            max_connect_attempts,
        },
    )
}

fn listener() -> impl Strategy<Value = Listener> {
    let filter =
        prop_oneof![http_proxy().prop_map(NetworkFilter::Http), tcp_proxy().prop_map(NetworkFilter::Tcp)];
    let log = (target_of_log(), "[a-z ]{1,9}%[a-z]{1,5}%")
        .prop_map(|(target, format)| AccessLog { target, format });
    let traffic = of(select(vec![Traffic::Ingress, Traffic::Egress]));
    let parts = (traffic, any::<bool>(), vec(log, 0..2), vec(filter, 1..3), of(time()), any::<bool>());
    (parts, 1usize..99_999, vec(stream_filter(), 0..3)).prop_map(|(parts, read_buffer, stream_filters)| {
        Listener {
            name: String::new(),
            traffic: parts.0,
            address: ListenerAddress::Unix("".into()),
            bind: parts.1,
            access_logs: parts.2,
            chain: FilterChain { filters: parts.3 },
            stream_filters,
            idle_timeout: parts.4,
            inspect_tls: parts.5,
            read_buffer,
        }
    })
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let address = prop_oneof![
        (any::<std::net::IpAddr>(), 1u16..).prop_map(|parts| HostAddress::Tcp(parts.into())),
        ("[a-z]{1,9}", 1u16..).prop_map(|(name, port)| HostAddress::Name(name, port)),
        name().prop_map(|name| HostAddress::Unix(name.into()))
    ];
    let metadata = btree_map(name(), "\\PC{0,5}", 0..3);
    let host = (address, name(), 1u32..129, metadata).prop_map(
        |(address, hostname, weight, metadata): (_, _, _, BTreeMap<_, _>)| Host {
            address,
            hostname,
            weight,
            metadata,
        },
    );
    let limits = (0u32..9, 0u32..9, 0u32..9, 0u32..9).prop_map(|parts| Limits {
        max_connections: parts.0,
        max_pending_requests: parts.1,
        max_requests: parts.2,
        max_retries: parts.3,
    });
    let options = (1u32..99, 0.0f64..100.0)
        .prop_map(|(choice_count, active_request_bias)| LbOptions { choice_count, active_request_bias });
    let kind = select(vec!["SIMPLE", "STATIC", "STRICT_DNS"]);
    let numbers = (time(), of(time()), any::<u32>(), any::<u32>(), 1usize..99_999);
    let speaks = of(select(Speaks::ALL.to_vec()));
    let policy = select(LbPolicy::ALL.to_vec());
    let keepalive = (time(), time()).prop_map(|(interval, timeout)| Keepalive { interval, timeout });
    let rpc = (select(PoolMode::ALL.to_vec()), keepalive);
    (kind, policy, options, vec(host, 0..3), numbers, limits, speaks, of(discovery()), rpc).prop_map(
        |(kind, lb, lb_options, hosts, numbers, limits, speaks, discovery, rpc)| Cluster {
            name: String::new(),
            kind: kind.to_owned(),
            lb,
            lb_options,
            hosts,
            connect_timeout: numbers.0,
            idle_timeout: numbers.1,
            max_requests_per_connection: numbers.2,
            max_connections_per_host: numbers.3,
            buffer_limit: numbers.4,
            limits,
            speaks,
            pool: rpc.0,
            keepalive: rpc.1,
            discovery,
        },
    )
}

/// Without a login, since a dump does not show passwords.
fn discovery() -> impl Strategy<Value = Discovery> {
    ("[a-z]{1,9}:[1-9]", "[a-z]{1,9}", "[a-z.]{1,9}", of(name()), of(name())).prop_map(
        |(servers, root, service, group, version)| Discovery {
            registry: Registry::ZooKeeper(ZooKeeper { servers, root, login: None }),
            service,
            group,
            version,
        },
    )
}

/// A model whose names are unique and whose references resolve.
fn config() -> impl Strategy<Value = Config> {
    let admin =
        of((any::<std::net::IpAddr>(), any::<u16>()).prop_map(|parts| Admin { address: parts.into() }));
    (server(), vec(listener(), 0..3), vec(router(), 1..3), vec(cluster(), 1..3), admin).prop_map(
        |(server, mut listeners, mut routers, mut clusters, admin)| {
            for (number, listener) in listeners.iter_mut().enumerate() {
                listener.name = format!("l{number}");
                listener.address = match number {
                    0 => ListenerAddress::Unix("/tmp/l".into()),
                    number => ListenerAddress::Tcp(([127, 0, 0, 1], 1000 + number as u16).into()),
                };
            }
            for (number, router) in routers.iter_mut().enumerate() {
                router.name = format!("r{number}");
            }
            for (number, cluster) in clusters.iter_mut().enumerate() {
                cluster.name = format!("c{number}");
            }
            Config { server, listeners, routers, clusters, admin, runtime: None }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_dump_loads_again_to_the_same_model(config in config()) {
        let text = serde_json::to_string_pretty(&dump::config(&config)).unwrap();
        for format in [Format::Json, Format::Yaml] {
            let loaded = parse(&text, format, "dump");
            let said = loaded.diagnostics.to_string();
            prop_assert!(loaded.config.is_some(), "{}\n{}", said, text);
            prop_assert!(!said.contains("unknown key"), "{}", said);
            prop_assert_eq!(loaded.config.as_ref(), Some(&config), "{}", text);
        }
    }
}

#[test]
fn a_dump_has_mosn_shape() {
    let config = super::clean(&super::with("", "", "", ""));
    let dumped = dump::config(&config);
    assert_eq!(dumped["servers"][0]["listeners"][0], dump::listener(&config.listeners[0]));
    assert_eq!(dumped["servers"][0]["routers"][0], dump::router(&config.routers[0]));
    assert_eq!(dumped["cluster_manager"]["clusters"][0], dump::cluster(&config.clusters[0]));
    assert_eq!(dumped["servers"][0]["graceful_timeout"], "30s");
    let route = json!({"match": {}, "route": {"cluster_name": "c"}});
    assert_eq!(dump::router(&config.routers[0])["virtual_hosts"][0]["routers"][0], route);
}

#[test]
fn secrets_never_appear() {
    let mut value = json!({"a": [{"Private_Key": "PEM", "private_key": {"deep": "PEM"}, "cert_chain": "x"}]});
    dump::redact(&mut value);
    let hidden = "***REDACTED***";
    assert_eq!(value, json!({"a": [{"Private_Key": hidden, "private_key": hidden, "cert_chain": "x"}]}));
}
