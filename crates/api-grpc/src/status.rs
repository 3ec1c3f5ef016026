//! Errors of the runtime and HTTP statuses as gRPC statuses, and back.

use mecha_runtime::{ApiError, Detail, Runtime};
use tonic::{Code, Status};

use crate::detail;

/// Longest value that Dapr puts into the metadata of an `ErrorInfo`, in bytes.
const LONGEST_DETAIL: usize = 63;

/// The answer for an error, which is counted.
pub(crate) fn refuse(runtime: &Runtime, error: &ApiError) -> Status {
    runtime.metrics().api_error(error);
    of_error(error)
}

/// An error with its details.
pub(crate) fn of_error(error: &ApiError) -> Status {
    let code = error.grpc() as i32;
    let details = detail::encode(code, error.message(), error.details());
    Status::with_details(Code::from_i32(code), error.message(), details)
}

/// The gRPC code that callers by gRPC see for an HTTP status. A 400 is INTERNAL, as gRPC's own mapping of HTTP statuses has
/// it: Dapr follows that here, and another mapping on the way back.
fn code_of_http(status: u16) -> Code {
    match status {
        200..=299 => Code::Ok,
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        408 => Code::Cancelled,
        409 => Code::AlreadyExists,
        429 => Code::ResourceExhausted,
        501 => Code::Unimplemented,
        503 => Code::Unavailable,
        504 => Code::DeadlineExceeded,
        _ => Code::Unknown,
    }
}

/// What a gRPC caller is told about an HTTP status that is no success: its name, and in an `ErrorInfo` the number and the
/// beginning of the body. `None` for a success.
pub(crate) fn of_http(status: u16, body: &[u8]) -> Option<Status> {
    let code = code_of_http(status);
    if code == Code::Ok {
        return None;
    }
    let name = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    Some(with_http_info(code, name.unwrap_or_default(), status, &String::from_utf8_lossy(body)))
}

/// A status whose details tell the HTTP status of the same meaning.
pub(crate) fn with_http_info(code: Code, message: &str, status: u16, text: &str) -> Status {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut end = text.len().min(LONGEST_DETAIL);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let metadata = [
        ("http.code".to_owned(), status.to_string()),
        ("http.error_message".to_owned(), text.get(..end).unwrap_or_default().to_owned()),
    ];
    let info = Detail::ErrorInfo {
        reason: reason.unwrap_or_default().to_owned(),
        metadata: metadata.into_iter().collect(),
    };
    Status::with_details(code, message, detail::encode(code as i32, message, &[info]))
}
