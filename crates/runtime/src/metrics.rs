//! What the runtime counts, by the names and labels of Dapr's metrics (reference 3.8, 5.5). Every event has one method
//! here; the families behind them are below, their text is read by the metrics page.

mod catalogue;
mod family;
mod labels;

use std::sync::Arc;
use std::time::Duration;

use mecha_config::runtime as config;

use crate::error::ApiError;
use catalogue::Catalogue;
use labels::Labels;

/// The building blocks whose operations are counted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// State stores.
    State,
    /// Secret stores.
    Secret,
}

/// The counters of one runtime. Without any (they can be switched off) every event passes by.
#[derive(Debug, Default)]
pub struct Metrics(Option<Box<Counting>>);

#[derive(Debug)]
struct Counting {
    families: Catalogue,
    namespace: String,
    record_errors: bool,
    labels: Labels,
}

/// Milliseconds with their fraction, the unit of Dapr's latencies.
fn millis(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e3
}

/// What stands for a callee in labels: of a URL host and port, since a user and a password before them are nobody else's
/// affair; anything else as it is.
pub(crate) fn callee(target: &str) -> &str {
    let Some((_, rest)) = target.split_once(":/") else { return target };
    let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl Metrics {
    /// The counters that the settings ask for.
    pub fn new(config: &config::Runtime) -> Self {
        let settings = &config.settings.metrics;
        if !settings.enabled {
            return Metrics::default();
        }
        let app_id: Arc<str> = config.identity.app_id.as_str().into();
        Metrics(Some(Box::new(Counting {
            families: Catalogue::new(&app_id, settings),
            namespace: config.identity.namespace.clone(),
            record_errors: settings.record_error_codes,
            labels: Labels::new(settings),
        })))
    }

    /// Prometheus' text form; empty when nothing is counted.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(counting) = &self.0 {
            counting.families.write(&mut text);
            mecha_metrics::write_process(&mut text);
        }
        text
    }

    /// An operation (`get`, `set`, `delete`, `bulk_get`, `transaction`, `query`, ...) on a component.
    pub fn component(
        &self,
        block: Block,
        component: &str,
        operation: &str,
        success: bool,
        elapsed: Duration,
    ) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        let (count, latency) = match block {
            Block::State => (&families.state_count, &families.state_latency),
            Block::Secret => (&families.secret_count, &families.secret_latency),
        };
        let values = [component, namespace, operation, truth(success)];
        count.add(&values, 1);
        latency.observe(&values, millis(elapsed));
    }

    /// A message or a bulk of them went to a broker; `events` is how many it took.
    pub fn published(
        &self,
        component: &str,
        topic: &str,
        events: usize,
        bulk: bool,
        success: bool,
        elapsed: Duration,
    ) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        let values = [component, namespace, truth(success), topic];
        if !bulk {
            families.egress_count.add(&values, 1);
            families.egress_latency.observe(&values, millis(elapsed));
            return;
        }
        families.egress_bulk_count.add(&values, 1);
        families.egress_bulk_latency.observe(&values, millis(elapsed));
        if events > 0 {
            families.egress_bulk_events.add(&[component, namespace, "true", topic], events as u64);
        }
    }

    /// A message or a bulk of them was delivered; `status` is `success`, `retry` or `drop`.
    pub fn delivered(
        &self,
        component: &str,
        topic: &str,
        events: usize,
        bulk: bool,
        status: &str,
        elapsed: Duration,
    ) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        if !bulk {
            let values = [component, namespace, status, status, topic];
            families.ingress_count.add(&values, 1);
            families.ingress_latency.observe(&values, millis(elapsed));
            return;
        }
        let values = [component, namespace, "", topic];
        families.ingress_bulk_count.add(&values, 1);
        families.ingress_bulk_latency.observe(&values, millis(elapsed));
        families.ingress_bulk_events.add(&[component, namespace, status, topic], events as u64);
    }

    /// The initialisation of a component of this type.
    pub fn component_init(&self, kind: &str, name: &str, success: bool) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        if success {
            families.component_init.add(&[namespace], 1);
        } else {
            families.component_init_failed.add(&[kind, name, namespace, "init"], 1);
        }
    }

    /// How many components are loaded.
    pub fn components_loaded(&self, count: usize) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        families.components_loaded.set(&[namespace], count as u64);
    }

    /// The labels `method` and `path` of a call of the HTTP API; `None` when nothing is counted. `endpoint` names what
    /// serves it, where that is the label.
    pub fn http_labels(
        &self,
        method: &str,
        path: &str,
        endpoint: impl FnOnce() -> String,
    ) -> Option<(String, String)> {
        let Counting { labels, .. } = self.0.as_deref()?;
        let (method, path) = labels.of(method, path, endpoint);
        Some((method.into_owned(), path.into_owned()))
    }

    /// A call of the HTTP API was answered; sizes of bodies in bytes.
    pub fn http_server(
        &self,
        method: &str,
        path: &str,
        status: u16,
        request: u64,
        response: u64,
        elapsed: Duration,
    ) {
        let Some(Counting { families, .. }) = self.0.as_deref() else { return };
        let status = status.to_string();
        families.http_request_count.add(&[method, path, &status], 1);
        families.http_response_count.add(&[method, path, &status], 1);
        families.http_latency.observe(&[method, path, &status], millis(elapsed));
        families.http_request_bytes.observe(&[], request as f64);
        families.http_response_bytes.observe(&[], response as f64);
    }

    /// A call of the gRPC API was answered.
    pub fn grpc_server(&self, method: &str, code: i32, elapsed: Duration) {
        let Some(Counting { families, .. }) = self.0.as_deref() else { return };
        let values = [method, grpc_status(code)];
        families.grpc_completed.add(&values, 1);
        families.grpc_latency.observe(&values, millis(elapsed));
    }

    /// The application answered a call by HTTP.
    pub fn http_client(&self, method: &str, path: &str, status: u16, elapsed: Duration) {
        let Some(Counting { families, labels, .. }) = self.0.as_deref() else { return };
        let (method, path) = labels.of(method, path, String::new);
        let values = [&*method, &*path, &status.to_string()];
        families.http_client_completed.add(&values, 1);
        families.http_client_latency.observe(&values, millis(elapsed));
    }

    /// An API answered with an error.
    pub fn api_error(&self, error: &ApiError) {
        let Some(Counting { families, record_errors: true, .. }) = self.0.as_deref() else { return };
        families.error_codes.add(&[catalogue::category(error.code()), error.code()], 1);
    }

    /// An invocation was sent to `destination`.
    pub fn invoke_sent(&self, destination: &str) {
        let Some(Counting { families, .. }) = self.0.as_deref() else { return };
        families.invoke_sent.add(&[destination, UNARY], 1);
    }

    /// The answer of an invocation came.
    pub fn invoke_answered(&self, destination: &str, status: u16, elapsed: Duration) {
        let Some(Counting { families, .. }) = self.0.as_deref() else { return };
        let status = status.to_string();
        families.invoke_answered.add(&[destination, &status, UNARY], 1);
        families.invoke_latency.observe(&[destination, &status], millis(elapsed));
    }

    /// An invocation came in from `source`.
    pub fn invoke_received(&self, source: &str) {
        let Some(Counting { families, .. }) = self.0.as_deref() else { return };
        families.invoke_received.add(&[source, UNARY], 1);
    }

    /// A policy (`timeout`, `retry`, `circuitbreaker`) of a resource was in effect for a call to `target`, or did something
    /// (`activated`); `flow` is `inbound` or `outbound`, `breaker` the state of the circuit breaker if there is one.
    pub fn resiliency(
        &self,
        resource: &str,
        policy: &str,
        activated: bool,
        target: &str,
        flow: &str,
        breaker: Option<&str>,
    ) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        let breaker = breaker.filter(|_| policy == "circuitbreaker");
        let values = [resource, policy, namespace, flow, target, breaker.unwrap_or_default()];
        if activated {
            families.resiliency_activations.add(&values, 1);
        } else {
            families.resiliency_count.add(&values, 1);
        }
        if let Some(now) = breaker {
            for state in ["closed", "half-open", "open", "unknown"] {
                let values = [resource, policy, namespace, flow, target, state];
                families.breaker_state.set(&values, u64::from(state == now));
            }
        }
    }

    /// A Resiliency resource is in use.
    pub fn resiliency_loaded(&self, resource: &str) {
        let Some(Counting { families, namespace, .. }) = self.0.as_deref() else { return };
        families.resiliency_loaded.add(&[resource, namespace], 1);
    }
}

/// Invocations of the API are not streams of messages, whatever their bodies do.
const UNARY: &str = "unary";

/// As the gRPC library of Go writes a code.
fn grpc_status(code: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "Canceled",
        "Unknown",
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "DataLoss",
        "Unauthenticated",
    ];
    usize::try_from(code).ok().and_then(|code| NAMES.get(code).copied()).unwrap_or("Unknown")
}
