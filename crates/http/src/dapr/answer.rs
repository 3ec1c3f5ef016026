//! How the head of a response tells, inside this process, what HTTP has no word for: that the callee's runtime refused
//! or failed, and what a gRPC application answered. The fields are put by the reader of responses and taken off by
//! whoever made the call; they come neither from nor to anybody else.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mecha_base::percent::{Plus, decode, encode};
use mecha_codec::dapr::{Any, Status};
use prost::Message as _;

use super::{TYPE_URL, fields};

const RPC_STATUS: &str = "x-mecha-rpc-status";
const RPC_MESSAGE: &str = "x-mecha-rpc-message";
const APP_STATUS: &str = "x-mecha-app-status";
const APP_MESSAGE: &str = "x-mecha-app-message";
const APP_DETAILS: &str = "x-mecha-app-details";
const APP_TRAILER: &str = "x-mecha-app-trailer-";

/// What a gRPC application answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppStatus {
    /// The code; 0 = OK.
    pub code: i32,
    /// What went wrong.
    pub message: String,
    /// A `google.rpc.Status` with the details; empty when there are none.
    pub details: Bytes,
    /// Metadata that came after the message.
    pub trailers: HeaderMap,
}

/// The HTTP status of a gRPC code, as Dapr answers it (reference 1.5).
pub fn http_status(code: i32) -> u16 {
    match code {
        0 => 200,
        1 => 408,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    }
}

/// Says that the call itself failed.
pub fn put_failure(code: i32, message: &str, headers: &mut HeaderMap) {
    headers.insert(RPC_STATUS, code.into());
    put_text(RPC_MESSAGE, message.as_bytes(), headers);
}

/// Why the call failed: gRPC code and message. `None` when it did not.
pub fn take_failure(headers: &mut HeaderMap) -> Option<(i32, String)> {
    let code = take_code(RPC_STATUS, headers)?;
    Some((code, take_text(RPC_MESSAGE, headers)))
}

pub(super) fn put_app_status(told: &AppStatus, headers: &mut HeaderMap) {
    headers.insert(APP_STATUS, told.code.into());
    put_text(APP_MESSAGE, told.message.as_bytes(), headers);
    put_text(APP_DETAILS, &told.details, headers);
    for (name, value) in &told.trailers {
        if let Ok(name) = HeaderName::try_from(format!("{APP_TRAILER}{name}")) {
            let _ = headers.try_append(name, value.clone());
        }
    }
}

/// What a gRPC application answered; `None` when it was none.
pub fn take_app_status(headers: &mut HeaderMap) -> Option<AppStatus> {
    let code = take_code(APP_STATUS, headers)?;
    let message = take_text(APP_MESSAGE, headers);
    let details = headers
        .remove(APP_DETAILS)
        .map_or_else(Bytes::new, |value| Bytes::from(decode(value.as_bytes(), Plus::Literal).into_owned()));
    let mut trailers = HeaderMap::new();
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(APP_TRAILER)).cloned().collect();
    for name in names {
        let short = name.as_str().strip_prefix(APP_TRAILER).and_then(|name| HeaderName::try_from(name).ok());
        for value in headers.get_all(&name) {
            if let Some(short) = &short {
                let _ = trailers.try_append(short.clone(), value.clone());
            }
        }
        headers.remove(name);
    }
    Some(AppStatus { code, message, details, trailers })
}

/// The type of the body, when that is a protobuf message.
pub fn take_type_url(headers: &mut HeaderMap) -> Option<String> {
    headers.remove(TYPE_URL)?.to_str().ok().map(str::to_owned)
}

/// Takes off every field of this kind: what comes from outside must not pass for it.
pub fn forget(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(fields::INTERNAL)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// The details inside an encoded `google.rpc.Status`, whose shape is that of [`Status`].
pub(super) fn details_of(status: &Bytes) -> Vec<Any> {
    Status::decode(status.clone()).map(|status| status.details).unwrap_or_default()
}

/// A status with details, encoded; empty when it has none.
pub(super) fn status_of(status: &Status) -> Bytes {
    if status.details.is_empty() { Bytes::new() } else { status.encode_to_vec().into() }
}

fn take_code(name: &str, headers: &mut HeaderMap) -> Option<i32> {
    headers.remove(name)?.to_str().ok()?.parse().ok()
}

fn put_text(name: &'static str, text: &[u8], headers: &mut HeaderMap) {
    if text.is_empty() {
        return;
    }
    let mut encoded = String::with_capacity(text.len());
    encode(text, |byte| byte.is_ascii_graphic() && byte != b'%', &mut encoded);
    if let Ok(value) = HeaderValue::try_from(encoded) {
        headers.insert(name, value);
    }
}

fn take_text(name: &str, headers: &mut HeaderMap) -> String {
    let Some(value) = headers.remove(name) else { return String::new() };
    String::from_utf8_lossy(&decode(value.as_bytes(), Plus::Literal)).into_owned()
}
