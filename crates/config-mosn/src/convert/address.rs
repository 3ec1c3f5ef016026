//! Addresses as MOSN writes them: `ip:port`, `name:port`, `:port`, `unix:path`, and of a host also `/path`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use mecha_config::ListenerAddress;
use mecha_config::cluster::HostAddress;
use mecha_document::{Node, shortened};

const UNIX: &str = "unix:";

/// Where a listener listens. An empty host is every IPv4 address of the machine.
pub(super) fn listener(node: Node<'_>, text: &str, unix: bool) -> Option<ListenerAddress> {
    if let Some(path) = text.strip_prefix(UNIX).or(unix.then_some(text)) {
        return Some(ListenerAddress::Unix(PathBuf::from(path)));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(ListenerAddress::Tcp(address));
    }
    let ip = match text.rsplit_once(':') {
        Some(("", _)) => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        Some(("localhost", _)) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => None,
    };
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if let (Some(ip), Some(port)) = (ip, port) {
        return Some(ListenerAddress::Tcp(SocketAddr::new(ip, port)));
    }
    let hint = "write ip:port, for example 127.0.0.1:2045, or unix:/path";
    node.error_with(format!("\"{}\" is not an address to listen on", shortened(text)), hint);
    None
}

/// Where a host is.
pub(super) fn host(node: Node<'_>, text: &str) -> Option<HostAddress> {
    let path = text.strip_prefix(UNIX).filter(|path| !path.is_empty());
    if let Some(path) = path.or(Some(text).filter(|text| text.starts_with('/'))) {
        return Some(HostAddress::Unix(PathBuf::from(path)));
    }
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => Some(HostAddress::Tcp(address)),
        Err(_) => text.rsplit_once(':').and_then(|(name, port)| {
            let port = port.parse::<u16>().ok()?;
            is_name(name).then(|| HostAddress::Name(name.to_owned(), port))
        }),
    };
    let usable = match &address {
        Some(HostAddress::Tcp(address)) => address.port() != 0,
        Some(HostAddress::Name(_, port)) => *port != 0,
        _ => false,
    };
    if !usable {
        let hint = "write ip:port, name:port or unix:/path";
        node.error_with(format!("\"{}\" is not the address of a host", shortened(text)), hint);
        return None;
    }
    address
}

/// Whether a text can be looked up: letters, digits, `-`, `_` and dots (RFC 1123 section 2.1, and `_` which
/// service names hold in practice).
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 253 && name.bytes().all(fits) && !name.starts_with('.')
}
