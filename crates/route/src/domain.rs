//! From the authority of a request to its virtual host, in MOSN's order (reference 1.7 rule 1): the host with its
//! port, the host with any port, the longest `*` suffix with that port, the longest with any port, the default. A
//! domain without a port stands for requests that name none.
//!
//! Of an RPC protocol the authority is the service. What stands behind its colon may be a version then (`a.B:1.0`): it is
//! equal to the domain's or it fits "any port".

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

/// Why a virtual host was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainMatch {
    /// There is only a default, so nothing was looked up.
    Only,
    /// Host and port are listed.
    Exact,
    /// The host is listed with any port.
    AnyPort,
    /// A suffix is listed with the port.
    Suffix,
    /// A suffix is listed with any port.
    SuffixAnyPort,
    /// Nothing else fits.
    Default,
}

impl fmt::Display for DomainMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DomainMatch::Only => "the only virtual host, and a default",
            DomainMatch::Exact => "host and port are equal",
            DomainMatch::AnyPort => "host is equal, any port",
            DomainMatch::Suffix => "longest suffix with this port",
            DomainMatch::SuffixAnyPort => "longest suffix with any port",
            DomainMatch::Default => "default: no other domain fits",
        })
    }
}

/// Where a domain stands in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The virtual host's number.
    pub(crate) host: u32,
    /// The domain's number within it.
    pub(crate) domain: u32,
}

/// Every domain of a table.
#[derive(Debug, Default)]
pub(crate) struct Domains {
    hosts: Names,
    suffixes: Names,
    /// Lengths of `suffixes`, longest first.
    lengths: Vec<usize>,
    default: Option<Place>,
}

type Names = HashMap<Box<[u8]>, SmallVec<[(Port, Place); 1]>, RandomState>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    None,
    Any,
    Number(u16),
    /// Text that is no port: a part of the name, or "any port" fits it.
    Odd,
}

impl Domains {
    /// Adds a domain as the model writes it. Of two that are equal the first one stays (validation refuses them).
    pub(crate) fn add(&mut self, domain: &str, place: Place) {
        let domain = domain.to_ascii_lowercase();
        let (host, port) = match split(domain.as_bytes()) {
            (_, Port::Odd) => (domain.as_bytes(), Port::None),
            parts => parts,
        };
        let names = match host.strip_prefix(b"*") {
            Some([]) if matches!(port, Port::Any | Port::None) => {
                self.default.get_or_insert(place);
                return;
            }
            Some(suffix) => {
                if !self.lengths.contains(&suffix.len()) {
                    self.lengths.push(suffix.len());
                    self.lengths.sort_unstable_by(|a, b| b.cmp(a));
                }
                self.suffixes.entry(suffix.into()).or_default()
            }
            None => self.hosts.entry(host.into()).or_default(),
        };
        if !names.iter().any(|(known, _)| *known == port) {
            names.push((port, place));
        }
    }

    /// The virtual host for an authority. A request without one gets the default.
    pub(crate) fn choose(&self, authority: &[u8]) -> Option<(Place, DomainMatch)> {
        if self.hosts.is_empty() && self.suffixes.is_empty() {
            return Some((self.default?, DomainMatch::Only));
        }
        // Most clients of HTTP write lower case; names of services cost a copy on the stack.
        if authority.iter().any(u8::is_ascii_uppercase) {
            let mut lower: SmallVec<[u8; 256]> = SmallVec::from_slice(authority);
            lower.make_ascii_lowercase();
            return self.look_up(&lower);
        }
        self.look_up(authority)
    }

