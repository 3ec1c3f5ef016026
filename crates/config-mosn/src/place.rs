//! Where each part of the model stands in the files, for the checks that are made on the model. Routes are
//! many, so theirs is only a line, a column and a number.

use std::collections::HashMap;
use std::sync::Arc;

use mecha_config::Diagnostic;
use mecha_config::validate::{Locate, Subject};
use mecha_document::Node;

/// Where something stands.
#[derive(Clone)]
pub(crate) struct Place {
    file: Arc<str>,
    line: u32,
    column: u32,
    key: String,
}

/// A route's line and column, and its number within its virtual host.
pub(crate) struct RoutePlace {
    line: u32,
    column: u32,
    number: usize,
}

/// A virtual host and its routes.
pub(crate) struct HostPlace {
    place: Place,
    routes: Vec<RoutePlace>,
}

/// A router and its virtual hosts.
pub(crate) struct RouterPlace {
    place: Place,
    hosts: Vec<HostPlace>,
}

/// All places of a load, by name.
#[derive(Default)]
pub(crate) struct Places {
    listeners: HashMap<String, Place>,
    clusters: HashMap<String, Place>,
    routers: HashMap<String, RouterPlace>,
}

impl Place {
    /// The place of a node.
    pub(crate) fn of(node: Node<'_>) -> Place {
        Place { file: node.file(), line: node.line(), column: node.column(), key: node.path() }
    }

    fn put(&self, found: &mut Diagnostic) {
        found.file = self.file.clone();
        found.line = self.line;
        found.column = self.column;
        found.key.clone_from(&self.key);
    }
}

impl HostPlace {
    /// A virtual host without routes yet.
    pub(crate) fn of(node: Node<'_>) -> HostPlace {
        HostPlace { place: Place::of(node), routes: Vec::new() }
    }

    /// Adds the next route of the model, which is number `number` in the file.
    pub(crate) fn add_route(&mut self, node: Node<'_>, number: usize) {
        self.routes.push(RoutePlace { line: node.line(), column: node.column(), number });
    }
}

impl RouterPlace {
    /// A router with its virtual hosts in the model's order.
    pub(crate) fn new(node: Node<'_>, hosts: Vec<HostPlace>) -> RouterPlace {
        RouterPlace { place: Place::of(node), hosts }
    }
}

impl Places {
    /// Remembers a listener.
    pub(crate) fn listener(&mut self, name: &str, node: Node<'_>) {
        self.listeners.insert(name.to_owned(), Place::of(node));
    }

    /// Remembers a cluster.
    pub(crate) fn cluster(&mut self, name: &str, node: Node<'_>) {
        self.clusters.insert(name.to_owned(), Place::of(node));
    }

    /// Remembers a router.
    pub(crate) fn router(&mut self, name: &str, place: RouterPlace) {
        self.routers.insert(name.to_owned(), place);
    }

    fn host(&self, router: &str, host: usize) -> Option<&HostPlace> {
        self.routers.get(router)?.hosts.get(host)
    }
}

impl Locate for Places {
    fn locate(&self, subject: Subject<'_>, found: &mut Diagnostic) {
        let place = match subject {
            Subject::Listener(name) => self.listeners.get(name),
            Subject::Cluster(name) => self.clusters.get(name),
            Subject::Router(name) => self.routers.get(name).map(|router| &router.place),
            Subject::VirtualHost { router, host } | Subject::Route { router, host, .. } => {
                self.host(router, host).map(|host| &host.place)
            }
        };
        if let Some(place) = place {
            place.put(found);
        }
        let Subject::Route { router, host, route } = subject else { return };
        if let Some(route) = self.host(router, host).and_then(|host| host.routes.get(route)) {
            found.line = route.line;
            found.column = route.column;
            let dot = if found.key.is_empty() { "" } else { "." };
            found.key.push_str(&format!("{dot}routers[{}]", route.number));
        }
    }
}
