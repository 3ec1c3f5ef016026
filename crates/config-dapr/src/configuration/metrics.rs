//! `spec.metric` and `spec.metrics`: the same keys twice; the second goes before the first, field by field.

use mecha_config::runtime::settings::{MetricRule, Metrics};
use mecha_document::{Node, Object, shortened};
use regex::Regex;

/// What one of the two says.
#[derive(Default)]
pub(super) struct Layer {
    enabled: Option<bool>,
    record_error_codes: Option<bool>,
    increased_cardinality: Option<bool>,
    path_matching: Option<Vec<String>>,
    exclude_verbs: Option<bool>,
    latency_buckets: Option<Vec<f64>>,
    rules: Option<Vec<MetricRule>>,
}

impl Layer {
    /// Reads what is there; what is not stays as an earlier file left it.
    pub(super) fn read(&mut self, fields: &Object<'_>) {
        // Of workflows, which come later.
        fields.accept(&["workflow"]);
        flag(fields, "enabled", &mut self.enabled);
        flag(fields, "recordErrorCodes", &mut self.record_error_codes);
        if let Some(http) = fields.object("http") {
            flag(&http, "increasedCardinality", &mut self.increased_cardinality);
            flag(&http, "excludeVerbs", &mut self.exclude_verbs);
            let path = |node: Node<'_>| node.string().map(str::to_owned);
            list(&http, "pathMatching", path, &mut self.path_matching);
        }
        list(fields, "latencyDistributionBuckets", bucket, &mut self.latency_buckets);
        if let Some(bounds) = &self.latency_buckets
            && bounds.windows(2).any(|pair| matches!(pair, [a, b] if a >= b))
            && let Some(node) = fields.get("latencyDistributionBuckets")
        {
            node.error_with("these bounds do not rise", "write each bound once, the smallest first");
        }
        list(fields, "rules", rule, &mut self.rules);
    }
}

fn flag(fields: &Object<'_>, key: &'static str, place: &mut Option<bool>) {
    if let Some(flag) = fields.get(key).and_then(Node::flag) {
        *place = Some(flag);
    }
}

fn list<T>(
    fields: &Object<'_>,
    key: &'static str,
    read: impl FnMut(Node<'_>) -> Option<T>,
    place: &mut Option<Vec<T>>,
) {
    if fields.get(key).is_some() {
        *place = Some(fields.each(key, read));
    }
}

/// An upper bound in milliseconds.
fn bucket(node: Node<'_>) -> Option<f64> {
    let bound = node.real()?;
    if bound > 0.0 {
        return Some(bound);
    }
    node.error("a bound is more than zero milliseconds");
    None
}

/// `{name, labels [{name, regex {value: expression}}]}`.
fn rule(node: Node<'_>) -> Option<MetricRule> {
    let fields = node.object()?;
    let labels = fields.each("labels", |node| {
        let fields = node.object()?;
        let rewrites = fields.get("regex").into_iter().flat_map(Node::pairs);
        let rewrites =
            rewrites.filter_map(|(value, pattern)| Some((value.text().to_owned(), expression(pattern)?)));
        let rewrites = rewrites.collect();
        Some((fields.text("name")?.to_owned(), rewrites))
    });
    Some(MetricRule { name: fields.text("name")?.to_owned(), labels })
}

fn expression(node: Node<'_>) -> Option<Regex> {
    let text = node.string()?;
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            node.error(format!("\"{}\" is no regular expression: {why}", shortened(text)));
            None
        }
    }
}

/// The defaults, then `metric`, then `metrics`.
pub(super) fn merge(metric: &Layer, metrics: &Layer) -> Metrics {
    let mut merged = Metrics::default();
    for layer in [metric, metrics] {
        put(&mut merged.enabled, &layer.enabled);
        put(&mut merged.record_error_codes, &layer.record_error_codes);
        put(&mut merged.increased_cardinality, &layer.increased_cardinality);
        put(&mut merged.path_matching, &layer.path_matching);
        put(&mut merged.exclude_verbs, &layer.exclude_verbs);
        put(&mut merged.latency_buckets, &layer.latency_buckets);
        put(&mut merged.rules, &layer.rules);
    }
    merged
}

fn put<T: Clone>(place: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}
