//! The text grammar: headers before samples, cumulative buckets, escaping.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::{DownstreamHistogram, DownstreamStat, ServerStat, UpstreamHistogram, UpstreamStat};

/// One line of samples, taken apart as the format says.
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn busy() -> String {
    let registry = Registry::new(2);
    registry.set_version("0.1.0");
    for worker in 0..2 {
        let listener = registry.listener("in \"quoted\"\\\n{},=");
        listener.shard(worker).inc(DownstreamStat::RequestTotal);
        listener.shard(worker).observe(DownstreamHistogram::RequestTime, Duration::from_millis(700));
        for scope in [registry.cluster("orders"), registry.host("orders", "[::1]:80")] {
            for micros in [1, 499, 501, 7_000, 90_000_000] {
                let duration = Duration::from_micros(micros);
                scope.shard(worker).observe(UpstreamHistogram::RequestDurationTime, duration);
            }
            scope.shard(worker).inc(UpstreamStat::ConnectionActive);
        }
    }
    let _ = registry.cluster("idle");
    text(&registry)
}

fn text(registry: &Registry) -> String {
    let mut out = String::new();
    registry.prometheus(&mut out);
    out
}

fn parse(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap();
            let (value, used) = unescape(after);
            labels.push((key.to_owned(), value));
            rest = after[used..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    Sample { name: name.to_owned(), labels, value }
}

/// The label value up to its closing quote, and how much text it took, quote included.
fn unescape(text: &str) -> (String, usize) {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, at + 1),
            '\\' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                c => panic!("unknown escape \\{c}"),
            },
            c => value.push(c),
        }
    }
    panic!("no closing quote in {text}");
}

#[test]
fn the_text_keeps_to_the_grammar() {
    let text = busy();
    assert!(text.ends_with('\n'));
    let (mut families, mut series) = (BTreeMap::new(), BTreeSet::new());
    let mut current = (String::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !help.contains('\\'), "{line}");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), 0).is_none(), "{name} comes twice");
            current = (name.to_owned(), kind.to_owned());
            continue;
        }
        let sample = parse(line);
        let suffix = sample.name.strip_prefix(current.0.as_str()).unwrap_or_else(|| panic!("stray {line}"));
        let allowed: &[&str] = if current.1 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(allowed.contains(&suffix), "{line} under {current:?}");
        assert!(
            sample.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{line}"
        );
        assert!(series.insert((sample.name, sample.labels)), "{line} comes twice");
        *families.get_mut(&current.0).unwrap() += 1;
    }
    assert!(families.values().all(|samples| *samples > 0), "a family without samples: {families:?}");
    let stats = DownstreamStat::COUNT + UpstreamStat::COUNT + ServerStat::COUNT;
    assert!(families.len() > stats, "every metric is there");
}

#[test]
fn buckets_are_cumulative_and_end_in_the_count() {
    let text = busy();
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(parse).collect();
    let mut checked = 0;
    for count in samples.iter().filter(|sample| sample.name.ends_with("_seconds_count")) {
        let bucket = count.name.replace("_count", "_bucket");
        let own = samples.iter().filter(|sample| {
            sample.name == bucket && sample.labels[..sample.labels.len() - 1] == count.labels
        });
        let own: Vec<_> =
            own.map(|sample| (sample.labels.last().unwrap().1.as_str(), sample.value)).collect();
        assert_eq!(own.len(), 17);
        assert!(own.is_sorted_by(|a, b| a.1 <= b.1), "{own:?}");
        assert_eq!(own.last(), Some(&("+Inf", count.value)));
        checked += 1;
    }
    assert_eq!(checked, 8, "two histograms of global, listener, cluster and host each");
}

#[test]
fn a_histogram_shows_seconds() {
    let text = busy();
    for line in [
        "upstream_request_duration_time_seconds_bucket{cluster=\"orders\",le=\"0.0005\"} 4",
        "upstream_request_duration_time_seconds_bucket{cluster=\"orders\",le=\"0.001\"} 6",
        "upstream_request_duration_time_seconds_bucket{cluster=\"orders\",le=\"60\"} 8",
        "upstream_request_duration_time_seconds_bucket{cluster=\"orders\",le=\"+Inf\"} 10",
        "upstream_request_duration_time_seconds_sum{cluster=\"orders\"} 180.016002000",
        "upstream_request_duration_time_seconds_count{cluster=\"orders\",host=\"[::1]:80\"} 10",
        "upstream_connection_active{cluster=\"orders\",host=\"[::1]:80\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "missing {line} in\n{text}");
    }
}

#[test]
fn label_values_are_escaped() {
    let line = "downstream_request_total{listener=\"in \\\"quoted\\\"\\\\\\n{},=\"} 2";
    assert!(busy().lines().any(|found| found == line));
    assert_eq!(parse(line).labels, [("listener".to_owned(), "in \"quoted\"\\\n{},=".to_owned())]);
}

#[test]
fn an_idle_cluster_has_no_series_and_the_global_proxy_always_has() {
    let text = busy();
    assert!(!text.contains("\"idle\""));
    assert!(text.contains("downstream_request_total{proxy=\"global\"} 0\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured_when_asked() {
    let text = text(&Registry::new(3));
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert!(parse(line).value > 0.0, "{line}");
    }
    assert!(text.contains("process_cpu_seconds_total "));
    assert!(text.contains("server_workers 3\n"));
}
