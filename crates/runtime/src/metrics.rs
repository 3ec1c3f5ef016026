//! What the runtime counts, by the names of Dapr's metrics (reference 3.8, 5.5). Every event has one method here; the
//! families behind them and their text form are in the files below.

use std::time::Duration;

use crate::error::ApiError;

/// The building blocks whose operations are counted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// State stores.
    State,
    /// Secret stores.
    Secret,
}

/// The counters of one runtime.
#[derive(Debug, Default)]
pub struct Metrics;

impl Metrics {
    /// An operation (`get`, `set`, `delete`, `bulk_get`, `transaction`, `query`, ...) on a component.
    pub fn component(
        &self,
        block: Block,
        component: &str,
        operation: &str,
        success: bool,
        elapsed: Duration,
    ) {
        let _ = (block, component, operation, success, elapsed);
    }

    /// A message or a bulk of them went to a broker; `events` is how many.
    pub fn published(
        &self,
        component: &str,
        topic: &str,
        events: usize,
        bulk: bool,
        success: bool,
        elapsed: Duration,
    ) {
        let _ = (component, topic, events, bulk, success, elapsed);
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
        let _ = (component, topic, events, bulk, status, elapsed);
    }

    /// The initialisation of a component.
    pub fn component_init(&self, kind: &str, name: &str, success: bool) {
        let _ = (kind, name, success);
    }

    /// How many components are loaded.
    pub fn components_loaded(&self, count: usize) {
        let _ = count;
    }

    /// A call of the HTTP API was answered.
    pub fn http_server(
        &self,
        method: &str,
        path: &str,
        status: u16,
        request: u64,
        response: u64,
        elapsed: Duration,
    ) {
        let _ = (method, path, status, request, response, elapsed);
    }

    /// A call of the gRPC API was answered.
    pub fn grpc_server(&self, method: &str, code: i32, elapsed: Duration) {
        let _ = (method, code, elapsed);
    }

    /// The application answered a call by HTTP.
    pub fn http_client(&self, method: &str, path: &str, status: u16, elapsed: Duration) {
        let _ = (method, path, status, elapsed);
    }

    /// An API answered with an error.
    pub fn api_error(&self, error: &ApiError) {
        let _ = error;
    }

    /// An invocation was sent to `destination`, or its answer came.
    pub fn invoke_sent(&self, destination: &str) {
        let _ = destination;
    }

    /// The answer of an invocation came.
    pub fn invoke_answered(&self, destination: &str, status: u16, elapsed: Duration) {
        let _ = (destination, status, elapsed);
    }

    /// An invocation came in from `source`.
    pub fn invoke_received(&self, source: &str) {
        let _ = source;
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
        let _ = (resource, policy, activated, target, flow, breaker);
    }
}
