//! Routers, virtual hosts and routes (reference 1.7).

use mecha_base::duration;
use mecha_config::route::{
    Forward, HashPolicy, HeaderAdd, HeaderMatch, HeaderRules, PathMatch, Redirect, RetryPolicy, RouteMatch,
    Target, ValueMatch,
};
use mecha_config::{Action, Route, Router, VirtualHost};
use serde_json::{Map, Value, json};

use super::{filter, put};

pub(super) fn router(router: &Router) -> Value {
    let mut out = Map::new();
    put(&mut out, "router_config_name", Some(router.name.as_str()));
    rules(&router.headers, &mut out);
    let hosts: Vec<Value> = router.virtual_hosts.iter().map(virtual_host).collect();
    put(&mut out, "virtual_hosts", Some(hosts));
    put(&mut out, "per_filter_config", filter::per_place(&router.filters));
    Value::Object(out)
}

fn virtual_host(host: &VirtualHost) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", Some(host.name.as_str()));
    put(&mut out, "domains", Some(host.domains.clone()));
    rules(&host.headers, &mut out);
    let routes: Vec<Value> = host.routes.iter().map(route).collect();
    put(&mut out, "routers", Some(routes));
    put(&mut out, "per_filter_config", filter::per_place(&host.filters));
    Value::Object(out)
}

fn route(route: &Route) -> Value {
    let (key, action) = match &route.action {
        Action::Forward(forward) => ("route", self::forward(forward)),
        Action::Direct(direct) => {
            ("direct_response", json!({ "status": direct.status, "body": direct.body }))
        }
        Action::Redirect(redirect) => ("redirect", self::redirect(redirect)),
    };
    let mut out = Map::new();
    put(&mut out, "match", Some(matcher(&route.matcher)));
    put(&mut out, key, Some(action));
    put(&mut out, "per_filter_config", filter::per_place(&route.filters));
    Value::Object(out)
}

fn matcher(matcher: &RouteMatch) -> Value {
    let mut out = Map::new();
    match &matcher.path {
        PathMatch::Any => {}
        PathMatch::Prefix(prefix) => put(&mut out, "prefix", Some(prefix.as_str())),
        PathMatch::Exact(path) => put(&mut out, "path", Some(path.as_str())),
        PathMatch::Regex(regex) => put(&mut out, "regex", Some(regex.as_str())),
    }
    let headers: Vec<Value> = matcher.headers.iter().map(header_match).collect();
    put(&mut out, "headers", Some(headers).filter(|headers| !headers.is_empty()));
    Value::Object(out)
}

pub(super) fn header_match(header: &HeaderMatch) -> Value {
    let (value, regex) = match &header.value {
        ValueMatch::Present => (".*", true),
        ValueMatch::Exact(value) => (value.as_str(), false),
        ValueMatch::Regex(regex) => (regex.as_str(), true),
    };
    json!({ "name": header.name, "value": value, "regex": regex })
}

fn redirect(redirect: &Redirect) -> Value {
    let mut out = Map::new();
    put(&mut out, "response_code", Some(redirect.status));
    put(&mut out, "path_redirect", redirect.path.as_deref());
    put(&mut out, "host_redirect", redirect.host.as_deref());
    put(&mut out, "scheme_redirect", redirect.scheme.as_deref());
    Value::Object(out)
}

fn forward(forward: &Forward) -> Value {
    let mut out = Map::new();
    match &forward.target {
        Target::Cluster(name) => put(&mut out, "cluster_name", Some(name.as_str())),
        Target::Header(name) => put(&mut out, "cluster_header", Some(name.as_str())),
        Target::Weighted(choices) => {
            let choice = |choice: &mecha_config::route::WeightedCluster| json!({ "cluster": { "name": choice.name, "weight": choice.weight } });
            put(&mut out, "weighted_clusters", Some(choices.iter().map(choice).collect::<Value>()));
        }
    }
    put(&mut out, "upstream_protocol", forward.upstream_protocol.map(|protocol| protocol.name()));
    put(&mut out, "timeout", forward.timeout.map(duration::to_text));
    let retry = Some(&forward.retry).filter(|retry| **retry != RetryPolicy::default());
    put(&mut out, "retry_policy", retry.map(self::retry));
    put(&mut out, "prefix_rewrite", forward.prefix_rewrite.as_deref());
    let rewrite = forward.regex_rewrite.as_ref().map(|rewrite| {
        // Read by Go's rules, in which `$` is a sign of its own.
        let substitution = rewrite.substitution.replace('$', "$$");
        json!({ "pattern": { "regex": rewrite.pattern.as_str() }, "substitution": substitution })
    });
    put(&mut out, "regex_rewrite", rewrite);
    put(&mut out, "host_rewrite", forward.host_rewrite.as_deref());
    put(&mut out, "auto_host_rewrite", Some(true).filter(|_| forward.auto_host_rewrite));
    put(&mut out, "auto_host_rewrite_header", forward.auto_host_rewrite_header.as_deref());
    rules(&forward.headers, &mut out);
    let hash: Vec<Value> = forward.hash_policy.iter().map(hash_policy).collect();
    put(&mut out, "hash_policy", Some(hash).filter(|hash| !hash.is_empty()));
    Value::Object(out)
}

fn retry(retry: &RetryPolicy) -> Value {
    let mut out = Map::new();
    put(&mut out, "retry_on", Some(retry.on_failure));
    put(&mut out, "num_retries", Some(retry.retries));
    put(&mut out, "retry_timeout", retry.try_timeout.map(duration::to_text));
    put(&mut out, "status_codes", Some(retry.status_codes.clone()).filter(|codes| !codes.is_empty()));
    Value::Object(out)
}

fn hash_policy(policy: &HashPolicy) -> Value {
    match policy {
        HashPolicy::Header(name) => json!({ "header": { "key": name } }),
        HashPolicy::Cookie { name, path, ttl } => {
            json!({ "cookie": { "name": name, "path": path, "ttl": duration::to_text(*ttl) } })
        }
        HashPolicy::SourceIp => json!({ "source_ip": {} }),
    }
}

fn rules(rules: &HeaderRules, out: &mut Map<String, Value>) {
    let added = |headers: &[HeaderAdd]| {
        let one = |header: &HeaderAdd| json!({ "header": { "key": header.name, "value": header.value }, "append": header.append });
        Some(headers.iter().map(one).collect::<Value>()).filter(|_| !headers.is_empty())
    };
    let removed = |names: &[String]| Some(names.to_vec()).filter(|names| !names.is_empty());
    put(out, "request_headers_to_add", added(&rules.request_add));
    put(out, "request_headers_to_remove", removed(&rules.request_remove));
    put(out, "response_headers_to_add", added(&rules.response_add));
    put(out, "response_headers_to_remove", removed(&rules.response_remove));
}
