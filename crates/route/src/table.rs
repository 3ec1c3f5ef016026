//! The route table: what a `proxy` filter asks for each request.

use std::sync::Arc;

use mecha_config::route::Router;
use mecha_http::RequestHead;

use crate::domain::{DomainMatch, Domains, Place};
use crate::entry::{Building, RouteEntry, settings};
use crate::rules::Rules;
use crate::virtual_host::VirtualHostEntry;

/// The virtual hosts and routes of one router.
#[derive(Debug)]
pub struct RouteTable {
    name: Arc<str>,
    domains: Domains,
    hosts: Box<[VirtualHostEntry]>,
}

/// Where a request belongs.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'a> {
    /// Its virtual host.
    pub virtual_host: &'a VirtualHostEntry,
    /// The route that matched.
    pub route: &'a Arc<RouteEntry>,
}

impl RouteTable {
    /// Builds the table of a validated router.
    pub fn build(router: &Router) -> RouteTable {
        let mut building = Building::default();
        building.router_rules = Rules::build(&router.headers).map(Arc::new);
        building.filters = settings(&router.filters, None);
        let mut domains = Domains::default();
        for (host, virtual_host) in (0..).zip(&router.virtual_hosts) {
            for (domain, text) in (0..).zip(&virtual_host.domains) {
                domains.add(text, Place { host, domain });
            }
        }
        let hosts =
            router.virtual_hosts.iter().map(|host| VirtualHostEntry::build(host, &mut building)).collect();
        RouteTable { name: router.name.as_str().into(), domains, hosts }
    }

    /// The router's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its virtual hosts, in configuration order.
    pub fn virtual_hosts(&self) -> &[VirtualHostEntry] {
        &self.hosts
    }

    /// Where the request belongs; `None` when no domain or no route matches.
    #[inline]
    pub fn resolve(&self, head: &RequestHead) -> Option<Matched<'_>> {
        let (virtual_host, _, _) = self.virtual_host(head)?;
        let route = virtual_host.resolve(head)?;
        Some(Matched { virtual_host, route })
    }

    /// The virtual host, why it was chosen, and the domain that matched.
    #[inline]
    pub(crate) fn virtual_host(&self, head: &RequestHead) -> Option<(&VirtualHostEntry, DomainMatch, &str)> {
        let (place, why) = self.domains.choose(head.authority.as_bytes())?;
        let host = self.hosts.get(place.host as usize)?;
        let domain = host.domains.get(place.domain as usize)?;
        Some((host, why, domain))
    }
}

#[cfg(test)]
pub(crate) mod tests;
