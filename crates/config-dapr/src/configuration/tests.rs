//! What Configuration files become: every section, several files, variables, mistakes with their places.

mod mistakes;

use mecha_config::runtime::settings::*;
use serde_json::json;

use super::*;
use crate::tests::{Folder, environment};

/// The settings of a file's `spec`, and what was said, a line each.
fn load(spec: &str) -> (Option<Settings>, Vec<String>) {
    load_files(&[&file(spec)], &[])
}

fn file(spec: &str) -> String {
    format!("apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {{name: c}}\nspec:\n{spec}\n")
}

fn load_files(files: &[&str], env: &[(&str, &str)]) -> (Option<Settings>, Vec<String>) {
    let names: Vec<String> = (1..=files.len()).map(|number| format!("c{number}.yaml")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(files.iter().copied()).collect();
    let folder = Folder::with(&pairs);
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    let (settings, found) = load_configuration(&paths, &environment(env));
    (settings, folder.lines(&found.to_string()))
}

fn clean(spec: &str) -> Settings {
    let (settings, said) = load(spec);
    assert_eq!(said, Vec::<String>::new(), "in:\n{spec}");
    settings.unwrap()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn without_files_the_defaults_hold() {
    let (settings, found) = load_configuration(&[], &environment(&[]));
    assert_eq!(settings, Some(Settings::default()));
    assert!(found.0.is_empty());
    assert_eq!(clean("  features: []"), Settings::default());
}

#[test]
fn tracing_is_read() {
    let spec = "
  tracing:
    samplingRate: \"0.5\"
    stdout: true
    zipkin: {endpointAddress: \"http://z:9411/api/v2/spans\"}
    otel: {endpointAddress: \"o:4317\", protocol: grpc, isSecure: false, headers: a=b, timeout: 1s}";
    let expected = Tracing {
        sampling_rate: Some(0.5),
        stdout: true,
        exporters: strings(&["zipkin http://z:9411/api/v2/spans", "otel grpc o:4317"]),
    };
    assert_eq!(clean(spec).tracing, expected);
    assert_eq!(clean("  tracing: {samplingRate: 1}").tracing.sampling_rate, Some(1.0));
}

#[test]
fn metrics_go_before_metric_field_by_field() {
    let spec = r#"
  metric:
    enabled: false
    recordErrorCodes: true
    http: {increasedCardinality: false, pathMatching: ['/orders/{id}'], excludeVerbs: true}
    latencyDistributionBuckets: [1, 2.5, 10]
  metrics:
    enabled: true
    http: {pathMatching: ['/pay/{id}']}
    workflow: {latencyDistributionUnits: ms}
    rules:
      - name: dapr_runtime_service_invocation_req_sent_total
        labels:
          - name: method
            regex: {"orders/": "orders/.+", pay: "pay/.+"}"#;
    let metrics = clean(spec).metrics;
    assert!(metrics.enabled && metrics.record_error_codes && metrics.exclude_verbs);
    assert!(!metrics.increased_cardinality);
    assert_eq!(metrics.path_matching, strings(&["/pay/{id}"]));
    assert_eq!(metrics.latency_buckets, [1.0, 2.5, 10.0]);
    let (label, rewrites) = &metrics.rules[0].labels[0];
    assert_eq!((label.as_str(), rewrites.len()), ("method", 2));
    assert_eq!((rewrites[0].0.as_str(), rewrites[0].1.as_str()), ("orders/", "orders/.+"));
}

#[test]
fn pipelines_name_their_handlers() {
    let spec = "
  httpPipeline:
    handlers:
      - {name: up, type: middleware.http.uppercase, version: v1, selector: {fields: []}}
      - {name: limit, type: middleware.http.ratelimit}
  appHttpPipeline: {handlers: [{name: alias, type: middleware.http.routeralias}]}";
    let settings = clean(spec);
    let handler = |name: &str, kind: &str| Handler { name: name.into(), kind: kind.into() };
    assert_eq!(
        settings.http_pipeline,
        [handler("up", "middleware.http.uppercase"), handler("limit", "middleware.http.ratelimit")]
    );
    assert_eq!(settings.app_pipeline, [handler("alias", "middleware.http.routeralias")]);
}

#[test]
fn secrets_and_access_are_read() {
    let spec = "
  secrets:
    scopes:
      - {storeName: vault, defaultAccess: Deny, allowedSecrets: [a, b]}
      - {storeName: env, deniedSecrets: [c]}
  accessControl:
    trustDomain: td
    policies:
      - appId: checkout
        defaultAction: deny
        trustDomain: public
        namespace: default
        operations:
          - {name: orders/*, httpVerb: [post, '*'], action: allow}
          - {name: /pay, action: deny}";
    let settings = clean(spec);
    let scope = |store: &str, deny, allowed: &[&str], denied: &[&str]| SecretScope {
        store: store.into(),
        deny_by_default: deny,
        allowed: strings(allowed),
        denied: strings(denied),
    };
    assert_eq!(
        settings.secret_scopes,
        [scope("vault", true, &["a", "b"], &[]), scope("env", false, &[], &["c"])]
    );
    let rule = |path: &str, methods: &[&str], allow| AccessRule {
        path: path.into(),
        methods: strings(methods),
        allow,
    };
    let policy = AccessPolicy {
        app_id: "checkout".into(),
        allow_by_default: false,
        trust_domain: "public".into(),
        namespace: "default".into(),
        operations: vec![rule("/orders/*", &["POST", "*"], true), rule("/pay", &[], false)],
    };
    let expected =
        AccessControl { allow_by_default: false, trust_domain: "td".into(), policies: vec![policy] };
    assert_eq!(settings.access_control, Some(expected));
    let control = clean("  accessControl: {defaultAction: allow}").access_control.unwrap();
    assert!(control.allow_by_default && control.trust_domain == "public");
    assert!(clean("  accessControl: {}").access_control.unwrap().allow_by_default);
    assert!(!clean("  accessControl: {defaultAction: DENY}").access_control.unwrap().allow_by_default);
}

#[test]
fn the_rest_is_read() {
    let spec = "
  nameResolution: {component: static, version: v1, configuration: {apps: {orders: ['127.0.0.1:5001']}}}
  features: [{name: HotReload, enabled: false}, {name: X, enabled: true}]
  api:
    allowed: [{name: state, version: v1.0, protocol: http}, {name: invoke, version: v1, protocol: grpc}]
    denied: [{name: secrets, version: v1}]
  components: {deny: [bindings.smtp, state.in-memory/v1]}
  logging: {apiLogging: {enabled: true, obfuscateURLs: true, omitHealthChecks: true}}
  mtls: {enabled: true, workloadCertTTL: 24h}
  wasm: {strictSandbox: true}
  workflow: {maxConcurrentWorkflowInvocations: 1}";
    let settings = clean(spec);
    let names = settings.name_resolution.unwrap();
    assert_eq!(names.component, "static");
    assert_eq!(names.configuration, json!({"apps": {"orders": ["127.0.0.1:5001"]}}));
    assert_eq!(
        settings.features.into_iter().collect::<Vec<_>>(),
        [("HotReload".to_owned(), false), ("X".to_owned(), true)]
    );
    let api = |name: &str, version: &str, grpc| ApiRule { name: name.into(), version: version.into(), grpc };
    assert_eq!(settings.api_allowed, [api("state", "v1.0", false), api("invoke", "v1", true)]);
    assert_eq!(settings.api_denied, [api("secrets", "v1", false)]);
    assert_eq!(settings.components_denied, strings(&["bindings.smtp", "state.in-memory/v1"]));
    let logging = ApiLogging { enabled: true, obfuscate_urls: true, omit_health_checks: true };
    assert_eq!(settings.api_logging, logging);
}

#[test]
fn later_files_add_to_earlier_ones() {
    let first = file(
        "  tracing: {samplingRate: '1', stdout: true}\n  metric: {enabled: false, recordErrorCodes: true}\n  \
         features: [{name: A, enabled: true}]\n  components: {deny: [a, b]}",
    );
    let second = file(
        "  tracing: {samplingRate: '0'}\n  metric: {enabled: true}\n  features: [{name: B, enabled: true}]\n  \
         components: {deny: [c]}",
    );
    let (settings, said) = load_files(&[&first, &second], &[]);
    assert_eq!(said, Vec::<String>::new());
    let settings = settings.unwrap();
    assert_eq!((settings.tracing.sampling_rate, settings.tracing.stdout), (Some(0.0), true));
    assert!(settings.metrics.enabled && settings.metrics.record_error_codes);
    assert_eq!(settings.features.len(), 2);
    assert_eq!(settings.components_denied, strings(&["c"]));
}

#[test]
fn variables_are_put_in() {
    let text =
        file("  tracing: {samplingRate: \"$RATE\", zipkin: {endpointAddress: '${ZIPKIN}'}, stdout: ${NONE}}");
    let (settings, said) = load_files(&[&text], &[("RATE", "0.25"), ("ZIPKIN", "http://z")]);
    assert_eq!(said, Vec::<String>::new());
    let tracing = settings.unwrap().tracing;
    assert_eq!((tracing.sampling_rate, tracing.exporters), (Some(0.25), strings(&["zipkin http://z"])));
}

#[test]
fn a_configuration_is_told_from_other_files() {
    let folder = Folder::with(&[
        ("a.yaml", &file("  api: {}")),
        ("b.json", "{\"servers\": []}"),
        ("c.yaml", "kind: ["),
    ]);
    assert!(is_configuration(&folder.path().join("a.yaml")));
    for other in ["b.json", "c.yaml", "none.yaml"] {
        assert!(!is_configuration(&folder.path().join(other)), "{other}");
    }
}
