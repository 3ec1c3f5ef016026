//! Calls of other services: passed as they are to the application that the metadata names (reference 1.5).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, Response};
use mecha_runtime::{Body as RuntimeBody, Runtime};
use tonic::Status;

use crate::status::refuse;

/// The metadata that names the application, the first that is there.
const TARGETS: [&str; 2] = ["dapr-callee-app-id", "dapr-app-id"];

/// Whether a call names an application.
pub(crate) fn has_target(headers: &HeaderMap) -> bool {
    target(headers).is_some()
}

fn target(headers: &HeaderMap) -> Option<&str> {
    TARGETS.iter().find_map(|name| headers.get(*name)?.to_str().ok()).filter(|target| !target.is_empty())
}

/// Passes a call on and its answer back; messages, metadata and trailers stay as they are.
pub(crate) async fn forward(runtime: &Arc<Runtime>, request: Request) -> Response<Body> {
    let Some(target) = target(request.headers()).map(str::to_owned) else {
        let service = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let message = format!(
            "unknown service {service}: failed to proxy request: required metadata dapr-app-id not found"
        );
        return Status::unimplemented(message).into_http();
    };
    match runtime.proxy_grpc(&target, request.map(RuntimeBody::new)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => refuse(runtime, &error).into_http(),
    }
}
