//! `cluster_manager` and its clusters (reference 1.8, 2.1).

use mecha_base::names::nearest;
use mecha_config::cluster::{LbOptions, Limits};
use mecha_config::{Cluster, LbPolicy, Speaks};
use mecha_document::{Node, Object, shortened};

use super::router::{BOTH_MODES, from_folder};
use super::{Context, discovery, host, protocol, rpc, tls};

/// MOSN's policies that are still to come.
const LATER: [&str; 5] =
    ["LB_LEAST_CONNECTION", "LB_MAGLEV", "LB_REQUEST_ROUNDROBIN", "LB_PEAK_EWMA", "LB_ORIGINAL_DST"];

/// MOSN's cluster types (reference 1.8).
const KINDS: [&str; 6] = ["SIMPLE", "STATIC", "DYNAMIC", "EDS", "ORIGINAL_DST", "STRICT_DNS"];

/// What MOSN reads of a cluster, without effect here.
const NOT_IN_EFFECT: [&str; 11] = [
    "mark",
    "health_check",
    "lb_subset_config",
    "original_dst_lb_config",
    "cluster_manager_tls",
    "dns_refresh_rate",
    "respect_dns_ttl",
    "dns_lookup_family",
    "dns_resolvers",
    "dns_resolver_file",
    "slow_start",
];

/// The clusters of the list or of the folder.
pub(super) fn clusters(fields: &Object<'_>, context: &mut Context<'_>) -> Vec<Cluster> {
    let mut found = Vec::new();
    for node in fields.list("clusters") {
        found.extend(cluster(node, context));
    }
    if let Some((node, folder)) = fields.text_at("clusters_configs") {
        if fields.list("clusters").next().is_some() {
            node.error_with(BOTH_MODES, "keep \"clusters\" or \"clusters_configs\", not both");
        } else {
            from_folder(node, folder, context, |node, context| found.extend(cluster(node, context)));
        }
    }
    found
}

fn cluster(node: Node<'_>, context: &mut Context<'_>) -> Option<Cluster> {
    let fields = node.object()?;
    let defaults = Cluster::default();
    let name = fields.text("name");
    fields.accept(&["sub_type", "dns_resolver_port", "cluster_pool_enable"]);
    fields.not_in_effect(&NOT_IN_EFFECT);
    tls::refuse(&fields);
    let per_host = fields.number("max_connection_per_host");
    let cluster = Cluster {
        name: name.unwrap_or_default().to_owned(),
        kind: fields.text_at("type").map_or(defaults.kind, kind),
        lb: fields.text_at("lb_type").map_or(LbPolicy::RoundRobin, policy),
        lb_options: fields.object("lbconfig").map(|fields| options(&fields)).unwrap_or_default(),
        hosts: fields.each("hosts", host::host),
        connect_timeout: match fields.duration("connect_timeout") {
            Some(given) if !given.is_zero() => given,
            _ => defaults.connect_timeout,
        },
        idle_timeout: fields.duration("idle_timeout").filter(|time| !time.is_zero()),
        max_requests_per_connection: fields.number("max_request_per_conn").unwrap_or(0),
        max_connections_per_host: per_host.or(fields.number("max_connections_per_host")).unwrap_or(0),
        buffer_limit: fields
            .size("conn_buffer_limit_bytes")
            .filter(|limit| *limit > 0)
            .unwrap_or(defaults.buffer_limit),
        limits: limits(&fields),
        speaks: fields.text_at("upstream_protocol").and_then(speaks),
        pool: fields.text_at("pool_mode").and_then(rpc::pool_mode).unwrap_or_default(),
        keepalive: fields.object("keepalive").map(|fields| rpc::keepalive(&fields)).unwrap_or_default(),
        discovery: fields.object("spec").and_then(|spec| discovery::discovery(&spec)),
    };
    let Some(name) = name else {
        node.error_with("this cluster has no name", "set \"name\"");
        return None;
    };
    context.places.cluster(name, node);
    Some(cluster)
}

fn kind((node, text): (Node<'_>, &str)) -> String {
    match text {
        "ORIGINAL_DST" => node.warn("original destinations are not available yet: only \"hosts\" are used"),
        "EDS" => node.warn("xDS is not available yet: only \"hosts\" are used"),
        _ if KINDS.contains(&text) => {}
        _ => node.warn_with(
            format!("unknown cluster type \"{}\" is treated as SIMPLE", shortened(text)),
            format!("known are {}", KINDS.join(", ")),
        ),
    }
    text.to_owned()
}

/// Round robin stands in for every other policy, as in MOSN (reference 2.1).
fn policy((node, text): (Node<'_>, &str)) -> LbPolicy {
    if let Some(known) = LbPolicy::ALL.into_iter().find(|policy| policy.name() == text) {
        return known;
    }
    if LATER.contains(&text) {
        node.warn(format!("\"{text}\" is not available yet; LB_ROUNDROBIN is used"));
    } else {
        let message = format!("unknown policy \"{}\"; LB_ROUNDROBIN is used", shortened(text));
        let hint = match nearest(text, LbPolicy::ALL.map(LbPolicy::name)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("known are {}", LbPolicy::ALL.map(LbPolicy::name).join(", ")),
        };
        node.warn_with(message, hint);
    }
    LbPolicy::RoundRobin
}

/// What the hosts speak, whatever the routes say: a key of ours.
fn speaks((node, text): (Node<'_>, &str)) -> Option<Speaks> {
    let known = Speaks::ALL.into_iter().find(|speaks| speaks.name() == text);
    if known.is_none() && text != "Auto" {
        let message = format!("there is no upstream protocol \"{}\"", shortened(text));
        let known = std::iter::once("Auto").chain(Speaks::ALL.map(Speaks::name));
        let hint = match nearest(text, known.clone()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("available are {}", protocol::listed(known)),
        };
        node.error_with(message, hint);
    }
    known
}

fn options(fields: &Object<'_>) -> LbOptions {
    let defaults = LbOptions::default();
    // Of LB_PEAK_EWMA, which is reported where it is asked for.
    fields.accept(&["client_error_bias", "server_error_bias"]);
    let bias = fields.get("active_request_bias").and_then(|node| {
        let bias = node.real()?;
        if !(0.0..=100.0).contains(&bias) {
            node.error("expected a number from 0 to 100");
        }
        Some(bias)
    });
    LbOptions {
        choice_count: fields
            .get("choice_count")
            .and_then(|node| node.whole(1, 1_024))
            .unwrap_or(defaults.choice_count),
        active_request_bias: bias.unwrap_or(defaults.active_request_bias),
    }
}

/// The first of `circuit_breakers`; MOSN reads no other.
fn limits(fields: &Object<'_>) -> Limits {
    let mut breakers = fields.list("circuit_breakers");
    let Some(first) = breakers.next().and_then(Node::object) else { return Limits::default() };
    if let Some(second) = breakers.next() {
        second.warn("only the first of \"circuit_breakers\" has an effect");
    }
    first.accept(&["priority"]);
    let limit = |key| first.number(key).unwrap_or(0);
    Limits {
        max_connections: limit("max_connections"),
        max_pending_requests: limit("max_pending_requests"),
        max_requests: limit("max_requests"),
        max_retries: limit("max_retries"),
    }
}
