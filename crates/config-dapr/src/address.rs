//! Listen addresses as flags name them, turned into socket addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use mecha_config::{Diagnostic, Diagnostics, Severity};

/// Lists the IPv6 addresses of the host; empty or absent when it has none.
const IPV6_ADDRESSES: &str = "/proc/net/if_inet6";

/// Everywhere: both address families through one socket where the host knows IPv6, as a Go program listens.
pub(crate) fn everywhere() -> IpAddr {
    let ipv6 = std::fs::read(Path::new(IPV6_ADDRESSES)).is_ok_and(|list| !list.is_empty());
    if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
}

/// The addresses of hosts (IP addresses or names; an empty one is everywhere) with a port. A name that can't be resolved
/// is an error of `flag`.
pub(crate) fn resolve<'h>(
    hosts: impl IntoIterator<Item = &'h str>,
    port: u16,
    flag: &str,
    found: &mut Diagnostics,
) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for host in hosts {
        match one(host.trim(), port) {
            Ok(address) if all.contains(&address) => {}
            Ok(address) => all.push(address),
            Err(why) => found.0.push(error(
                flag,
                format!("\"{host}\" is no address to listen on: {why}"),
                "give an IP address of this host",
            )),
        }
    }
    all
}

fn one(host: &str, port: u16) -> Result<SocketAddr, String> {
    if host.is_empty() {
        return Ok(SocketAddr::new(everywhere(), port));
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let mut addresses: Vec<SocketAddr> =
        (bare, port).to_socket_addrs().map_err(|error| error.to_string())?.collect();
    // The application's SDK dials 127.0.0.1 first.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.into_iter().next().ok_or_else(|| "the name has no address".to_owned())
}

/// An error in a flag or variable.
pub(crate) fn error(key: &str, message: String, hint: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        file: "".into(),
        line: 0,
        column: 0,
        key: key.to_owned(),
        message,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_taken_once_each() {
        let mut found = Diagnostics::default();
        let all = resolve(["127.0.0.1", "[::1]", "localhost", " 127.0.0.1"], 80, "--x", &mut found);
        assert_eq!(all, ["127.0.0.1:80".parse().unwrap(), "[::1]:80".parse().unwrap()]);
        assert_eq!(resolve([""], 80, "--x", &mut found), [SocketAddr::new(everywhere(), 80)]);
        assert_eq!(found.to_string(), "");
    }

    #[test]
    fn what_is_no_address_is_said() {
        let mut found = Diagnostics::default();
        assert!(resolve(["no such host"], 80, "--dapr-listen-addresses", &mut found).is_empty());
        let said = found.to_string();
        assert!(
            said.starts_with("error: --dapr-listen-addresses: \"no such host\" is no address to listen on: "),
            "{said}"
        );
        assert!(said.ends_with(" (give an IP address of this host)\n"), "{said}");
    }
}
