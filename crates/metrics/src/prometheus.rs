//! The Prometheus text format: every family once, with HELP and TYPE before its samples. Runs on the control thread
//! when `/metrics` is asked for; it reads sums one by one, so it needs memory for the text and the labels only.

use std::fmt::{Display, Write};
use std::sync::Arc;

use crate::call::{CallKind, CallScope, CallStat};
use crate::histogram::HistogramSnapshot;
use crate::process::Process;
use crate::registry::Registry;
use crate::scope::{Scope, Subject};
use crate::server::ServerStat;
use crate::stat::{Kind, Metric, Stat};

/// Writes to a `String` cannot fail, so their results carry nothing.
pub(crate) fn write(registry: &Registry, out: &mut String) {
    build_info(registry, out);
    for stat in ServerStat::ALL {
        single(out, stat.name(), stat.help(), stat.kind(), Some(registry.server().get(*stat)));
    }
    process(out);
    scopes(&registry.downstream(), out);
    scopes(&registry.upstream(), out);
    for kind in CallKind::ALL {
        calls(kind, &registry.calls(kind), out);
    }
}

fn build_info(registry: &Registry, out: &mut String) {
    let Some(version) = registry.version() else { return };
    let name = "server_build_info";
    family(out, name, "Always 1; the label says which version runs.", Kind::Gauge);
    sample(out, name, &rendered([("version", version)].into_iter()), 1);
}

/// Appends what the kernel says of this process (`process_resident_memory_bytes` and the like), in Prometheus' text form.
pub fn process(out: &mut String) {
    use Kind::{Counter, Gauge};
    let read = Process::read();
    single(out, "process_cpu_seconds_total", "Processor time used, in seconds.", Counter, read.cpu_seconds());
    single(out, "process_resident_memory_bytes", "Memory in use, in bytes.", Gauge, read.resident_bytes);
    single(out, "process_virtual_memory_bytes", "Address space in use, in bytes.", Gauge, read.virtual_bytes);
    single(out, "process_threads", "Threads of the process.", Gauge, read.threads);
    single(out, "process_open_fds", "Open file descriptors, sockets included.", Gauge, read.open_fds);
    single(out, "process_max_fds", "File descriptors that may be open.", Gauge, read.max_fds);
}

fn scopes<S: Stat>(scopes: &[Arc<Scope<S>>], out: &mut String) {
    // Chosen once, so that a scope that comes to life meanwhile is in all families or in none.
    let shown = scopes.iter().filter(|scope| scope.is_used() || scope.subject() == Subject::Proxy);
    let shown: Vec<_> = shown.map(|scope| (rendered(scope.labels()), scope)).collect();
    if shown.is_empty() {
        return;
    }
    for stat in S::ALL {
        let name = format!("{}_{}", S::TYPE, stat.name());
        family(out, &name, stat.help(), stat.kind());
        shown.iter().for_each(|(labels, scope)| sample(out, &name, labels, scope.value(*stat)));
    }
    for stat in S::Histogram::ALL {
        let name = format!("{}_{}_seconds", S::TYPE, stat.name());
        family(out, &name, stat.help(), stat.kind());
        shown.iter().for_each(|(labels, scope)| histogram(out, &name, labels, &scope.histogram(*stat)));
    }
}

fn calls(kind: CallKind, scopes: &[Arc<CallScope>], out: &mut String) {
    if scopes.is_empty() {
        return;
    }
    let shown: Vec<_> = scopes.iter().map(|scope| (rendered(scope.labels()), scope)).collect();
    for stat in CallStat::ALL {
        let name = format!("{}_{}", kind.name(), stat.name());
        family(out, &name, stat.help(), stat.kind());
        for (labels, scope) in &shown {
            let _ = writeln!(out, "{name}{{{labels}}} {}", scope.value(*stat));
        }
    }
}

fn family(out: &mut String, name: &str, help: &str, kind: Kind) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
}

/// A family of one sample without labels, left out when there is no value.
fn single(out: &mut String, name: &str, help: &str, kind: Kind, value: Option<impl Display>) {
    let Some(value) = value else { return };
    family(out, name, help, kind);
    let _ = writeln!(out, "{name} {value}");
}

fn sample(out: &mut String, name: &str, labels: &str, value: i64) {
    let _ = writeln!(out, "{name}{{{labels}}} {value}");
}

fn histogram(out: &mut String, name: &str, labels: &str, snapshot: &HistogramSnapshot) {
    for (le, n) in snapshot.cumulative() {
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{le}\"}} {n}");
    }
    let (count, sum) = (snapshot.count(), snapshot.sum_nanos());
    let (seconds, nanos) = (sum / 1_000_000_000, sum % 1_000_000_000);
    let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}.{nanos:09}");
    let _ = writeln!(out, "{name}_count{{{labels}}} {count}");
}

/// `k="v",k="v"` with the values escaped as the format asks: backslash, double quote and line feed.
pub fn rendered<'k, 'v>(labels: impl Iterator<Item = (&'k str, &'v str)>) -> String {
    let mut text = String::new();
    for (key, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(key);
        text.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    text
}

#[cfg(test)]
mod tests;
