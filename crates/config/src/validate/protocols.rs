//! Checks of what clients speak against what routes and clusters make of it: an RPC protocol has no redirects and no
//! paths, and one protocol becomes another only where a filter does it. All are warnings: what is odd may still change
//! while the process runs.

use super::{Checker, Subject};
use crate::cluster::{PoolMode, Speaks};
use crate::diagnostic::Severity;
use crate::filter::StreamFilter;
use crate::proxy::{HttpProxy, Protocol, Protocols};
use crate::route::{Action, Forward, PathMatch, Route, Router, Target};
use crate::runtime::{APP_DOOR, INVOKE_DOOR};
use crate::{Cluster, Config, Listener, NetworkFilter};

/// The path of every request of an RPC protocol.
const PATH: &str = "/";

/// A listener that takes requests.
struct Entrance<'a> {
    listener: &'a Listener,
    proxy: &'a HttpProxy,
}

impl Entrance<'_> {
    fn protocols(&self) -> &[Protocol] {
        match &self.proxy.downstream {
            Protocols::One(one) => std::slice::from_ref(one),
            Protocols::Detect(several) => several,
        }
    }

    fn serves_http(&self) -> bool {
        self.protocols().iter().any(|protocol| !protocol.is_rpc())
    }

    /// Whether what it serves can go to an upstream of this kind.
    fn reaches(&self, upstream: Speaks) -> bool {
        let converts =
            self.listener.stream_filters.iter().any(|filter| matches!(filter, StreamFilter::Transcoder(_)));
        // What the runtime sends through its own doors it converts itself.
        let own = [APP_DOOR, INVOKE_DOOR].contains(&self.listener.name.as_str());
        converts
            || own
            || self.protocols().iter().any(|protocol| family(protocol.name()) == family(upstream.name()))
    }
}

/// Protocols that become each other by themselves have one name here.
fn family(name: &'static str) -> &'static str {
    match name {
        "Http1" | "Http2" | "Dapr" => "HTTP",
        "bolt" | "boltv2" => "bolt",
        other => other,
    }
}

impl<'a> Checker<'a> {
    /// Checks the routes of a router against the listeners that use it.
    pub(super) fn protocols(&mut self, config: &'a Config, router: &'a Router) {
        let entrances: Vec<Entrance<'_>> = config.listeners.iter().filter_map(entrance).collect();
        let entrances: Vec<_> =
            entrances.into_iter().filter(|entrance| entrance.proxy.router == router.name).collect();
        // Without HTTP at any of them.
        let rpc_only = entrances.first().filter(|_| !entrances.iter().any(Entrance::serves_http));
        for (host, virtual_host) in router.virtual_hosts.iter().enumerate() {
            for (route, entry) in virtual_host.routes.iter().enumerate() {
                let subject = Subject::Route { router: &router.name, host, route };
                if let Some(entrance) = rpc_only {
                    self.rpc_route(subject, entrance, entry);
                }
                if let Action::Forward(forward) = &entry.action {
                    self.conversions(subject, &entrances, forward);
                }
            }
        }
    }

    fn rpc_route(&mut self, subject: Subject<'_>, entrance: &Entrance<'_>, route: &Route) {
        let listener = &entrance.listener.name;
        let fits = match &route.matcher.path {
            PathMatch::Any => true,
            PathMatch::Prefix(prefix) => PATH.starts_with(prefix.as_str()),
            PathMatch::Exact(path) => path == PATH,
            PathMatch::Regex(regex) => regex.is_match(PATH),
        };
        if !fits {
            let message =
                format!("this route is never chosen: a request of an RPC protocol has the path \"{PATH}\"");
            let hint = "match the headers \"service\" and \"method\"".to_owned();
            self.add(Severity::Warning, subject, message, Some(hint));
        }
        if matches!(route.action, Action::Redirect(_)) {
            let message = format!(
                "the listener \"{listener}\" serves no HTTP, and RPC protocols have no redirects: clients get an error"
            );
            self.add(
                Severity::Warning,
                subject,
                message,
                Some("give the route a \"cluster_name\"".to_owned()),
            );
        }
    }

    /// Warns when requests would have to change their protocol on the way and nothing does that.
    fn conversions(&mut self, subject: Subject<'_>, entrances: &[Entrance<'_>], forward: &Forward) {
        let names: Vec<&str> = match &forward.target {
            Target::Cluster(name) => vec![name],
            Target::Weighted(choices) => choices.iter().map(|choice| choice.name.as_str()).collect(),
            Target::Header(_) => Vec::new(),
        };
        let mut spoken: Vec<Speaks> =
            names.iter().filter_map(|name| self.clusters.get(name).copied().flatten()).collect();
        if spoken.is_empty() {
            let by_route = forward.upstream_protocol.map(Protocol::name);
            spoken.extend(Speaks::ALL.into_iter().filter(|speaks| Some(speaks.name()) == by_route));
        }
        for entrance in entrances {
            let Some(upstream) = spoken.iter().find(|upstream| !entrance.reaches(**upstream)) else {
                continue;
            };
            let served: Vec<&str> = entrance.protocols().iter().map(|protocol| protocol.name()).collect();
            let message = format!(
                "the listener \"{}\" serves {}, the upstream speaks {}, and nothing turns the one into the other",
                entrance.listener.name,
                served.join(", "),
                upstream.name(),
            );
            let hint = "add the stream filter \"transcoder\" to the listener".to_owned();
            self.add(Severity::Warning, subject, message, Some(hint));
        }
    }

    /// A pool mode where no RPC protocol is spoken.
    pub(super) fn pool(&mut self, cluster: &'a Cluster) {
        let Some(speaks) = cluster.speaks else { return };
        if cluster.pool == PoolMode::default() || family(speaks.name()) != "HTTP" {
            return;
        }
        let message = format!(
            "\"pool_mode\" of cluster \"{}\" has no effect: it speaks {}",
            cluster.name,
            speaks.name()
        );
        let hint = "pool modes are about RPC protocols".to_owned();
        self.add(Severity::Warning, Subject::Cluster(&cluster.name), message, Some(hint));
    }
}

fn entrance(listener: &Listener) -> Option<Entrance<'_>> {
    let proxy = listener.chain.filters.iter().find_map(|filter| match filter {
        NetworkFilter::Http(proxy) => Some(proxy),
        NetworkFilter::Tcp(_) => None,
    })?;
    Some(Entrance { listener, proxy })
}
