//! What this machine is called and by which address others reach it.

use std::net::{IpAddr, Ipv4Addr};

/// Its name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The first address that is no loopback one, where the configuration gives none; IPv4 before IPv6.
pub(crate) fn host_address(given: Option<IpAddr>) -> IpAddr {
    if let Some(given) = given {
        return given;
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let all = || interfaces.iter().filter(|interface| !interface.is_loopback()).map(if_addrs::Interface::ip);
    all().find(IpAddr::is_ipv4).or_else(|| all().next()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
