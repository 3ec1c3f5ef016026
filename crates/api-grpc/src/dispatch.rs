//! From a call's name to what answers it: decodes the request's message, runs the handler, encodes what it returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::Request as HttpRequest;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Response as HttpResponse};
use mecha_runtime::Runtime;
use prost::Message;
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::{control, invoke, publish, secrets, state, subscribe};

/// What a handler answers.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// A call that was let in.
pub(crate) struct Call {
    pub(crate) runtime: Arc<Runtime>,
    request: HttpRequest,
    /// Largest message either way, in bytes.
    limit: usize,
}

impl Call {
    pub(crate) fn new(runtime: Arc<Runtime>, request: HttpRequest) -> Self {
        let limit = runtime.config().apis.max_body;
        Call { runtime, request, limit }
    }
}

/// Answers a call of the service that this version has; boxed one by one, so that no call pays for the largest.
pub(crate) fn dispatch(name: &str, call: Call) -> BoxFuture<'static, HttpResponse<Body>> {
    match name {
        "InvokeService" => Box::pin(unary(call, invoke::invoke_service)),
        "GetState" => Box::pin(unary(call, state::get)),
        "GetBulkState" => Box::pin(unary(call, state::get_bulk)),
        "SaveState" => Box::pin(unary(call, state::save)),
        "QueryStateAlpha1" => Box::pin(unary(call, state::query)),
        "DeleteState" => Box::pin(unary(call, state::delete)),
        "DeleteBulkState" => Box::pin(unary(call, state::delete_bulk)),
        "ExecuteStateTransaction" => Box::pin(unary(call, state::transact)),
        "PublishEvent" => Box::pin(unary(call, publish::publish)),
        "BulkPublishEvent" | "BulkPublishEventAlpha1" => Box::pin(unary(call, publish::bulk)),
        "SubscribeTopicEventsAlpha1" => Box::pin(duplex(call, subscribe::subscribe)),
        "GetSecret" => Box::pin(unary(call, secrets::get)),
        "GetBulkSecret" => Box::pin(unary(call, secrets::get_bulk)),
        "GetMetadata" => Box::pin(unary(call, control::get_metadata)),
        "SetMetadata" => Box::pin(unary(call, control::set_metadata)),
        "Shutdown" => Box::pin(unary(call, control::shutdown)),
        _ => Box::pin(std::future::ready(Status::unimplemented("").into_http())),
    }
}

/// One message each way.
async fn unary<Q, A, H, W>(call: Call, handler: H) -> HttpResponse<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
    H: Fn(Arc<Runtime>, Request<Q>) -> W,
    W: Future<Output = Answer<A>>,
{
    let Call { runtime, request, limit } = call;
    let reached = AtomicBool::new(false);
    let service = service_fn(|request| {
        reached.store(true, Ordering::Relaxed);
        handler(runtime.clone(), request)
    });
    let mut response = grpc::<Q, A>(limit).unary(service, request).await;
    if !reached.into_inner() {
        name_excess(&mut response);
    }
    response.map(Body::new)
}

/// Messages both ways for as long as both sides like.
async fn duplex<Q, A, S, H, W>(call: Call, handler: H) -> HttpResponse<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
    S: Stream<Item = Result<A, Status>> + Send + 'static,
    H: Fn(Arc<Runtime>, Request<Streaming<Q>>) -> W + Send + 'static,
    W: Future<Output = Answer<S>> + Send + 'static,
{
    let Call { runtime, request, limit } = call;
    let service = service_fn(move |request| handler(runtime.clone(), request));
    grpc::<Q, A>(limit).streaming(service, request).await.map(Body::new)
}

fn grpc<Q, A>(limit: usize) -> Grpc<ProstCodec<A, Q>>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    Grpc::new(ProstCodec::default()).max_decoding_message_size(limit).max_encoding_message_size(limit)
}

/// A request's message over the limit is `RESOURCE_EXHAUSTED` to clients of Dapr, where tonic says `OUT_OF_RANGE`.
fn name_excess<B>(response: &mut HttpResponse<B>) {
    let code = |code: Code| HeaderValue::from(code as i32);
    let headers = response.headers_mut();
    if headers.get("grpc-status") == Some(&code(Code::OutOfRange)) {
        headers.insert("grpc-status", code(Code::ResourceExhausted));
    }
}
