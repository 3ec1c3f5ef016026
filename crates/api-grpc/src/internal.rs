//! The internal server: what the runtimes of other applications call (reference 2.4). Calls by HTTP come as messages of
//! `ServiceInvocation`; gRPC calls of any other service come as they are. Both go to the own application.

mod answer;
mod request;
mod stream;
mod unary;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::any;
use http::{HeaderMap, Response};
use mecha_codec::dapr::{CALL_LOCAL, CALL_LOCAL_STREAM, SERVICE};
use mecha_runtime::invoke::{CALLEE_APP_ID, CALLER_APP_ID, CALLER_NAMESPACE};
use mecha_runtime::{ApiError, Body as RuntimeBody, Caller, GrpcCode, Runtime};

/// The internal server's API. It runs on the workers, as every API does.
pub fn internal_router(runtime: Arc<Runtime>) -> Router {
    Router::new()
        .route(CALL_LOCAL_STREAM, any(stream::call))
        .route(CALL_LOCAL, any(unary::call))
        .route(&format!("{SERVICE}{{method}}"), any(missing))
        .fallback(pass)
        .with_state(runtime)
}

/// Methods of the service that this release does not have: those of actors.
async fn missing(request: Request) -> Response<Body> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    answer::failure(GrpcCode::Unimplemented, &format!("{method} is not available in this version of Mecha"))
}

/// A gRPC call of another application.
async fn pass(State(runtime): State<Arc<Runtime>>, request: Request) -> Response<Body> {
    let fields = request.headers();
    let callee = text(fields, CALLEE_APP_ID).or_else(|| text(fields, "dapr-app-id"));
    let Some(callee) = callee else {
        let message =
            "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found";
        return answer::failure(GrpcCode::Unknown, message);
    };
    // The namespace is the callee's own, or its runtime would not have been found here.
    if callee.split('.').next() != Some(runtime.app_id()) {
        let message = format!("the application {callee} is not served here");
        return answer::failure(GrpcCode::NotFound, &message);
    }
    let caller = caller(fields);
    match runtime.proxy_grpc_local(request.map(RuntimeBody::new), caller).await {
        Ok(response) => response.map(Body::new),
        Err(error) => refused(&error),
    }
}

/// Who calls, as the fields say.
fn caller(fields: &HeaderMap) -> Caller {
    let owned = |name| text(fields, name).unwrap_or_default().to_owned();
    Caller { app_id: owned(CALLER_APP_ID), namespace: owned(CALLER_NAMESPACE) }
}

fn text<'h>(fields: &'h HeaderMap, name: &str) -> Option<&'h str> {
    fields.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

/// The answer to a message that names no call.
fn invalid(why: &str) -> Response<Body> {
    answer::failure(GrpcCode::InvalidArgument, &format!("parsing InternalInvokeRequest error: {why}"))
}

/// The answer to a call that the application did not get, or did not answer.
fn refused(error: &ApiError) -> Response<Body> {
    let as_it_is =
        matches!(error.grpc(), GrpcCode::PermissionDenied) || error.code() == "ERR_APP_CHANNEL_NIL";
    if as_it_is {
        return answer::failure(error.grpc(), error.message());
    }
    let code = error.grpc();
    let message =
        format!("error invoking app channel: rpc error: code = {} desc = {}", code.name(), error.message());
    answer::failure(GrpcCode::Internal, &message)
}
