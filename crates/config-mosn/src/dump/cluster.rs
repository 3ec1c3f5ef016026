//! Clusters and hosts (reference 1.8).

use mecha_base::duration;
use mecha_config::cluster::Limits;
use mecha_config::discovery::{Discovery, Registry};
use mecha_config::{Cluster, Host};
use serde_json::{Map, Value, json};

use super::{filled, put};

pub(super) fn cluster(cluster: &Cluster) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", Some(cluster.name.as_str()));
    put(&mut out, "type", Some(cluster.kind.as_str()));
    put(&mut out, "lb_type", Some(cluster.lb.name()));
    let options = &cluster.lb_options;
    let options =
        json!({ "choice_count": options.choice_count, "active_request_bias": options.active_request_bias });
    put(&mut out, "lbconfig", Some(options));
    put(&mut out, "connect_timeout", Some(duration::to_text(cluster.connect_timeout)));
    put(&mut out, "idle_timeout", cluster.idle_timeout.map(duration::to_text));
    put(&mut out, "max_request_per_conn", Some(cluster.max_requests_per_connection));
    put(&mut out, "max_connection_per_host", Some(cluster.max_connections_per_host));
    put(&mut out, "conn_buffer_limit_bytes", Some(cluster.buffer_limit));
    let limited = Some(&cluster.limits).filter(|limits| **limits != Limits::default());
    put(&mut out, "circuit_breakers", limited.map(limits));
    put(&mut out, "upstream_protocol", cluster.speaks.map(mecha_config::Speaks::name));
    put(&mut out, "pool_mode", Some(cluster.pool.name()));
    let (interval, timeout) =
        (duration::to_text(cluster.keepalive.interval), duration::to_text(cluster.keepalive.timeout));
    put(&mut out, "keepalive", Some(json!({ "interval": interval, "timeout": timeout })));
    put(&mut out, "spec", cluster.discovery.as_ref().map(discovery));
    let hosts: Vec<Value> = cluster.hosts.iter().map(host).collect();
    put(&mut out, "hosts", Some(hosts));
    Value::Object(out)
}

fn limits(limits: &Limits) -> Value {
    json!([{
        "max_connections": limits.max_connections,
        "max_pending_requests": limits.max_pending_requests,
        "max_requests": limits.max_requests,
        "max_retries": limits.max_retries,
    }])
}

fn host(host: &Host) -> Value {
    let mut out = Map::new();
    put(&mut out, "address", Some(host.address.to_string()));
    put(&mut out, "hostname", filled(&host.hostname));
    put(&mut out, "weight", Some(host.weight));
    if !host.metadata.is_empty() {
        let labels = json!({ "filter_metadata": { "mosn.lb": host.metadata } });
        put(&mut out, "metadata", Some(labels));
    }
    Value::Object(out)
}

/// As `spec` writes it.
fn discovery(discovery: &Discovery) -> Value {
    let Registry::ZooKeeper(settings) = &discovery.registry;
    let login = settings.login.as_ref().map(|(user, _)| format!("{user}:***@")).unwrap_or_default();
    let group = discovery.group.as_ref().map(|group| format!("{group}/")).unwrap_or_default();
    let version = discovery.version.as_ref().map(|version| format!(":{version}")).unwrap_or_default();
    json!({ "subscribe": [{
        "subscriber": format!("zookeeper://{login}{}?group={}", settings.servers, settings.root),
        "service_name": format!("{group}{}{version}", discovery.service),
    }] })
}
