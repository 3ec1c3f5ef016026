//! A metric with labels: one series for each combination of values, found by a hash of them. The number of series is
//! bounded, so that paths or topics that never repeat cannot eat the memory; what goes beyond is counted in one series
//! whose values are `_overflow`.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mecha_config::runtime::settings::MetricRule;
use parking_lot::RwLock;
use regex::Regex;

/// Most series of one metric.
const MOST: usize = 2_000;
/// The value of every label of the series for those beyond.
const OVERFLOW: &str = "_overflow";
/// What every name begins with.
const PREFIX: &str = "dapr_";
/// Between values in a key; no label holds it.
const BETWEEN: char = '\u{1f}';

/// A metric.
#[derive(Debug)]
pub(super) struct Family {
    /// With its prefix.
    name: String,
    help: &'static str,
    kind: Kind,
    /// In the order of the alphabet, `app_id` among them.
    labels: Vec<&'static str>,
    app_id: Arc<str>,
    rules: Vec<(usize, Vec<(String, Regex)>)>,
    series: RwLock<HashMap<String, Series>>,
}

/// What is measured.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    /// With these upper bounds.
    Histogram(Arc<[f64]>),
}

#[derive(Debug, Default)]
struct Series {
    /// Of a counter or gauge the value; of a histogram how many values.
    value: AtomicU64,
    /// The bits of a float.
    sum: AtomicU64,
    /// Values up to each bound, not added up.
    buckets: Box<[AtomicU64]>,
}

impl Family {
    /// `labels` without `app_id`, in the order in which values are given.
    pub(super) fn new(
        name: &str,
        help: &'static str,
        kind: Kind,
        labels: &[&'static str],
        app_id: &Arc<str>,
        rules: &[MetricRule],
    ) -> Self {
        // People write the name as it is shown.
        let is_own = |rule: &&MetricRule| rule.name.strip_prefix(PREFIX).unwrap_or(&rule.name) == name;
        let rules = rules.iter().filter(is_own).flat_map(|rule| &rule.labels);
        let at = |label: &str| labels.iter().position(|own| *own == label);
        let rules = rules.filter_map(|(label, values)| Some((at(label)?, values.clone()))).collect();
        Family {
            name: format!("{PREFIX}{name}"),
            help,
            kind,
            labels: labels.to_vec(),
            app_id: app_id.clone(),
            rules,
            series: RwLock::default(),
        }
    }

    pub(super) fn add(&self, values: &[&str], amount: u64) {
        self.on_series(values, |series| {
            series.value.fetch_add(amount, Relaxed);
        });
    }

    pub(super) fn set(&self, values: &[&str], value: u64) {
        self.on_series(values, |series| series.value.store(value, Relaxed));
    }

    pub(super) fn observe(&self, values: &[&str], value: f64) {
        let Kind::Histogram(bounds) = &self.kind else { return };
        let at = bounds.partition_point(|bound| *bound < value);
        self.on_series(values, |series| {
            if let Some(bucket) = series.buckets.get(at) {
                bucket.fetch_add(1, Relaxed);
            }
            series.value.fetch_add(1, Relaxed);
            let add = |bits: u64| Some((f64::from_bits(bits) + value).to_bits());
            let _ = series.sum.fetch_update(Relaxed, Relaxed, add);
        });
    }

    /// Does something to the series of these values. Several events of each call come here, so one whose series is there
    /// allocates nothing: the key is put together in a buffer of the thread.
    fn on_series(&self, values: &[&str], act: impl FnOnce(&Series)) {
        thread_local! {
            static KEY: Cell<String> = const { Cell::new(String::new()) };
        }
        let mut key = KEY.take();
        key.clear();
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                key.push(BETWEEN);
            }
            key.push_str(self.rewritten(at, value));
        }
        if let Some(series) = self.series.read().get(&key) {
            act(series);
            return KEY.set(key);
        }
        let mut all = self.series.write();
        if all.len() >= MOST && !all.contains_key(&key) {
            key = vec![OVERFLOW; values.len()].join(&BETWEEN.to_string());
        }
        act(all.entry(key).or_insert_with(|| Series::new(&self.kind)));
    }

    /// The value that the first rule that matches puts in place of this one.
    fn rewritten<'v>(&'v self, at: usize, value: &'v str) -> &'v str {
        let rules = self.rules.iter().filter(|(label, _)| *label == at).flat_map(|(_, rules)| rules);
        rules.into_iter().find(|(_, regex)| regex.is_match(value)).map_or(value, |(new, _)| new)
    }

    /// Writes it in Prometheus' text form; nothing when it has no series.
    pub(super) fn write(&self, out: &mut String) {
        let all = self.series.read();
        if all.is_empty() {
            return;
        }
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(out, "# HELP {} {}\n# TYPE {} {kind}", self.name, self.help, self.name);
        let mut sorted: Vec<_> = all.iter().collect();
        sorted.sort_unstable_by_key(|(key, _)| *key);
        for (key, series) in sorted {
            let labels = self.labels(key);
            match &self.kind {
                Kind::Counter | Kind::Gauge => {
                    let _ = writeln!(out, "{}{{{labels}}} {}", self.name, series.value.load(Relaxed));
                }
                Kind::Histogram(bounds) => self.write_histogram(&labels, bounds, series, out),
            }
        }
    }

    fn write_histogram(&self, labels: &str, bounds: &[f64], series: &Series, out: &mut String) {
        let name = &self.name;
        let mut below = 0;
        for (bound, bucket) in bounds.iter().zip(&series.buckets) {
            below += bucket.load(Relaxed);
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let count = series.value.load(Relaxed);
        let sum = f64::from_bits(series.sum.load(Relaxed));
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}");
    }

    /// `app_id="a",status="200"`, in the order of the alphabet, as the reference's exporter writes them.
    fn labels(&self, key: &str) -> String {
        let values = key.split(BETWEEN);
        let mut pairs: Vec<(&str, &str)> = self.labels.iter().copied().zip(values).collect();
        pairs.push(("app_id", &self.app_id));
        pairs.sort_unstable();
        mecha_metrics::labels(pairs.into_iter())
    }
}

