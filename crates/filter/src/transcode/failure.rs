//! Calls that failed: exceptions and errors as JSON, and answers of HTTP servers as text.

use bytes::Bytes;
use mecha_codec::hessian2::Value;
use mecha_http::StatusCode;
use serde_json::{Value as Json, json};

use super::json::Reader;
use super::{Answer, JSON};

/// The most bytes of an answer's body that become the text of an error.
const LONGEST_TEXT: usize = 1024;

/// An exception, told apart by what all of Java's have.
pub(super) struct Thrown<'v> {
    class: &'v str,
    message: Option<&'v str>,
}

impl<'v> Thrown<'v> {
    /// The exception that a value is.
    pub(super) fn of(value: &'v Value, reader: &Reader<'v>) -> Option<Thrown<'v>> {
        let Value::Object(object) = reader.resolved(value) else { return None };
        let message = object.get("detailMessage")?;
        object.get("stackTrace")?;
        let text = |field: &str| object.get(field).and_then(Value::as_text);
        // What Dubbo makes of an exception in a generic call: the one that was thrown is in it.
        if let Some(class) = text("exceptionClass") {
            return Some(Thrown { class, message: text("exceptionMessage") });
        }
        Some(Thrown { class: &object.class.name, message: message.as_text() })
    }

    /// Status 500 with class and message.
    pub(super) fn answer(&self) -> Answer {
        let body = json!({ "exception": self.class, "message": self.message });
        answer(StatusCode::INTERNAL_SERVER_ERROR, &body)
    }

    pub(super) fn message(&self) -> Option<&'v str> {
        self.message
    }
}

/// A call that was not made, and why. Java's stack traces, which follow in the text, are nothing for clients.
pub(super) fn error(status: u16, message: &str) -> Answer {
    let message = message.lines().next().unwrap_or_default();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &json!({ "message": message }))
}

pub(super) fn answer(status: StatusCode, body: &Json) -> Answer {
    Answer { status, content_type: JSON, body: Bytes::from(body.to_string()) }
}

/// What an answer's body says of a failure: its `message` when it is JSON that has one, else its beginning.
pub(super) fn text(body: &[u8]) -> String {
    if let Ok(Json::Object(object)) = serde_json::from_slice(body)
        && let Some(Json::String(message)) = object.get("message")
    {
        return message.clone();
    }
    let start = body.get(..LONGEST_TEXT).unwrap_or(body);
    String::from_utf8_lossy(start).trim().to_owned()
}