    fn look_up(&self, authority: &[u8]) -> Option<(Place, DomainMatch)> {
        let (host, port) = split(authority);
        let odd = port == Port::Odd;
        let ports = self.hosts.get(host).map(|ports| &**ports).unwrap_or_default();
        let exact = match odd {
            true => self.hosts.get(authority).and_then(|whole| find(whole, Port::None)),
            false => find(ports, port),
        };
        let exact = exact.map(|place| (place, DomainMatch::Exact));
        let found = exact.or_else(|| find(ports, Port::Any).map(|place| (place, DomainMatch::AnyPort)));
        if found.is_some() {
            return found;
        }
        let mut any_port = None;
        let mut suffix = self.suffix(host, |ports| {
            any_port = any_port.or_else(|| find(ports, Port::Any));
            find(ports, port)
        });
        if odd {
            suffix = self.suffix(authority, |whole| find(whole, Port::None));
        }
        let suffix = suffix.map(|place| (place, DomainMatch::Suffix));
        suffix
            .or_else(|| any_port.map(|place| (place, DomainMatch::SuffixAnyPort)))
            .or_else(|| self.default.map(|place| (place, DomainMatch::Default)))
    }

    /// What `fits` makes of the suffixes that `host` ends in, longest first. The star stands for one character at least.
    fn suffix(&self, host: &[u8], mut fits: impl FnMut(&[(Port, Place)]) -> Option<Place>) -> Option<Place> {
        let listed = self.lengths.iter().filter_map(|length| {
            let at = host.len().checked_sub(*length).filter(|at| *at > 0)?;
            self.suffixes.get(host.get(at..)?)
        });
        listed.into_iter().find_map(|ports| fits(ports))
    }
}

fn find(ports: &[(Port, Place)], port: Port) -> Option<Place> {
    if port == Port::Odd {
        return None;
    }
    ports.iter().find(|(known, _)| *known == port).map(|(_, place)| *place)
}

/// Host and port of an authority or domain; brackets of an IPv6 address are taken off (RFC 3986 section 3.2.2).
fn split(authority: &[u8]) -> (&[u8], Port) {
    if let Some(rest) = authority.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return (authority, Port::None) };
        let (host, rest) = rest.split_at(end);
        let port = match rest.strip_prefix(b"]:") {
            Some(text) => port(text),
            None => Port::None,
        };
        return (host, port);
    }
    let mut parts = authority.splitn(3, |byte| *byte == b':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(host), Some(text), None) => (host, port(text)),
        (Some(service), Some(_), Some(_)) if !is_address(authority) => (service, Port::Odd),
        // No port, or an IPv6 address without brackets.
        _ => (authority, Port::None),
    }
}

