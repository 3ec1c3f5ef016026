//! MOSN's own shapes of the same numbers, for `/api/v1/stats` and `/api/v1/stats_glob` (reference mosn.md section 4
//! and 7.2). Values are strings; durations are nanoseconds, shown as the shortest, the longest and the sum.

use std::collections::BTreeMap;

use crate::call::{CallKind, CallScope, CallStat};
use crate::registry::Registry;
use crate::scope::Scope;
use crate::server::ServerStat;
use crate::stat::{Metric, Stat};

/// Type, then labels as `k.v.k.v`, then metric, then value.
pub type MosnStats = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

/// MOSN's type and labels for facts about the process, and its key for the state.
const META: (&str, &str) = ("meta", "mosn.info");
const STATE_CODE: &str = "mosn_state_code";
/// The type and labels of this project's own process metrics.
const SERVER: (&str, &str) = ("server", "process.self");

pub(crate) fn stats(registry: &Registry) -> MosnStats {
    let mut stats = MosnStats::new();
    let mut put = |kind: &str, labels: String, values: Vec<(String, String)>| {
        stats.entry(kind.to_owned()).or_default().insert(labels, values.into_iter().collect());
    };
    for scope in registry.downstream() {
        put(crate::DownstreamStat::TYPE, namespace(&scope), values(&scope));
    }
    for scope in registry.upstream() {
        put(crate::UpstreamStat::TYPE, namespace(&scope), values(&scope));
    }
    for kind in CallKind::ALL {
        for scope in registry.calls(kind) {
            put(kind.name(), joined(scope.labels()), calls(&scope));
        }
    }
    put(META.0, META.1.to_owned(), meta(registry));
    put(SERVER.0, SERVER.1.to_owned(), server(registry));
    stats
}

pub(crate) fn key(registry: &Registry, key: &str) -> Option<Vec<(String, String)>> {
    let (kind, labels) = key.split_once('.')?;
    match kind {
        crate::DownstreamStat::TYPE => one(registry.downstream().iter(), labels),
        crate::UpstreamStat::TYPE => one(registry.upstream().iter(), labels),
        _ if let Some(kind) = CallKind::ALL.into_iter().find(|known| known.name() == kind) => {
            let all = registry.calls(kind);
            all.iter().find(|scope| joined(scope.labels()) == labels).map(|scope| calls(scope))
        }
        _ if (kind, labels) == META => Some(meta(registry)),
        _ if (kind, labels) == SERVER => Some(server(registry)),
        _ => None,
    }
}

pub(crate) fn glob(registry: &Registry) -> Vec<(String, String)> {
    values(&registry.downstream_global())
}

fn one<'a, S: Stat>(
    mut scopes: impl Iterator<Item = &'a std::sync::Arc<Scope<S>>>,
    labels: &str,
) -> Option<Vec<(String, String)>> {
    scopes.find(|scope| namespace(scope) == labels).map(|scope| values(scope))
}

fn namespace<S: Stat>(scope: &Scope<S>) -> String {
    joined(scope.labels())
}

fn joined<'a>(labels: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    labels.flat_map(|(key, value)| [key, value]).collect::<Vec<_>>().join(".")
}

fn calls(scope: &CallScope) -> Vec<(String, String)> {
    CallStat::ALL.iter().map(|stat| (stat.name().to_owned(), scope.value(*stat).to_string())).collect()
}

fn values<S: Stat>(scope: &Scope<S>) -> Vec<(String, String)> {
    let counters = S::ALL.iter().map(|stat| (stat.name().to_owned(), scope.value(*stat).to_string()));
    let histograms = S::Histogram::ALL.iter().flat_map(|stat| {
        let (name, read) = (stat.name(), scope.histogram(*stat));
        [("min", read.min_nanos()), ("max", read.max_nanos()), ("total", read.sum_nanos())]
            .map(|(suffix, nanos)| (format!("{name}_{suffix}"), nanos.to_string()))
    });
    counters.chain(histograms).collect()
}

fn meta(registry: &Registry) -> Vec<(String, String)> {
    let state = (STATE_CODE.to_owned(), registry.server().get(ServerStat::StateCode).to_string());
    let version = registry.version().map(|version| (format!("version:{version}"), "1".to_owned()));
    version.into_iter().chain([state]).collect()
}

fn server(registry: &Registry) -> Vec<(String, String)> {
    let server = registry.server();
    ServerStat::ALL.iter().map(|stat| (stat.name().to_owned(), server.get(*stat).to_string())).collect()
}
