//! What this machine is called and by which address others reach it.

use std::net::{IpAddr, Ipv4Addr};

/// Its name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// `DAPR_HOST_IP`, else the first address that is no loopback one; IPv4 before IPv6.
pub(crate) fn host_address() -> IpAddr {
    if let Some(given) = std::env::var("DAPR_HOST_IP").ok().and_then(|text| text.parse().ok()) {
        return given;
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let all = || interfaces.iter().filter(|interface| !interface.is_loopback()).map(if_addrs::Interface::ip);
    all().find(IpAddr::is_ipv4).or_else(|| all().next()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
