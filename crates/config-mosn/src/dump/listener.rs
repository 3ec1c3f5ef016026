//! Listeners, their filter chains and access logs (reference 1.3, 1.5).

use mecha_config::proxy::{Cidr, Http1Options, Http2Options, PortRange, RpcOptions, TcpRoute};
use mecha_config::{
    AccessLog, HttpProxy, Listener, ListenerAddress, NetworkFilter, Protocol, Protocols, TcpProxy, Traffic,
};
use serde_json::{Map, Value, json};

use super::{filled, log_target, or_never, put};

pub(super) fn listener(listener: &Listener) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", Some(listener.name.as_str()));
    let traffic = listener.traffic.map(|traffic| match traffic {
        Traffic::Ingress => "ingress",
        Traffic::Egress => "egress",
    });
    put(&mut out, "type", traffic);
    put(&mut out, "address", Some(listener.address.to_string()));
    let network = if matches!(listener.address, ListenerAddress::Unix(_)) { "unix" } else { "tcp" };
    put(&mut out, "network", Some(network));
    put(&mut out, "bind_port", Some(listener.bind));
    put(&mut out, "inspector", Some(listener.inspect_tls));
    put(&mut out, "connection_idle_timeout", Some(or_never(listener.idle_timeout)));
    put(&mut out, "default_read_buffer_size", Some(listener.read_buffer));
    let logs: Vec<Value> = listener.access_logs.iter().map(access_log).collect();
    put(&mut out, "access_logs", Some(logs));
    put(&mut out, "stream_filters", super::filter::list(&listener.stream_filters));
    let filters: Vec<Value> = listener.chain.filters.iter().map(filter).collect();
    put(&mut out, "filter_chains", Some(json!([{ "filters": filters }])));
    Value::Object(out)
}

fn access_log(log: &AccessLog) -> Value {
    json!({ "log_path": log_target(&log.target), "log_format": log.format })
}

fn filter(filter: &NetworkFilter) -> Value {
    match filter {
        NetworkFilter::Http(proxy) => json!({ "type": "proxy", "config": http_proxy(proxy) }),
        NetworkFilter::Tcp(proxy) => json!({ "type": "tcp_proxy", "config": tcp_proxy(proxy) }),
    }
}

fn http_proxy(proxy: &HttpProxy) -> Value {
    let mut extend = Map::new();
    put(&mut extend, "Http1", Some(http1(&proxy.http1)));
    put(&mut extend, "Http2", Some(http2(&proxy.http2)));
    rpc(proxy, &mut extend);
    json!({
        "downstream_protocol": protocols(&proxy.downstream),
        "router_config_name": proxy.router,
        "fallback_for_unknown_protocol": proxy.fallback,
        "stream_idle_timeout": or_never(proxy.stream_idle_timeout),
        "extend_config": extend,
    })
}

fn protocols(protocols: &Protocols) -> String {
    match protocols {
        Protocols::One(protocol) => protocol.name().to_owned(),
        Protocols::Detect(all) if all.len() == Protocol::ALL.len() => "Auto".to_owned(),
        Protocols::Detect(some) => some.iter().map(|one| one.name()).collect::<Vec<_>>().join(","),
    }
}

fn http1(options: &Http1Options) -> Value {
    json!({
        "max_start_line_size": options.max_start_line,
        "max_header_size": options.max_header_bytes,
        "max_header_count": options.max_header_count,
        "max_request_body_size": options.max_request_body.unwrap_or(0),
        "request_headers_timeout": or_never(options.header_timeout),
        "request_body_timeout": or_never(options.body_timeout),
    })
}

fn http2(options: &Http2Options) -> Value {
    json!({
        "max_concurrent_streams": options.max_concurrent_streams,
        "initial_stream_window_size": options.stream_window,
        "initial_connection_window_size": options.connection_window,
        "max_header_list_size": options.max_header_bytes,
        "max_pending_resets": options.max_pending_resets,
    })
}

/// The limits that all RPC protocols of a listener share, under the name of each of them; nothing for a listener that
/// serves none and leaves them as they are.
fn rpc(proxy: &HttpProxy, extend: &mut Map<String, Value>) {
    let options = &proxy.rpc;
    let accepted = match &proxy.downstream {
        Protocols::One(one) => std::slice::from_ref(one),
        Protocols::Detect(several) => several,
    };
    let mut names: Vec<&str> =
        accepted.iter().filter(|protocol| protocol.is_rpc()).map(|protocol| protocol.name()).collect();
    let bolt = Protocol::Bolt.name();
    let missing = names.is_empty() && *options != RpcOptions::default();
    if missing || (options.go_away && !names.contains(&bolt)) {
        names.push(bolt);
    }
    for name in names {
        let mut section = Map::new();
        put(&mut section, "max_frame_size", Some(options.max_frame));
        put(&mut section, "max_concurrent_requests", Some(options.max_concurrent));
        put(&mut section, "enable_bolt_goaway", Some(options.go_away).filter(|_| name == bolt));
        extend.insert(name.to_owned(), Value::Object(section));
    }
}

fn tcp_proxy(proxy: &TcpProxy) -> Value {
    let mut out = Map::new();
    put(&mut out, "stat_prefix", filled(&proxy.stat_prefix));
    put(&mut out, "cluster", proxy.cluster.as_deref());
    let nanoseconds = proxy.idle_timeout.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    put(&mut out, "idle_timeout", nanoseconds);
    put(&mut out, "max_connect_attempts", Some(proxy.max_connect_attempts));
    let routes: Vec<Value> = proxy.routes.iter().map(tcp_route).collect();
    put(&mut out, "routes", Some(routes).filter(|routes| !routes.is_empty()));
    Value::Object(out)
}

fn tcp_route(route: &TcpRoute) -> Value {
    json!({
        "Cluster": route.cluster,
        "SourceAddrs": cidrs(&route.source),
        "DestinationAddrs": cidrs(&route.destination),
        "SourcePort": ports(&route.source_ports),
        "DestinationPort": ports(&route.destination_ports),
    })
}

fn cidrs(blocks: &[Cidr]) -> Value {
    blocks
        .iter()
        .map(|block| json!({ "Address": block.address.to_string(), "Length": block.length }))
        .collect()
}

fn ports(ranges: &[PortRange]) -> String {
    let text = |range: &PortRange| match range.first == range.last {
        true => range.first.to_string(),
        false => format!("{}-{}", range.first, range.last),
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}
