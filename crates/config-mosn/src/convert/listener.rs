//! Listeners and their filter chains (reference 1.3, 1.4, 1.5).

use std::time::Duration;

use mecha_base::names::nearest;
use mecha_config::runtime::{APP_DOOR, INVOKE_DOOR};
use mecha_config::{FilterChain, Listener, NetworkFilter, Traffic};
use mecha_document::{Kind, Node, Object, shortened};

use super::{Context, access_log, address, filters, http_proxy, router, tcp_proxy, tls};

/// `connection_idle_timeout` when it is absent (reference 1.3).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// `default_read_buffer_size` when it is absent. MOSN begins with 128 bytes and grows; here a buffer is lent
/// from a pool only while bytes are in flight, so a whole head fits at once.
const READ_BUFFER: usize = 16 << 10;

/// MOSN's network filters that are still to come.
const LATER: [&str; 5] = ["udp_proxy", "grpc", "tunnel", "fault_inject", "rpc_proxy"];

/// The network filters that are there.
const KNOWN: [&str; 3] = ["proxy", "tcp_proxy", "connection_manager"];

/// A listener; `None` when it has no address.
pub(super) fn listener(node: Node<'_>, context: &mut Context<'_>) -> Option<Listener> {
    let fields = node.object()?;
    // `reuseport` is about UDP; ours is always on for TCP.
    fields.accept(&["reuseport"]);
    let unix = network(&fields);
    let Some((place, text)) = fields.text_at("address") else {
        node.error_with("this listener has no address", "set \"address\", for example \"127.0.0.1:2045\"");
        return None;
    };
    let address = address::listener(place, text, unix);
    let name = fields.text("name").unwrap_or(text).to_owned();
    context.places.listener(&name, node);
    refuse_original_destination(&fields);
    let stream_filters = fields.each("stream_filters", filters::stream);
    let bind = fields.flag("bind_port");
    // Calls from inside the process come by these two.
    let called = [APP_DOOR, INVOKE_DOOR].contains(&name.as_str());
    if !bind && !called {
        node.warn_with(
            "without \"bind_port\": true this listener has no socket, and nothing else hands it connections",
            "set \"bind_port\": true",
        );
    }
    fields.not_in_effect(&["inspector"]);
    let access_logs = fields.each("access_logs", |node| access_log::access_log(node, &name, context));
    Some(Listener {
        traffic: fields.text_at("type").and_then(traffic),
        bind,
        access_logs,
        chain: chain(&fields, context),
        stream_filters,
        idle_timeout: match fields.duration("connection_idle_timeout") {
            Some(Duration::ZERO) => None,
            given => Some(given.unwrap_or(IDLE_TIMEOUT)),
        },
        inspect_tls: fields.flag("inspector"),
        read_buffer: fields.size("default_read_buffer_size").filter(|size| *size > 0).unwrap_or(READ_BUFFER),
        address: address?,
        name,
    })
}

/// Whether the address is a Unix socket's path.
fn network(fields: &Object<'_>) -> bool {
    match fields.text_at("network") {
        None | Some((_, "tcp")) => false,
        Some((_, "unix")) => true,
        Some((node, "udp")) => {
            node.error("UDP listeners are not available yet");
            false
        }
        Some((node, other)) => {
            node.error_with(format!("\"{}\" is not a network", shortened(other)), "use \"tcp\" or \"unix\"");
            false
        }
    }
}

/// Redirected connections carry another address than the listener's; to treat them as its own would send
/// them to the wrong place.
fn refuse_original_destination(fields: &Object<'_>) {
    let message = "original destinations are not available yet: redirected connections would go astray";
    let hint = "remove it if connections come to this listener's own address";
    if let Some(node) = fields.get("use_original_dst").filter(|node| node.is_set()) {
        match node.kind() {
            Kind::Text | Kind::Flag(_) => node.error_with(message, hint),
            _ => node.error("expected \"redirect\" or \"tproxy\""),
        }
    }
    for filter in fields.list("listener_filters") {
        let kind = filter.entries().find(|(key, _)| key.text().eq_ignore_ascii_case("type"));
        match kind {
            Some((_, kind)) if kind.text() == "original_dst" => kind.error_with(message, hint),
            _ => filters::filter(filter),
        }
    }
}

fn traffic((node, text): (Node<'_>, &str)) -> Option<Traffic> {
    match text {
        "ingress" => Some(Traffic::Ingress),
        "egress" => Some(Traffic::Egress),
        other => {
            let message = format!("\"{}\" is not a listener type, and is ignored", shortened(other));
            node.warn_with(message, "use \"ingress\" or \"egress\"");
            None
        }
    }
}

/// The only filter chain. MOSN allows exactly one (reference 1.3).
fn chain(fields: &Object<'_>, context: &mut Context<'_>) -> FilterChain {
    let mut chain = FilterChain::default();
    let mut chains = fields.list("filter_chains");
    let Some(first) = chains.next() else {
        fields.node().error_with("this listener has no filter chain", "add \"filter_chains\" with one entry");
        return chain;
    };
    let more = chains.count();
    if let Some(node) = fields.get("filter_chains").filter(|_| more > 0) {
        let message = format!("a listener has exactly one filter chain, and here are {}", more + 1);
        node.error_with(message, "use one listener for each");
    }
    if let Some(fields) = first.object() {
        fields.accept(&["match"]);
        tls::refuse(&fields);
        chain.filters = fields.each("filters", |node| filter(node, context));
    }
    chain
}

/// One network filter; `None` for those that handle no connection.
fn filter(node: Node<'_>, context: &mut Context<'_>) -> Option<NetworkFilter> {
    let fields = node.object()?;
    fields.accept(&["go_plugin_config"]);
    let config = fields.get("config");
    let Some((place, kind)) = fields.text_at("type") else {
        node.error_with("this filter has no type", "set \"type\": \"proxy\" or \"tcp_proxy\"");
        return None;
    };
    if !KNOWN.contains(&kind) {
        missing(place, kind);
        return None;
    }
    let Some(config) = config else {
        node.error(format!("the filter \"{kind}\" has no \"config\""));
        return None;
    };
    let config = config.object()?;
    match kind {
        "proxy" => Some(NetworkFilter::Http(http_proxy::http_proxy(&config))),
        "tcp_proxy" => Some(NetworkFilter::Tcp(tcp_proxy::tcp_proxy(&config))),
        // The deprecated form: a router, written where it is used.
        _ => {
            router::router(&config, context);
            None
        }
    }
}

fn missing(node: Node<'_>, kind: &str) {
    let shown = shortened(kind);
    if LATER.contains(&kind) {
        node.error(format!("the network filter \"{shown}\" is not available yet"));
    } else if filters::is_guard(kind) {
        node.error_with(
            format!("the security filter \"{shown}\" is unknown, and nothing may pass without it"),
            "remove it if the traffic may really go unchecked",
        );
    } else {
        let hint = match nearest(kind, KNOWN) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "known are proxy and tcp_proxy".to_owned(),
        };
        node.warn_with(format!("the unknown network filter \"{shown}\" is ignored"), hint);
    }
}
