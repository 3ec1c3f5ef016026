//! Answers as the API writes them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use mecha_runtime::{ApiError, Body};
use serde::Serialize;

/// An answer.
pub(crate) type Reply = Response<Body>;

/// What an operation answers, or why not.
pub(crate) type Outcome = Result<Reply, ApiError>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// 204: done, nothing to say.
pub(crate) fn empty() -> Reply {
    status(StatusCode::NO_CONTENT, Body::empty())
}

/// An answer without headers.
pub(crate) fn status(status: StatusCode, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// JSON that is at hand.
pub(crate) fn raw_json(status_code: StatusCode, json: Bytes) -> Reply {
    let mut reply = status(status_code, json.into());
    reply.headers_mut().insert(CONTENT_TYPE, JSON);
    reply
}

/// A value as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(json) => raw_json(status, json.into()),
        Err(error) => self::error(&ApiError::internal(format!("failed to encode response as JSON: {error}"))),
    }
}

/// An error in the shape of its kind (reference 1.3).
pub(crate) fn error(error: &ApiError) -> Reply {
    let status = StatusCode::from_u16(error.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    raw_json(status, error.to_json().to_string().into())
}

/// An error that is not of the API but of the server before it: plain text, as Go's servers write it.
pub(crate) fn plain(status_code: StatusCode, text: &str) -> Reply {
    let mut reply = status(status_code, format!("{text}\n").into());
    reply.headers_mut().insert(CONTENT_TYPE, TEXT);
    reply.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    reply
}

/// Adds metadata as headers `metadata.<key>`; what can't be a header is left out.
pub(crate) fn with_metadata<'a>(
    mut reply: Reply,
    metadata: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Reply {
    for (key, value) in metadata {
        let name = HeaderName::from_bytes(format!("metadata.{key}").as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            reply.headers_mut().insert(name, value);
        }
    }
    reply
}
