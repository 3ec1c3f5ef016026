//! Providers as Dubbo writes them down: a URL for each, percent-encoded into the name of a node. What is asked of it and
//! what becomes of it does not depend on the registry.

use std::collections::BTreeMap;

use mecha_config::cluster::HostAddress;
use mecha_config::discovery::Discovery;
use mecha_config::{Host, Speaks};
use percent_encoding::percent_decode_str;

/// Dubbo's default weight (`constants.DEFAULT_WEIGHT`).
const USUAL_WEIGHT: u32 = 100;
/// The largest weight of a host.
const MOST_WEIGHT: u32 = 128;
/// Longest URL that is read: more is no provider.
const LONGEST: usize = 16 << 10;

/// The host that a provider's encoded URL describes; `None` when it is not one of those wanted: another protocol, group
/// or version, switched off, or no URL at all.
pub(super) fn host(encoded: &str, wanted: &Discovery, speaks: Option<Speaks>) -> Option<Host> {
    if encoded.len() > LONGEST {
        return None;
    }
    let url = percent_decode_str(encoded).decode_utf8().ok()?;
    let (scheme, rest) = url.split_once("://")?;
    if scheme != scheme_of(speaks) {
        return None;
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    // A user may stand before the address.
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let parameters: BTreeMap<String, String> = query.split('&').filter_map(parameter).collect();
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let is = |wanted: &Option<String>, name| {
        wanted.as_deref().is_none_or(|wanted| wanted == get(name).unwrap_or_default())
    };
    let off = get("disabled") == Some("true") || get("enabled") == Some("false");
    if off || !is(&wanted.group, "group") || !is(&wanted.version, "version") {
        return None;
    }
    let weight = get("weight").and_then(|weight| weight.parse().ok()).unwrap_or(USUAL_WEIGHT);
    // A provider of weight zero takes no requests.
    if weight == 0 {
        return None;
    }
    Some(Host {
        address: address(authority)?,
        hostname: String::new(),
        weight: weight.min(MOST_WEIGHT),
        metadata: parameters,
    })
}

/// What providers of this protocol are called.
fn scheme_of(speaks: Option<Speaks>) -> &'static str {
    match speaks {
        Some(Speaks::Http2) => "tri",
        Some(Speaks::Http1) => "rest",
        Some(Speaks::Bolt | Speaks::BoltV2) => "bolt",
        Some(Speaks::Tars) => "tars",
        Some(Speaks::DubboThrift) => "thrift",
        Some(Speaks::Dubbo | Speaks::Dapr) | None => "dubbo",
    }
}

fn parameter(pair: &str) -> Option<(String, String)> {
    let (name, value) = pair.split_once('=')?;
    // Values are encoded once more, inside the URL that is encoded as a whole.
    let text = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
    Some((text(name)?, text(value)?))
}

fn address(authority: &str) -> Option<HostAddress> {
    let (name, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    if let Ok(address) = authority.parse() {
        return Some(HostAddress::Tcp(address));
    }
    (!name.is_empty()).then(|| HostAddress::Name(name.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use mecha_config::discovery::{Registry, ZooKeeper};

    use super::*;

    fn wanted(group: Option<&str>, version: Option<&str>) -> Discovery {
        let registry =
            Registry::ZooKeeper(ZooKeeper { servers: String::new(), root: "dubbo".to_owned(), login: None });
        let own = |text: Option<&str>| text.map(str::to_owned);
        Discovery { registry, service: "a.B".to_owned(), group: own(group), version: own(version) }
    }

    const URL: &str = "dubbo%3A%2F%2F10.0.0.1%3A20880%2Fa.B%3Fapplication%3Dshop%26group%3Dblue%26version%3D1.0%26methods%3Dx%252Cy";

    #[test]
    fn a_provider_is_a_host_with_its_parameters() {
        let host = host(URL, &wanted(None, None), Some(Speaks::Dubbo)).unwrap();
        assert_eq!(host.address, HostAddress::Tcp("10.0.0.1:20880".parse().unwrap()));
        assert_eq!(host.weight, 100);
        assert_eq!(host.metadata["application"], "shop");
        assert_eq!(host.metadata["methods"], "x,y");
    }

    #[test]
    fn only_providers_that_are_wanted_are_hosts() {
        let fits = |group, version| host(URL, &wanted(group, version), None).is_some();
        assert!(fits(Some("blue"), Some("1.0")) && fits(None, Some("1.0")));
        assert!(!fits(Some("green"), None) && !fits(None, Some("2.0")));
        assert!(host(URL, &wanted(None, None), Some(Speaks::Http2)).is_none(), "another protocol");
        for url in [
            "dubbo://10.0.0.1:20880/a.B?disabled=true",
            "dubbo://10.0.0.1:20880/a.B?enabled=false",
            "dubbo://10.0.0.1:20880/a.B?weight=0",
            "dubbo://10.0.0.1:0/a.B",
            "dubbo://10.0.0.1/a.B",
            "dubbo://:20880/a.B",
            "tri://10.0.0.1:20880/a.B",
            "empty://0.0.0.0/a.B",
            "nothing",
            "",
        ] {
            assert!(host(url, &wanted(None, None), None).is_none(), "{url}");
        }
    }

    #[test]
    fn names_weights_and_old_addresses() {
        let host = |url| host(url, &wanted(None, None), None).unwrap();
        assert_eq!(host("dubbo://shop.test:1/a?weight=7").address, HostAddress::Name("shop.test".into(), 1));
        assert_eq!(host("dubbo://me@10.0.0.2:1/a?weight=500").weight, 128);
        let six = host("dubbo://[::1]:1/a").address;
        assert_eq!(six, HostAddress::Tcp("[::1]:1".parse().unwrap()));
    }
}
