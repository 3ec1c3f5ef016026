//! Domains of virtual hosts: `host`, `host:port`, `host:*`, `*.suffix`, `*.suffix:port`, `*` (reference 1.7
//! rule 1). Services of RPC protocols are hosts too, and may have a version in the place of the port.

use mecha_document::{Node, shortened};

/// A domain in lower case, when it has one of the forms.
pub(super) fn domain(node: Node<'_>) -> Option<String> {
    let text = node.string()?;
    let domain = text.to_ascii_lowercase();
    let fault = if domain.is_empty() {
        Some("a domain can't be empty")
    } else if domain.contains(char::is_whitespace) || domain.contains('/') {
        Some("a domain is a host name with or without a port, nothing more")
    } else {
        let (host, port) = split(&domain);
        let star_inside = host.strip_prefix('*').unwrap_or(host).contains('*');
        let bad_port =
            port.is_some_and(|port| port != "*" && port.parse::<u16>().is_err() && !is_version(port));
        match (star_inside, bad_port, host.is_empty()) {
            (true, ..) => Some("a `*` can only stand first"),
            (_, true, _) => Some("the port must be a number, `*` or the version of a service"),
            (.., true) => Some("the host is missing"),
            _ => None,
        }
    };
    match fault {
        None => Some(domain),
        Some(fault) => {
            let hint =
                "write for example \"a.example.com\", \"*.example.com\", \"a.example.com:8080\" or \"*\"";
            node.error_with(format!("\"{}\": {fault}", shortened(text)), hint);
            None
        }
    }
}

/// As in `com.example.Service:1.0`.
fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.')
}

/// Host and port; a bare IPv6 address has none.
fn split(domain: &str) -> (&str, Option<&str>) {
    match domain.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    }
}
