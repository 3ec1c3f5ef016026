//! The answer: the way of the request through each listener, as JSON.

use std::sync::Arc;

use mecha_base::duration;
use mecha_base::names::nearest;
use mecha_cluster::{Cluster, ClusterSet, Host};
use mecha_config::{Config, HttpProxy, Listener, NetworkFilter, Protocols};
use mecha_http::RequestHead;
use mecha_resilience::Timeouts;
use mecha_resilience::retry::LEAST_RETRIES;
use mecha_route::explain::Trial;
use mecha_route::{ForwardPlan, RouteAction, RouteEntry, RouteTable, Vars};
use serde_json::{Value, json};

use crate::context::Live;

/// Listeners take cleartext only.
const SCHEME: &str = "http";

/// Explains one request.
pub(super) struct Explainer<'a> {
    pub(super) live: &'a dyn Live,
    pub(super) clusters: Arc<ClusterSet>,
    pub(super) head: &'a RequestHead,
}

impl Explainer<'_> {
    /// The way through each listener that takes requests, or through the one that is named.
    pub(super) fn listeners(&self, config: &Config, only: Option<&str>) -> Result<Vec<Value>, String> {
        let http = config.listeners.iter().filter_map(|listener| Some((listener, proxy(listener)?)));
        let Some(name) = only else {
            let meant = http.filter(|(_, proxy)| self.may_come_by(proxy));
            return Ok(meant.map(|(listener, proxy)| self.listener(listener, proxy)).collect());
        };
        let Some(listener) = config.listeners.iter().find(|listener| listener.name == name) else {
            let near = nearest(name, config.listeners.iter().map(|listener| listener.name.as_str()));
            let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            return Err(format!("there is no listener \"{name}\"{hint}"));
        };
        match proxy(listener) {
            Some(proxy) if !self.may_come_by(proxy) => {
                let served = protocols(&proxy.downstream).join(", ");
                Err(format!("the listener \"{name}\" serves {served}, and no such request comes by it"))
            }
            Some(proxy) => Ok(vec![self.listener(listener, proxy)]),
            None => Err(format!("the listener \"{name}\" passes bytes on and knows no requests")),
        }
    }

    /// Whether the listener serves requests of this kind.
    fn may_come_by(&self, proxy: &HttpProxy) -> bool {
        let served = match &proxy.downstream {
            Protocols::One(one) => std::slice::from_ref(one),
            Protocols::Detect(several) => several,
        };
        served.iter().any(|protocol| protocol.is_rpc() == self.head.rpc.is_some())
    }

    fn listener(&self, listener: &Listener, proxy: &HttpProxy) -> Value {
        let mut out = json!({
            "listener": listener.name,
            "address": listener.address.to_string(),
            "protocols": protocols(&proxy.downstream),
            "router": proxy.router,
        });
        let routed = match self.live.router(&proxy.router) {
            Some(table) => self.table(&table),
            None => ended(404, &format!("there is no router \"{}\"", proxy.router)),
        };
        merge(&mut out, routed);
        out
    }

    fn table(&self, table: &RouteTable) -> Value {
        let explained = table.explain(self.head);
        let Some(host) = explained.virtual_host else {
            return ended(404, &format!("no virtual host has a domain for \"{}\"", self.head.authority));
        };
        let mut out = json!({
            "virtual_host": { "name": host.name, "domain": host.domain, "why": host.why.to_string() },
            "routes_tried": explained.trials.iter().map(trial).collect::<Vec<_>>(),
        });
        let routed = match &explained.route {
            None => ended(404, "no route of the virtual host matches"),
            Some(route) => {
                let mut matched = json!({ "route": route.number });
                merge(&mut matched, self.action(route));
                matched
            }
        };
        merge(&mut out, routed);
        out
    }

    fn action(&self, route: &RouteEntry) -> Value {
        match &route.action {
            RouteAction::Forward(plan) => self.forward(route, plan),
            RouteAction::Direct(reply) => json!({
                "action": "direct_response",
                "status": reply.status.as_u16(),
                "body": String::from_utf8_lossy(&reply.body),
                "outcome": format!("answered {} by the proxy itself", reply.status.as_u16()),
            }),
            RouteAction::Redirect(redirect) => {
                let location = redirect.location(self.head, SCHEME);
                json!({
                    "action": "redirect",
                    "status": redirect.status.as_u16(),
                    "location": location,
                    "outcome": format!("answered {}: go to {location}", redirect.status.as_u16()),
                })
            }
        }
    }

    fn forward(&self, route: &RouteEntry, plan: &ForwardPlan) -> Value {
        let mut sent = self.head.clone();
        route.rewrite_request(&mut sent, &Vars { scheme: SCHEME, ..Vars::default() });
        let timeouts = Timeouts::resolve(plan.timeout, plan.retry.try_timeout, self.head);
        let mut choices: Vec<_> = plan.clusters().map(|(name, weight)| (&**name, weight)).collect();
        if let Some(header) = plan.cluster_header() {
            choices.push((self.head.headers.get_str(header).unwrap_or_default(), 1));
        }
        let total: u64 = choices.iter().map(|(_, weight)| weight).sum();
        let clusters = choices.iter().map(|(name, weight)| {
            let mut out = json!({ "cluster": name, "weight": weight, "of": total });
            merge(
                &mut out,
                self.clusters.get(name).map_or_else(|| json!({ "exists": false }), |known| cluster(known)),
            );
            out
        });
        json!({
            "action": "forward",
            "upstream_request": {
                "authority": if plan.follows_host() { "the chosen host's name" } else { &*sent.authority },
                "target": &*sent.target,
            },
            "upstream_protocol": plan.upstream_protocol.map(|protocol| protocol.name()),
            "cluster_header": plan.cluster_header(),
            "clusters": clusters.collect::<Vec<_>>(),
            "timeout": {
                "global": duration::to_text(timeouts.global),
                "covers": if timeouts.explicit { "the whole response" } else { "until the response head" },
                "per_try": timeouts.per_try.map(duration::to_text),
            },
            "retry": retry(plan),
            "outcome": self.outcome(&choices),
        })
    }

    /// In one sentence what happens.
    fn outcome(&self, choices: &[(&str, u64)]) -> String {
        let each = choices.iter().map(|(name, _)| match self.clusters.get(name) {
            None => format!("404: there is no cluster \"{name}\""),
            Some(cluster) if cluster.hosts().is_empty() => format!("503: cluster \"{name}\" has no hosts"),
            Some(cluster) if !cluster.hosts().iter().any(|host| host.is_healthy()) => {
                format!("503: no host of cluster \"{name}\" is healthy")
            }
            Some(_) => format!("sent to cluster \"{name}\""),
        });
        each.collect::<Vec<_>>().join(", or ")
    }
}

