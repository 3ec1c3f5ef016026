//! Service invocation of a gRPC application: an HTTP request as `OnInvoke`, its answer as an HTTP response
//! (reference 1.5). The answer itself travels along for callers that speak gRPC.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, request};
use mecha_base::percent::{Plus, decode};
use mecha_http::dapr::answer::http_status;
use mecha_runtime::channel::{GrpcAnswer, TypeUrl};
use mecha_runtime::{ApiError, Body, GrpcCode};
use prost_types::Any;
use serde_json::json;
use tonic::{Response, Status};

use super::service::Unreached;
use super::{GrpcChannel, unreached};
use crate::headers::{from_metadata, to_metadata};
use crate::proto::common::http_extension::Verb;
use crate::proto::common::{HttpExtension, InvokeRequest, InvokeResponse};

impl GrpcChannel {
    pub(super) async fn on_invoke(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, ApiError> {
        let _place = self.places.place().await;
        let (head, body) = request.into_parts();
        let data = body.read(self.limit()).await.map_err(|error| {
            ApiError::new("ERR_BODY_READ", 400, GrpcCode::InvalidArgument, error.to_string())
        })?;
        let metadata = to_metadata(&head.headers);
        let message = message(&head, data);
        match self.callback().on_invoke(self.request(message, metadata)).await {
            Ok(answer) => Ok(success(answer)),
            Err(status) => match Unreached::behind(&status) {
                Some(reason) => Err(unreached(&reason.to_string())),
                None => Ok(failure(&status)),
            },
        }
    }
}

fn message(head: &request::Parts, data: Bytes) -> InvokeRequest {
    let method = head.uri.path().trim_start_matches('/');
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let type_url = head.extensions.get::<TypeUrl>().map(|kind| kind.0.clone());
    InvokeRequest {
        method: String::from_utf8_lossy(&decode(method.as_bytes(), Plus::Literal)).into_owned(),
        data: Some(Any { type_url: type_url.unwrap_or_default(), value: data.into() }),
        content_type: content_type.unwrap_or_default().to_owned(),
        http_extension: Some(HttpExtension {
            verb: verb(&head.method) as i32,
            querystring: head.uri.query().unwrap_or_default().to_owned(),
        }),
    }
}

/// Methods that HTTP does not define are none.
fn verb(method: &Method) -> Verb {
    Verb::from_str_name(method.as_str()).unwrap_or(Verb::None)
}

fn success(answer: Response<InvokeResponse>) -> http::Response<Body> {
    let (metadata, message, _) = answer.into_parts();
    let data = message.data.unwrap_or_default();
    let mut response = http::Response::new(Body::from(Bytes::from(data.value)));
    *response.headers_mut() = from_metadata(&metadata.into_headers());
    if let Ok(kind) = HeaderValue::try_from(message.content_type)
        && !kind.is_empty()
    {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response.extensions_mut().insert(GrpcAnswer::default());
    if !data.type_url.is_empty() {
        response.extensions_mut().insert(TypeUrl(data.type_url));
    }
    response
}

/// HTTP callers get the status of the same meaning, and the code and message as JSON.
fn failure(status: &Status) -> http::Response<Body> {
    let code = status.code() as i32;
    let mut body = json!({ "code": code });
    if !status.message().is_empty()
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert("message".to_owned(), status.message().into());
    }
    let mut response = http::Response::new(Body::from(body.to_string()));
    *response.status_mut() =
        http::StatusCode::from_u16(http_status(code)).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = from_metadata(status.metadata().as_ref());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(GrpcAnswer {
        code,
        message: status.message().to_owned(),
        details: Bytes::copy_from_slice(status.details()),
        ..GrpcAnswer::default()
    });
    response
}