/// Whether this is an IPv6 address, with a zone or without.
fn is_address(authority: &[u8]) -> bool {
    let address = authority.split(|byte| *byte == b'%').next().unwrap_or_default();
    std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn port(text: &[u8]) -> Port {
    match text {
        b"" => Port::None,
        b"*" => Port::Any,
        text => match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
            Some(number) => Port::Number(number),
            None => Port::Odd,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(listed: &[&str]) -> Domains {
        let mut domains = Domains::default();
        for (host, domain) in listed.iter().enumerate() {
            domains.add(domain, Place { host: host as u32, domain: 0 });
        }
        domains
    }

    #[test]
    fn the_order_of_domains_is_mosns() {
        let listed = [
            "*",
            "a.test",
            "a.test:8080",
            "a.test:*",
            "*.test",
            "*.test:8080",
            "*.b.test:*",
            "*.c.b.test:*",
            "[::1]:80",
            "[fe80::1]:*",
            "*:9000",
            "b.test:8080",
        ];
        let domains = domains(&listed);
        let cases = [
            ("a.test", "a.test", DomainMatch::Exact),
            ("A.TEST", "a.test", DomainMatch::Exact),
            ("a.test:8080", "a.test:8080", DomainMatch::Exact),
            ("a.test:81", "a.test:*", DomainMatch::AnyPort),
            ("a.test:junk", "a.test:*", DomainMatch::AnyPort),
            ("x.test", "*.test", DomainMatch::Suffix),
            ("X.Test:8080", "*.test:8080", DomainMatch::Suffix),
            // A listed port outranks a longer suffix with any port.
            ("x.b.test:8080", "*.test:8080", DomainMatch::Suffix),
            ("x.b.test:81", "*.b.test:*", DomainMatch::SuffixAnyPort),
            ("x.c.b.test:81", "*.c.b.test:*", DomainMatch::SuffixAnyPort),
            ("b.test:8080", "b.test:8080", DomainMatch::Exact),
            ("x.test:81", "*", DomainMatch::Default),
            (".test", "*", DomainMatch::Default),
            ("other", "*", DomainMatch::Default),
            ("other:9000", "*:9000", DomainMatch::Suffix),
            ("[::1]:80", "[::1]:80", DomainMatch::Exact),
            ("[::1]", "*", DomainMatch::Default),
            ("[FE80::1]:4", "[fe80::1]:*", DomainMatch::AnyPort),
            ("[fe80::1]", "[fe80::1]:*", DomainMatch::AnyPort),
            ("[::1", "*", DomainMatch::Default),
            ("", "*", DomainMatch::Default),
        ];
        for (authority, domain, why) in cases {
            let (place, found) = domains.choose(authority.as_bytes()).unwrap();
            assert_eq!((listed[place.host as usize], found), (domain, why), "{authority}");
        }
    }

    #[test]
    fn services_have_capital_letters_and_versions() {
        let listed = [
            "*",
            "com.shop.Orders",
            "com.shop.Orders:1.0",
            "com.shop.Orders:2",
            "com.shop.Stock:*",
            "*.Users:1.0",
            "*.Users",
            "com.shop.Cart:1.0:blue",
            "*.pay.Service:*",
            "fe80::1",
        ];
        let domains = domains(&listed);
        let cases = [
            ("com.shop.Orders", "com.shop.Orders", DomainMatch::Exact),
            ("COM.shop.orders", "com.shop.Orders", DomainMatch::Exact),
            ("com.shop.Orders:1.0", "com.shop.Orders:1.0", DomainMatch::Exact),
            ("com.shop.Orders:2", "com.shop.Orders:2", DomainMatch::Exact),
            ("com.shop.Orders:3.0", "*", DomainMatch::Default),
            ("com.shop.Stock:1.0", "com.shop.Stock:*", DomainMatch::AnyPort),
            ("com.shop.Stock:1.0:blue", "com.shop.Stock:*", DomainMatch::AnyPort),
            ("com.shop.Users:1.0", "*.Users:1.0", DomainMatch::Suffix),
            ("com.shop.Users", "*.Users", DomainMatch::Suffix),
            ("com.shop.Users:2.0", "*", DomainMatch::Default),
            ("com.shop.Cart:1.0:Blue", "com.shop.Cart:1.0:blue", DomainMatch::Exact),
            ("com.shop.Cart:1.0:red", "*", DomainMatch::Default),
            ("com.pay.Service:1.0.0", "*.pay.Service:*", DomainMatch::SuffixAnyPort),
            ("FE80::1", "fe80::1", DomainMatch::Exact),
            ("fe80::1%eth0", "*", DomainMatch::Default),
        ];
        for (authority, domain, why) in cases {
            let (place, found) = domains.choose(authority.as_bytes()).unwrap();
            assert_eq!((listed[place.host as usize], found), (domain, why), "{authority}");
        }
    }

    #[test]
    fn a_default_alone_takes_everything_and_without_one_strangers_have_no_host() {
        let (place, why) = domains(&["*"]).choose(b"").unwrap();
        assert_eq!((place.host, why), (0, DomainMatch::Only));
        assert!(domains(&["*:*"]).choose(b"x:1").is_some());
        assert!(domains(&["a.test"]).choose(b"a.test:80").is_none());
        assert!(domains(&["a.test"]).choose(b"").is_none());
        assert!(domains(&[]).choose(b"a").is_none());
    }

    #[test]
    fn long_authorities_are_compared_like_others() {
        let domains = domains(&["*.test:*"]);
        let long = format!("{}.TEST:1", "X".repeat(5_000));
        assert_eq!(domains.choose(long.as_bytes()).unwrap().1, DomainMatch::SuffixAnyPort);
    }
}
