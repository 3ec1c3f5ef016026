//! The gRPC API as a service: who comes in is looked at by the gate, Dapr's own calls are dispatched, every other
//! service is proxied to the application that the metadata names, and what was answered is logged and counted.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, Response, StatusCode};
use mecha_runtime::Runtime;
use tonic::Status;

use crate::dispatch::{Call, dispatch};
use crate::gate::Gate;
use crate::rpc::{self, SERVICE};
use crate::watch::Watch;
use crate::{proxy, reflection};

struct Front {
    runtime: Arc<Runtime>,
    gate: Gate,
    log: bool,
}

/// The gRPC API: the service `dapr.proto.runtime.v1.Dapr`, server reflection, and every service of other applications
/// for calls that name one in the metadata `dapr-app-id`. Served by HTTP/2, without or behind TLS; shared by workers.
pub fn router(runtime: Arc<Runtime>) -> Router {
    let config = runtime.config();
    let gate = Gate::new(&config.apis, &config.settings);
    let log = config.apis.log_calls.unwrap_or(config.settings.api_logging.enabled);
    Router::new().fallback(answer).with_state(Arc::new(Front { runtime, gate, log }))
}

async fn answer(State(front): State<Arc<Front>>, mut request: Request) -> Response<Body> {
    if !is_grpc(request.headers()) {
        let mut response =
            Response::new(Body::from("this port speaks gRPC: the content type must be application/grpc"));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let path = request.uri().path().to_owned();
    if let Err(status) = front.gate.admit(&path, request.headers_mut()) {
        return status.into_http();
    }
    let agent = request.headers().get(USER_AGENT).cloned();
    let watch = Watch::new(front.runtime.clone(), path, agent, front.log);
    let response = route(&front.runtime, request).await;
    watch.over(response)
}

async fn route(runtime: &Arc<Runtime>, request: Request) -> Response<Body> {
    let path = request.uri().path();
    match path.strip_prefix(SERVICE).map(|call| (call, rpc::group(call))) {
        Some((_, Some(group))) if let Some(feature) = group.missing => {
            let error = mecha_runtime::ApiError::unimplemented(feature);
            crate::status::refuse(runtime, &error).into_http()
        }
        Some((call, Some(_))) => {
            let call = call.to_owned();
            dispatch(&call, Call::new(runtime.clone(), request)).await
        }
        Some((call, None)) if !proxy::has_target(request.headers()) => {
            let message = format!("unknown method {call} for service dapr.proto.runtime.v1.Dapr");
            Status::unimplemented(message).into_http()
        }
        _ if reflection::is(path) => reflection::answer(request).await,
        _ => proxy::forward(runtime, request).await,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
