//! Errors of drivers as the runtime sees them: what a policy may try again, what a policy's refusal means, and the
//! texts that people and tools know from Dapr.

use mecha_component::{Error, ErrorKind};

use super::GrpcCode;
use crate::policy::{Failure, Refused};

impl Failure for Error {
    /// An operation on several keys is worth another try when one of its keys is.
    fn is_retriable(&self) -> bool {
        match self.keys() {
            [] => self.is_transient(),
            keys => keys.iter().any(|(_, error)| error.is_transient()),
        }
    }
}

/// The error of an operation under a policy, as one of the driver's kind.
pub(crate) fn settle(refused: Refused<Error>) -> Error {
    match refused {
        Refused::Failed(error) => error,
        Refused::Timeout(_) => Error::new(ErrorKind::Timeout, "context deadline exceeded"),
        Refused::Open(text) => Error::unavailable(text),
    }
}

/// The text of a driver's error in an answer: etag errors begin as Dapr's do (reference 1.3).
pub(crate) fn text(error: &Error) -> String {
    let begin = match etag_kind(error) {
        Some(ErrorKind::EtagMismatch) => "possible etag mismatch. error from state store",
        Some(_) => "invalid etag value",
        None => return error.message().to_owned(),
    };
    match error.message() {
        "" => begin.to_owned(),
        message if message.starts_with(begin) => message.to_owned(),
        message => format!("{begin}: {message}"),
    }
}

/// HTTP status and gRPC code of a write that failed: 409 and 400 for etags, else 500 (reference 1.3).
pub(crate) fn write_status(error: &Error) -> (u16, GrpcCode) {
    match etag_kind(error) {
        Some(ErrorKind::EtagMismatch) => (409, GrpcCode::Aborted),
        Some(_) => (400, GrpcCode::InvalidArgument),
        None => (500, GrpcCode::Internal),
    }
}

/// The etag error in `error`, if any: of several keys the first that has one, but an etag that can't be right wins.
fn etag_kind(error: &Error) -> Option<ErrorKind> {
    let is_etag = |kind: &ErrorKind| matches!(kind, ErrorKind::EtagMismatch | ErrorKind::EtagInvalid);
    if error.keys().is_empty() {
        return Some(error.kind()).filter(is_etag);
    }
    let mut kinds = error.keys().iter().map(|(_, error)| error.kind()).filter(is_etag);
    let first = kinds.next()?;
    if kinds.any(|kind| kind == ErrorKind::EtagInvalid) { Some(ErrorKind::EtagInvalid) } else { Some(first) }
}
