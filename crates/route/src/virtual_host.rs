//! The routes of some domains, and the choice among them.

use std::sync::Arc;

use mecha_config::route::VirtualHost;
use mecha_http::RequestHead;

use crate::entry::{Building, RouteEntry, settings};
use crate::index::Index;
use crate::rules::Rules;

/// With fewer routes than this, asking all of them is faster than an index.
const INDEXED_FROM: usize = 9;

/// A virtual host as it runs.
#[derive(Debug)]
pub struct VirtualHostEntry {
    /// Shown by explain and in logs.
    pub name: Arc<str>,
    /// Its domains, as the model writes them.
    pub domains: Box<[Box<str>]>,
    routes: Box<[Arc<RouteEntry>]>,
    index: Option<Index>,
}

impl VirtualHostEntry {
    pub(crate) fn build(host: &VirtualHost, building: &mut Building) -> Self {
        building.host_rules = Rules::build(&host.headers).map(Arc::new);
        let above = building.filters.clone();
        building.filters = settings(&host.filters, above.as_ref());
        let route = |(number, route)| Arc::new(RouteEntry::build(number, route, building));
        let routes: Box<[_]> = (0..).zip(&host.routes).map(route).collect();
        building.filters = above;
        let index = (routes.len() >= INDEXED_FROM).then(|| {
            let matchers: Vec<_> = routes.iter().map(|route| route.matcher()).collect();
            Index::build(&matchers)
        });
        VirtualHostEntry {
            name: host.name.as_str().into(),
            domains: host.domains.iter().map(|domain| domain.as_str().into()).collect(),
            routes,
            index,
        }
    }

    /// Its routes, in configuration order.
    pub fn routes(&self) -> &[Arc<RouteEntry>] {
        &self.routes
    }

    /// The first route that matches (reference 1.7 rule 2).
    #[inline]
    pub fn resolve(&self, head: &RequestHead) -> Option<&Arc<RouteEntry>> {
        let path = head.path();
        let fits = |route: &RouteEntry, known: bool| {
            let matcher = route.matcher();
            (known || matcher.path.matches(path)) && matcher.refuses(head).is_none()
        };
        match &self.index {
            None => self.routes.iter().find(|route| fits(route, false)),
            Some(index) => {
                let accept = |number: u32, known| {
                    self.routes.get(number as usize).is_some_and(|route| fits(route, known))
                };
                index.first(path, head, accept).and_then(|number| self.routes.get(number as usize))
            }
        }
    }
}
