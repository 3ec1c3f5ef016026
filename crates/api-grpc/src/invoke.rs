//! `InvokeService` (reference 1.5, 2.1): a call to another application as one message, answered as one. What the
//! application answers by HTTP comes back as a gRPC status.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use mecha_base::percent::encode_path;
use mecha_runtime::channel::{GrpcAnswer, TypeUrl};
use mecha_runtime::{ApiError, Body, GrpcCode, Invocation, Runtime};
use prost_types::Any;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use crate::dispatch::Answer;
use crate::headers::{from_metadata, to_metadata};
use crate::proto::common::http_extension::Verb;
use crate::proto::common::{InvokeRequest, InvokeResponse};
use crate::proto::pb;
use crate::status::{of_http, refuse};

/// The metadata that tells the status of an application that answered by HTTP.
const HTTP_STATUS: &str = "dapr-http-status";

pub(crate) async fn invoke_service(
    runtime: Arc<Runtime>,
    request: Request<pb::InvokeServiceRequest>,
) -> Answer<InvokeResponse> {
    let limit = runtime.config().apis.max_body;
    let (metadata, _, request) = request.into_parts();
    let target = request.id;
    let answer = async {
        let call = http_request(&metadata, request.message.unwrap_or_default(), &target)?;
        let (head, body) =
            runtime.invoke(Invocation { target: target.clone(), request: call }).await?.into_parts();
        let body = body.read(limit).await;
        let body = body.map_err(|error| ApiError::invoke_failed(&target, &error.to_string()))?;
        Ok((head, body))
    };
    let (head, body) = answer.await.map_err(|error| refuse(&runtime, &error))?;
    match head.extensions.get::<GrpcAnswer>() {
        Some(answer) => of_grpc_answer(answer, &head, body),
        None => of_http_answer(&head, body),
    }
}

fn http_request(
    metadata: &MetadataMap,
    message: InvokeRequest,
    target: &str,
) -> Result<http::Request<Body>, ApiError> {
    let extension = message.http_extension.unwrap_or_default();
    // A caller that speaks to gRPC applications names no verb.
    let method = match extension.verb() {
        Verb::None => Method::POST,
        verb => Method::from_bytes(verb.as_str_name().as_bytes()).unwrap_or(Method::POST),
    };
    let mut path = String::from("/");
    encode_path(message.method.trim_start_matches('/'), &mut path);
    if !extension.querystring.is_empty() {
        path.push('?');
        path.push_str(extension.querystring.trim_start_matches('?'));
    }
    let data = message.data.unwrap_or_default();
    let mut request = http::Request::new(Body::from(Bytes::from(data.value)));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().map_err(|error| {
        let message = format!("failed to invoke, id: {target}, err: the method or query string: {error}");
        ApiError::new("ERR_DIRECT_INVOKE", 400, GrpcCode::InvalidArgument, message)
    })?;
    *request.headers_mut() = from_metadata(metadata.as_ref());
    if let Ok(kind) = HeaderValue::try_from(message.content_type)
        && !kind.is_empty()
    {
        request.headers_mut().insert(CONTENT_TYPE, kind);
    }
    if !data.type_url.is_empty() {
        request.extensions_mut().insert(TypeUrl(data.type_url));
    }
    Ok(request)
}

/// A gRPC application's answer as it gave it.
fn of_grpc_answer(answer: &GrpcAnswer, head: &http::response::Parts, body: Bytes) -> Answer<InvokeResponse> {
    let mut metadata = without_content_type(&head.headers);
    metadata.extend(answer.trailers.clone());
    let metadata = MetadataMap::from_headers(metadata);
    if answer.code != Code::Ok as i32 {
        let code = Code::from_i32(answer.code);
        let (message, details) = (answer.message.clone(), answer.details.clone());
        return Err(Status::with_details_and_metadata(code, message, details, metadata));
    }
    let mut response = Response::new(message(head, body));
    *response.metadata_mut() = metadata;
    Ok(response)
}

/// An HTTP application's answer: its status tells the code.
fn of_http_answer(head: &http::response::Parts, body: Bytes) -> Answer<InvokeResponse> {
    let mut headers = to_metadata(&head.headers);
    headers.insert(HTTP_STATUS, HeaderValue::from(head.status.as_u16()));
    let metadata = MetadataMap::from_headers(headers);
    if let Some(mut status) = of_http(head.status.as_u16(), &body) {
        *status.metadata_mut() = metadata;
        return Err(status);
    }
    let mut response = Response::new(message(head, body));
    *response.metadata_mut() = metadata;
    Ok(response)
}

fn message(head: &http::response::Parts, body: Bytes) -> InvokeResponse {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let type_url = head.extensions.get::<TypeUrl>().map(|kind| kind.0.clone());
    InvokeResponse {
        data: Some(Any { type_url: type_url.unwrap_or_default(), value: body.into() }),
        content_type: content_type.unwrap_or_default().to_owned(),
    }
}

fn without_content_type(headers: &HeaderMap) -> HeaderMap {
    let mut headers = to_metadata(headers);
    headers.remove("dapr-content-type");
    headers
}
