//! Responses of the internal server.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, response};
use http_body::{Body as HttpBody, Frame};
use mecha_base::percent::encode;
use mecha_codec::dapr::{ChunkEncoder, InternalInvokeResponse, ResponseChunk};
use mecha_http::dapr::answer::{AppStatus, forget};
use mecha_http::dapr::{TYPE_URL, response_to};
use mecha_runtime::channel::{GrpcAnswer, TypeUrl};
use mecha_runtime::{Body as RuntimeBody, GrpcCode};

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";

/// A call that failed: a response of trailers only.
pub(super) fn failure(code: GrpcCode, message: &str) -> Response<Body> {
    let mut response = grpc(Body::empty());
    end(code, message, response.headers_mut());
    response
}

/// The beginning of every response.
pub(super) fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// How a call ended.
pub(super) fn end(code: GrpcCode, message: &str, fields: &mut HeaderMap) {
    fields.insert(STATUS, (code as i32).into());
    if !message.is_empty() {
        let mut encoded = String::with_capacity(message.len());
        encode(message.as_bytes(), |byte| matches!(byte, b' '..=b'~') && byte != b'%', &mut encoded);
        if let Ok(value) = HeaderValue::try_from(encoded) {
            fields.insert(MESSAGE, value);
        }
    }
}

/// The application's answer as the first message of the response, and what of its body follows: nothing when a gRPC
/// application failed, for then the status is the answer.
pub(super) fn message(
    parts: &mut response::Parts,
    body: RuntimeBody,
) -> (InternalInvokeResponse, RuntimeBody) {
    forget(&mut parts.headers);
    if let Some(TypeUrl(url)) = parts.extensions.remove()
        && let Ok(url) = HeaderValue::try_from(url)
    {
        parts.headers.insert(TYPE_URL, url);
    }
    let told = parts.extensions.remove().map(|told: GrpcAnswer| {
        let GrpcAnswer { code, message, details, trailers } = told;
        AppStatus { code, message, details, trailers }
    });
    let failed = told.as_ref().is_some_and(|told| told.code != 0);
    (response_to(parts, told), if failed { RuntimeBody::empty() } else { body })
}

/// The messages of a streamed response, and the trailers that end it.
pub(super) struct Outgoing {
    chunks: ChunkEncoder<ResponseChunk>,
    body: RuntimeBody,
    over: bool,
}

impl Outgoing {
    pub(super) fn new(head: InternalInvokeResponse, body: RuntimeBody) -> Self {
        Outgoing { chunks: ChunkEncoder::new(head), body, over: false }
    }

    fn trailers(&mut self, code: GrpcCode, message: &str) -> Frame<Bytes> {
        self.over = true;
        let mut fields = HeaderMap::new();
        end(code, message, &mut fields);
        Frame::trailers(fields)
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            if this.over {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => Frame::data(this.chunks.data(data)),
                    // The protocol has no place for trailers of HTTP.
                    _ => continue,
                },
                // The head goes with the first piece of the body when that is at hand, and does not wait for it.
                Poll::Pending => match this.chunks.head() {
                    Some(head) => Frame::data(head),
                    None => return Poll::Pending,
                },
                Poll::Ready(None) => match this.chunks.head() {
                    Some(head) => Frame::data(head),
                    None => this.trailers(GrpcCode::Ok, ""),
                },
                Poll::Ready(Some(Err(error))) => {
                    let message = format!("the application's response broke off: {error}");
                    this.trailers(GrpcCode::Internal, &message)
                }
            };
            return Poll::Ready(Some(Ok(frame)));
        }
    }
}
