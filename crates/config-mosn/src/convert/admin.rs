//! `admin.address.socket_address` (reference 1.1).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mecha_config::Admin;
use mecha_document::{Kind, Node, Object};

/// Where the admin API listens; `None` when no address is given.
pub(super) fn admin(fields: &Object<'_>) -> Option<Admin> {
    let Some(socket) = fields.object("address").and_then(|address| address.object("socket_address")) else {
        let hint =
            "set \"address\": {\"socket_address\": {\"address\": \"127.0.0.1\", \"port_value\": 34901}}";
        fields.node().warn_with("the admin API has no address, so it is off", hint);
        return None;
    };
    let ip = match socket.text_at("address") {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some((_, "localhost")) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some((node, text)) => match text.parse::<IpAddr>() {
            Ok(ip) => {
                if !ip.is_loopback() {
                    let hint = "use 127.0.0.1, or let a firewall guard it";
                    node.warn_with(
                        format!(
                            "the admin API has no authentication, and {ip} can be reached from elsewhere"
                        ),
                        hint,
                    );
                }
                ip
            }
            Err(_) => {
                node.error_with(format!("\"{text}\" is not an IP address"), "write for example 127.0.0.1");
                return None;
            }
        },
    };
    let Some(port) = socket.get("port_value") else {
        socket.node().error_with("the admin API has no port", "set \"port_value\"");
        return None;
    };
    Some(Admin { address: SocketAddr::new(ip, port_value(port)?) })
}

/// MOSN's own examples write the port as a number or as a string.
fn port_value(node: Node<'_>) -> Option<u16> {
    if node.kind() == Kind::Text {
        let port = node.text().parse().ok();
        if port.is_none() {
            node.error(format!(
                "\"{}\" is not a port from 0 to 65535",
                mecha_document::shortened(node.text())
            ));
        }
        return port;
    }
    node.whole(0, u16::MAX)
}
