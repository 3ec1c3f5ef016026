//! The `tcp_proxy` filter (reference 1.5): its routes have Go's field names, its idle timeout is a number of
//! nanoseconds.

use std::time::Duration;

use mecha_config::TcpProxy;
use mecha_config::proxy::{Cidr, PortRange, TcpRoute};
use mecha_document::{Node, Object, shortened};

/// Hosts that are tried when the configuration gives no number (reference 1.5).
const CONNECT_ATTEMPTS: u32 = 3;

/// The filter.
pub(super) fn tcp_proxy(fields: &Object<'_>) -> TcpProxy {
    fields.accept(&["name"]);
    let nanoseconds = fields.get("idle_timeout").and_then(|node| node.whole(0, i64::MAX as u64));
    let cluster = fields.text("cluster").map(str::to_owned);
    // Beside a cluster the routes are never asked.
    let asked = cluster.is_none();
    TcpProxy {
        stat_prefix: fields.text("stat_prefix").unwrap_or_default().to_owned(),
        routes: fields.each("routes", |node| route(node, asked)),
        cluster,
        idle_timeout: nanoseconds.filter(|time| *time > 0).map(Duration::from_nanos),
        max_connect_attempts: match fields.number("max_connect_attempts") {
            None | Some(0) => CONNECT_ATTEMPTS,
            Some(attempts) => attempts,
        },
    }
}

fn route(node: Node<'_>, asked: bool) -> Option<TcpRoute> {
    let fields = node.object()?;
    let Some(cluster) = fields.text("Cluster") else {
        node.error_with("this route names no cluster", "set \"Cluster\"");
        return None;
    };
    let route = TcpRoute {
        cluster: cluster.to_owned(),
        source: fields.each("SourceAddrs", cidr),
        destination: fields.each("DestinationAddrs", cidr),
        source_ports: ports(&fields, "SourcePort"),
        destination_ports: ports(&fields, "DestinationPort"),
    };
    let empty = route.source.is_empty()
        || route.destination.is_empty()
        || route.source_ports.is_empty()
        || route.destination_ports.is_empty();
    if empty && asked {
        node.warn_with(
            "this route never matches: a list of addresses or ports is empty",
            "give SourceAddrs, DestinationAddrs, SourcePort and DestinationPort",
        );
    }
    Some(route)
}

fn cidr(node: Node<'_>) -> Option<Cidr> {
    let fields = node.object()?;
    fields.accept(&["IpNet"]);
    let length = fields.get("Length");
    let Some((place, text)) = fields.text_at("Address") else {
        node.error("this address block has no \"Address\"");
        return None;
    };
    let Ok(address) = text.parse::<std::net::IpAddr>() else {
        place.error(format!("\"{}\" is not an IP address", shortened(text)));
        return None;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.whole(0, most)?,
        None => 0,
    };
    Some(Cidr { address, length })
}

/// "80,1000-2000".
fn ports(fields: &Object<'_>, key: &'static str) -> Vec<PortRange> {
    let Some((node, text)) = fields.text_at(key) else { return Vec::new() };
    let mut ranges = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first <= last => ranges.push(PortRange { first, last }),
            _ => {
                let message = format!("\"{}\" is no port and no range of ports", shortened(part));
                node.error_with(message, "write for example \"80,1000-2000\"");
            }
        }
    }
    ranges
}