impl Series {
    fn new(kind: &Kind) -> Self {
        let buckets = match kind {
            Kind::Histogram(bounds) => bounds.iter().map(|_| AtomicU64::new(0)).collect(),
            Kind::Counter | Kind::Gauge => Box::default(),
        };
        Series { buckets, ..Series::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(family: &Family) -> String {
        let mut out = String::new();
        family.write(&mut out);
        out
    }

    #[test]
    fn labels_are_in_order_and_escaped() {
        let family = Family::new(
            "x/y".replace('/', "_").as_str(),
            "X.",
            Kind::Counter,
            &["topic", "a"],
            &"me".into(),
            &[],
        );
        assert_eq!(text(&family), "");
        family.add(&["t\"1", "b"], 2);
        family.add(&["t\"1", "b"], 1);
        let expected = "# HELP dapr_x_y X.\n# TYPE dapr_x_y counter\ndapr_x_y{a=\"b\",app_id=\"me\",topic=\"t\\\"1\"} 3\n";
        assert_eq!(text(&family), expected);
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        let kind = Kind::Histogram(vec![1.0, 5.0].into());
        let family = Family::new("h", "H.", kind, &[], &"me".into(), &[]);
        for value in [0.5, 1.0, 4.0, 9.0] {
            family.observe(&[], value);
        }
        let text = text(&family);
        for line in [
            "le=\"1\"} 2",
            "le=\"5\"} 3",
            "le=\"+Inf\"} 4",
            "_sum{app_id=\"me\"} 14.5",
            "_count{app_id=\"me\"} 4",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn rules_rewrite_and_series_are_bounded() {
        let rule = MetricRule {
            name: "dapr_c".to_owned(),
            labels: vec![(
                "path".to_owned(),
                vec![("/orders/ID".to_owned(), Regex::new("^/orders/.+").unwrap())],
            )],
        };
        let family = Family::new("c", "C.", Kind::Counter, &["path"], &"me".into(), &[rule]);
        family.add(&["/orders/1"], 1);
        family.add(&["/orders/2"], 1);
        assert!(text(&family).contains("path=\"/orders/ID\"} 2"));
        for number in 0..MOST + 10 {
            family.add(&[&format!("/{number}")], 1);
        }
        assert!(text(&family).contains(&format!("path=\"{OVERFLOW}\"}} 11")));
    }
}
