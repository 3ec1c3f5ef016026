//! Responses: from HTTP to a message, on the callee's side, and back on the caller's.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, response};
use mecha_codec::dapr::{Any, InternalInvokeResponse, InvokeResponse, Status};
use serde_json::json;

use super::answer::AppStatus;
use super::{TYPE_URL, answer, fields};
use crate::head::ResponseHead;
use crate::headers::Headers;

/// Codes from here on are HTTP statuses; those below are gRPC's.
const FIRST_STATUS: i32 = 100;

/// An application's response as a message; `grpc` is what a gRPC application answered.
pub fn response_to(parts: &response::Parts, grpc: Option<AppStatus>) -> InternalInvokeResponse {
    let mut out = InternalInvokeResponse::default();
    for (name, value) in &parts.headers {
        if fields::is_sent(name.as_str()) && *name != header::CONTENT_LENGTH {
            fields::put(&mut out.headers, name.as_str(), value.as_bytes());
        }
    }
    let text = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let type_url = text(TYPE_URL);
    out.message = Some(InvokeResponse {
        data: (!type_url.is_empty()).then(|| Any { type_url, ..Any::default() }),
        content_type: text("content-type"),
    });
    out.status = Some(match grpc {
        None => Status { code: parts.status.as_u16().into(), ..Status::default() },
        Some(told) => {
            for (name, value) in &told.trailers {
                fields::put(&mut out.trailers, name.as_str(), value.as_bytes());
            }
            let AppStatus { code, message, details, .. } = told;
            Status { code, message, details: answer::details_of(&details) }
        }
    });
    out
}

/// The response of a message, and the body that stands for the one of a gRPC application that failed. How such an
/// application answered is told by fields of the head ([`answer::take_app_status`]).
///
/// # Errors
/// When the message says no status.
pub fn response_from(
    response: InternalInvokeResponse,
) -> Result<(ResponseHead, Option<Bytes>), &'static str> {
    let InternalInvokeResponse { status, headers, trailers, message } = response;
    let status = status.ok_or("the response has no status")?;
    let message = message.unwrap_or_default();
    let mut map = HeaderMap::new();
    fields::take(headers, &["content-type", "content-length"], &mut map);
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value)
            && !value.is_empty()
        {
            map.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, &message.content_type);
    if let Some(data) = &message.data {
        put(header::HeaderName::from_static(TYPE_URL), &data.type_url);
    }
    let mut instead = None;
    let code = if status.code >= FIRST_STATUS {
        u16::try_from(status.code).unwrap_or_default()
    } else {
        if status.code != 0 {
            map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            instead = Some(json!({ "code": status.code, "message": status.message }).to_string().into());
        }
        let details = answer::status_of(&status);
        let mut after = HeaderMap::new();
        fields::take(trailers, &[], &mut after);
        let told = AppStatus { code: status.code, message: status.message, details, trailers: after };
        answer::put_app_status(&told, &mut map);
        answer::http_status(status.code)
    };
    let mut head =
        ResponseHead::new(StatusCode::from_u16(code).map_err(|_| "the status is no number of HTTP")?);
    head.headers = Headers::from_map(map);
    Ok((head, instead))
}