/// The filter of a listener that takes requests.
fn proxy(listener: &Listener) -> Option<&HttpProxy> {
    listener.chain.filters.iter().find_map(|filter| match filter {
        NetworkFilter::Http(proxy) => Some(proxy),
        NetworkFilter::Tcp(_) => None,
    })
}

fn protocols(protocols: &Protocols) -> Vec<&'static str> {
    match protocols {
        Protocols::One(one) => vec![one.name()],
        Protocols::Detect(several) => several.iter().map(|one| one.name()).collect(),
    }
}

fn trial(trial: &Trial) -> Value {
    let mut out =
        json!({ "route": trial.number, "condition": trial.condition, "matched": trial.mismatch.is_none() });
    if let Some(why) = &trial.mismatch {
        merge(&mut out, json!({ "why_not": why }));
    }
    out
}

fn cluster(cluster: &Cluster) -> Value {
    json!({
        "exists": true,
        "type": &*cluster.kind,
        "lb": cluster.lb.name(),
        "upstream_protocol": cluster.speaks.map(mecha_cluster::Speaks::name),
        "connect_timeout": duration::to_text(cluster.connect_timeout),
        "hosts": cluster.hosts().iter().map(|known| host(known)).collect::<Vec<_>>(),
    })
}

fn host(host: &Host) -> Value {
    json!({
        "address": &*host.name,
        "healthy": host.is_healthy(),
        "weight": host.weight,
        "active_requests": host.active_requests(),
        "connections": host.connections(),
    })
}

fn retry(plan: &ForwardPlan) -> Value {
    let codes = &plan.retry.status_codes;
    let on = match (plan.retry.on_failure, codes.is_empty()) {
        (false, _) => "failed connections",
        (true, true) => "failed connections, resets, tries that time out, statuses of 500 and above",
        (true, false) => "failed connections, resets, tries that time out, these statuses",
    };
    let mut out = json!({ "retries": plan.retry.retries.max(LEAST_RETRIES), "on": on });
    if plan.retry.on_failure && !codes.is_empty() {
        merge(&mut out, json!({ "status_codes": codes }));
    }
    out
}

/// The way ends here.
fn ended(status: u16, why: &str) -> Value {
    json!({ "action": "none", "outcome": format!("answered {status}: {why}") })
}

/// Adds the entries of one object to another.
fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
