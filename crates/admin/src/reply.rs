//! What an endpoint answers, in the few shapes that MOSN's admin API has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    kind: &'static str,
    allow: Option<&'static str>,
    body: Bytes,
}

impl Reply {
    /// 200 with text.
    pub(crate) fn text(body: impl Into<Bytes>) -> Self {
        Reply { status: StatusCode::OK, kind: TEXT, allow: None, body: body.into() }
    }

    /// 200 with JSON in one line.
    pub(crate) fn json(value: &Value) -> Self {
        Reply { kind: JSON, ..Reply::text(value.to_string()) }
    }

    /// 200 with JSON in many lines.
    pub(crate) fn pretty(value: &impl Serialize, indent: &str) -> Self {
        let mut body = Vec::new();
        let formatter = PrettyFormatter::with_indent(indent.as_bytes());
        match value.serialize(&mut Serializer::with_formatter(&mut body, formatter)) {
            Ok(()) => Reply { kind: JSON, ..Reply::text(body) },
            Err(error) => Reply::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    /// A failure in MOSN's shape: an object with the one key `error`.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        let message = Value::from(message);
        Reply { kind: JSON, ..Reply::text(format!("{{\n\t\"error\": {message}\n}}\n")) }.with_status(status)
    }

    /// 400 in MOSN's shape.
    pub(crate) fn bad(message: &str) -> Self {
        Reply::error(StatusCode::BAD_REQUEST, message)
    }

    /// 405 with what is allowed instead.
    pub(crate) fn wrong_method(allow: &'static str) -> Self {
        let reply = Reply::error(StatusCode::METHOD_NOT_ALLOWED, &format!("use {allow}"));
        Reply { allow: Some(allow), ..reply }
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Reply { status, ..self }
    }

    /// The same with another content type.
    pub(crate) fn with_kind(self, kind: &'static str) -> Self {
        Reply { kind, ..self }
    }

    /// As hyper sends it.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
