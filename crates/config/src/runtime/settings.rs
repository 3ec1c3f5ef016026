//! The Configuration resource: what holds for the runtime as a whole (reference 3.3).

use std::collections::BTreeMap;

use regex::Regex;

/// The Configuration resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Traces.
    pub tracing: Tracing,
    /// Metrics.
    pub metrics: Metrics,
    /// Middleware of the HTTP API, outermost first.
    pub http_pipeline: Vec<Handler>,
    /// Middleware of calls to the application, outermost first.
    pub app_pipeline: Vec<Handler>,
    /// Which secrets the application may read.
    pub secret_scopes: Vec<SecretScope>,
    /// Who may call the application.
    pub access_control: Option<AccessControl>,
    /// How app ids become addresses; `None` = mDNS.
    pub name_resolution: Option<NameResolution>,
    /// Feature switches by name.
    pub features: BTreeMap<String, bool>,
    /// APIs that are open; empty = all.
    pub api_allowed: Vec<ApiRule>,
    /// APIs that are closed.
    pub api_denied: Vec<ApiRule>,
    /// Component types (`type` or `type/version`) that are refused.
    pub components_denied: Vec<String>,
    /// API logging.
    pub api_logging: ApiLogging,
}

/// Traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracing {
    /// `samplingRate`; `None` when it is absent.
    pub sampling_rate: Option<f64>,
    /// Spans on standard output.
    pub stdout: bool,
    /// Exporters that were configured, for the log.
    pub exporters: Vec<String>,
}

/// Metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Whether there are any.
    pub enabled: bool,
    /// `dapr_error_code_total` is counted.
    pub record_error_codes: bool,
    /// HTTP paths are labels as they are.
    pub increased_cardinality: bool,
    /// Path templates that are labels when cardinality is not increased.
    pub path_matching: Vec<String>,
    /// Methods are no label.
    pub exclude_verbs: bool,
    /// Upper bounds in milliseconds; empty = the default ones.
    pub latency_buckets: Vec<f64>,
    /// Labels that are rewritten.
    pub rules: Vec<MetricRule>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            enabled: true,
            record_error_codes: false,
            increased_cardinality: true,
            path_matching: Vec::new(),
            exclude_verbs: false,
            latency_buckets: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// Rewrites label values of one metric: the first expression that matches gives the value.
#[derive(Clone, Debug)]
pub struct MetricRule {
    /// The metric.
    pub name: String,
    /// The label, and for each new value the expression.
    pub labels: Vec<(String, Vec<(String, Regex)>)>,
}

impl PartialEq for MetricRule {
    fn eq(&self, other: &Self) -> bool {
        let text = |rule: &MetricRule| -> Vec<(String, Vec<(String, String)>)> {
            let each = |(label, rules): &(String, Vec<(String, Regex)>)| {
                (
                    label.clone(),
                    rules.iter().map(|(value, regex)| (value.clone(), regex.as_str().to_owned())).collect(),
                )
            };
            rule.labels.iter().map(each).collect()
        };
        self.name == other.name && text(self) == text(other)
    }
}

/// A middleware component in a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The component's name.
    pub name: String,
    /// The component's type.
    pub kind: String,
}

/// Which secrets of a store the application may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretScope {
    /// The store.
    pub store: String,
    /// What holds for secrets that are in no list.
    pub deny_by_default: bool,
    /// When not empty: only these.
    pub allowed: Vec<String>,
    /// Never these.
    pub denied: Vec<String>,
}

/// Who may call the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessControl {
    /// What holds for callers without a policy; deny when there are policies and it is not said.
    pub allow_by_default: bool,
    /// The trust domain; `public` unless said.
    pub trust_domain: String,
    /// By caller.
    pub policies: Vec<AccessPolicy>,
}

/// What one caller may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    /// The caller.
    pub app_id: String,
    /// What holds for operations that are in no rule.
    pub allow_by_default: bool,
    /// The caller's trust domain.
    pub trust_domain: String,
    /// The caller's namespace.
    pub namespace: String,
    /// Asked in order.
    pub operations: Vec<AccessRule>,
}

/// A rule for operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// A path; a `*` at its end stands for any rest.
    pub path: String,
    /// Methods, upper case; `*` = all.
    pub methods: Vec<String>,
    /// Whether they are allowed.
    pub allow: bool,
}

/// How app ids become addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct NameResolution {
    /// `mdns`, `static`, ...
    pub component: String,
    /// The component's own.
    pub configuration: serde_json::Value,
}

/// APIs that are open or closed (reference 1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRule {
    /// `state`, `invoke`, ...
    pub name: String,
    /// `v1.0`, `v1.0-alpha1` or, as groups, `v1`, `v1alpha1`.
    pub version: String,
    /// `http` or `grpc`.
    pub grpc: bool,
}

/// API logging.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiLogging {
    /// Every call is logged.
    pub enabled: bool,
    /// Paths are logged without their parameters.
    pub obfuscate_urls: bool,
    /// Health checks are not logged.
    pub omit_health_checks: bool,
}
