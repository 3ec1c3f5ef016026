//! `CallLocal`: a call in one message, and its answer in another. Older runtimes make it, and those that have the body
//! in a message anyway.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::BytesMut;
use http::Response;
use mecha_codec::dapr::{Any, InternalInvokeRequest, InternalInvokeResponse};
use mecha_codec::grpc::{Messages, put_message};
use mecha_runtime::{Body as RuntimeBody, GrpcCode, Runtime};
use prost::Message as _;

use super::{answer, invalid, refused, request};

/// What a message may hold beside the body.
const FIELDS: usize = 64 << 10;

pub(super) async fn call(State(runtime): State<Arc<Runtime>>, call: Request) -> Response<Body> {
    let limit = runtime.config().apis.max_body;
    let mut message = match read(RuntimeBody::new(call.into_body()), limit + FIELDS).await {
        Ok(message) => message,
        Err(why) => return invalid(&why.to_string()),
    };
    let data = message.message.as_mut().and_then(|message| message.data.as_mut());
    let body = data.map(|data| std::mem::take(&mut data.value)).unwrap_or_default();
    let (mut request, from) = match request::read(message) {
        Ok(read) => read,
        Err(why) => return invalid(why),
    };
    let _ = request::take_length(&mut request);
    let response = match runtime.invoke_local(request.map(|()| RuntimeBody::from(body)), from).await {
        Ok(response) => response,
        Err(error) => return refused(&error),
    };
    let (mut parts, body) = response.into_parts();
    let (mut message, body) = answer::message(&mut parts, body);
    let body = match body.read(limit).await {
        Ok(body) => body,
        Err(error) => {
            let message = format!("error invoking app channel: {error}");
            return answer::failure(GrpcCode::Internal, &message);
        }
    };
    let data = message.message.get_or_insert_default().data.get_or_insert_with(Any::default);
    data.value = body;
    whole(&message)
}

async fn read(body: RuntimeBody, limit: usize) -> Result<InternalInvokeRequest, String> {
    let body = body.read(limit).await.map_err(|error| error.to_string())?;
    let mut messages = Messages::new(limit);
    messages.push(body);
    let message = messages.next_message().map_err(|error| error.to_string())?;
    let message = message.ok_or("there is no message")?;
    messages.finish().map_err(|_| "there is more than one message")?;
    InternalInvokeRequest::decode(message).map_err(|error| error.to_string())
}

/// The response of one message.
fn whole(message: &InternalInvokeResponse) -> Response<Body> {
    let mut out = BytesMut::new();
    put_message(&mut out, message.encoded_len(), |out| {
        // The room was made for its length.
        let _ = message.encode(out);
    });
    let mut fields = http::HeaderMap::new();
    answer::end(GrpcCode::Ok, "", &mut fields);
    let body = http_body_util::Full::new(out.freeze());
    answer::grpc(Body::new(http_body_util::BodyExt::with_trailers(body, async move { Some(Ok(fields)) })))
}
