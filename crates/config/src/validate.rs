//! Checks that hold whatever the front end: names that must be unique, references that must resolve.
//! Pure; every finding at once. Front ends attach file and line through [`Locate`].

mod protocols;

use std::collections::{HashMap, HashSet};

use mecha_base::names::nearest;

use crate::cluster::Speaks;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::listener::NetworkFilter;
use crate::proxy::{HttpProxy, TcpProxy};
use crate::route::{Action, Forward, Target};
use crate::{Config, Router};

/// What a finding is about, so that a front end can say where it stands in its own file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The listener of this name.
    Listener(&'a str),
    /// The route `route` of virtual host number `host` in the router of this name.
    Route {
        /// The router's name.
        router: &'a str,
        /// The virtual host's index.
        host: usize,
        /// The route's index.
        route: usize,
    },
    /// Virtual host number `host` of the router of this name.
    VirtualHost {
        /// The router's name.
        router: &'a str,
        /// Its index.
        host: usize,
    },
    /// The router of this name.
    Router(&'a str),
    /// The cluster of this name.
    Cluster(&'a str),
}

/// Fills in `file`, `line`, `column` and `key` of a finding.
pub trait Locate {
    /// Called once for each finding.
    fn locate(&self, subject: Subject<'_>, found: &mut Diagnostic);
}

/// Checks the whole model and adds what it finds to `out`.
pub fn check(config: &Config, place: &dyn Locate, out: &mut Diagnostics) {
    let mut checker = Checker {
        clusters: config.clusters.iter().map(|cluster| (cluster.name.as_str(), cluster.speaks)).collect(),
        routers: config.routers.iter().map(|router| router.name.as_str()).collect(),
        place,
        out,
    };
    checker.listeners(config);
    for router in &config.routers {
        checker.router(router);
        checker.protocols(config, router);
    }
    checker.unique(config.routers.iter().map(|router| router.name.as_str()), "router", Subject::Router);
    checker.unique(config.clusters.iter().map(|cluster| cluster.name.as_str()), "cluster", Subject::Cluster);
    for cluster in
        config.clusters.iter().filter(|cluster| cluster.hosts.is_empty() && cluster.discovery.is_none())
    {
        let message = format!("cluster \"{}\" has no hosts; every request to it answers 503", cluster.name);
        checker.add(Severity::Warning, Subject::Cluster(&cluster.name), message, None);
    }
    for cluster in &config.clusters {
        checker.pool(cluster);
    }
}

struct Checker<'a> {
    /// With what they speak.
    clusters: HashMap<&'a str, Option<Speaks>>,
    routers: HashSet<&'a str>,
    place: &'a dyn Locate,
    out: &'a mut Diagnostics,
}

impl<'a> Checker<'a> {
    fn add(&mut self, severity: Severity, subject: Subject<'_>, message: String, hint: Option<String>) {
        let mut found =
            Diagnostic { severity, file: "".into(), line: 0, column: 0, key: String::new(), message, hint };
        self.place.locate(subject, &mut found);
        self.out.0.push(found);
    }

    fn unique(
        &mut self,
        names: impl Iterator<Item = &'a str>,
        what: &str,
        subject: fn(&'a str) -> Subject<'a>,
    ) {
        let mut seen = HashSet::new();
        for name in names {
            if !seen.insert(name) {
                self.add(
                    Severity::Error,
                    subject(name),
                    format!("there is more than one {what} named \"{name}\""),
                    Some("give each its own name".to_owned()),
                );
            }
        }
    }

    fn listeners(&mut self, config: &'a Config) {
        self.unique(config.listeners.iter().map(|l| l.name.as_str()), "listener", Subject::Listener);
        let mut addresses = HashSet::new();
        for listener in &config.listeners {
            let subject = Subject::Listener(&listener.name);
            let any_port = matches!(&listener.address, crate::ListenerAddress::Tcp(a) if a.port() == 0);
            if listener.bind && !any_port && !addresses.insert(&listener.address) {
                let message = format!("another listener already has the address {}", listener.address);
                self.add(Severity::Error, subject, message, Some("give it an address of its own".to_owned()));
            }
            if listener.chain.filters.is_empty() {
                let message = "no filter would handle its connections".to_owned();
                let hint = "add a \"proxy\" or \"tcp_proxy\" filter".to_owned();
                self.add(Severity::Error, subject, message, Some(hint));
            }
            for filter in &listener.chain.filters {
                match filter {
                    NetworkFilter::Http(http) => self.http(subject, http),
                    NetworkFilter::Tcp(tcp) => self.tcp(subject, tcp),
                }
            }
        }
    }

    fn http(&mut self, subject: Subject<'_>, http: &HttpProxy) {
        if self.routers.contains(http.router.as_str()) {
            return;
        }
        let hint = nearest(&http.router, self.routers.iter().copied())
            .map(|near| format!("did you mean \"{near}\"?"));
        self.add(Severity::Error, subject, format!("there is no router named \"{}\"", http.router), hint);
    }

    fn tcp(&mut self, subject: Subject<'_>, tcp: &TcpProxy) {
        let named = tcp.cluster.iter().map(String::as_str);
        for name in named.chain(tcp.routes.iter().map(|route| route.cluster.as_str())) {
            self.cluster(Severity::Error, subject, name);
        }
        if tcp.cluster.is_none() && tcp.routes.is_empty() {
            let message = "tcp_proxy has neither a cluster nor routes".to_owned();
            self.add(Severity::Error, subject, message, Some("set \"cluster\"".to_owned()));
        }
    }

    fn cluster(&mut self, severity: Severity, subject: Subject<'_>, name: &str) {
        if self.clusters.contains_key(name) {
            return;
        }
        let hint =
            nearest(name, self.clusters.keys().copied()).map(|near| format!("did you mean \"{near}\"?"));
        self.add(severity, subject, format!("there is no cluster named \"{name}\""), hint);
    }

    fn router(&mut self, router: &Router) {
        let mut domains = HashSet::new();
        for (host, virtual_host) in router.virtual_hosts.iter().enumerate() {
            let subject = Subject::VirtualHost { router: &router.name, host };
            for domain in &virtual_host.domains {
                if !domains.insert(domain) {
                    let message = format!("the domain \"{domain}\" stands in more than one virtual host");
                    self.add(
                        Severity::Error,
                        subject,
                        message,
                        Some("a domain belongs to one only".to_owned()),
                    );
                }
            }
            for (route, entry) in virtual_host.routes.iter().enumerate() {
                if let Action::Forward(forward) = &entry.action {
                    self.forward(Subject::Route { router: &router.name, host, route }, forward);
                }
            }
        }
    }

    fn forward(&mut self, subject: Subject<'_>, forward: &Forward) {
        match &forward.target {
            // A cluster may arrive later (xDS), so a route to a missing one runs and answers 404 until then.
            Target::Cluster(name) => self.cluster(Severity::Warning, subject, name),
            // Who sends the request chooses.
            Target::Header(_) => {}
            Target::Weighted(choices) => {
                for choice in choices {
                    self.cluster(Severity::Warning, subject, &choice.name);
                }
                if choices.iter().all(|choice| choice.weight == 0) {
                    let message = "every weight is zero, so nothing can be chosen".to_owned();
                    self.add(
                        Severity::Error,
                        subject,
                        message,
                        Some("give one a weight above zero".to_owned()),
                    );
                }
            }
        }
    }
}
