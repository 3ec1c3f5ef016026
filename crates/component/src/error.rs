//! What can go wrong in a driver. The kind decides what an API answers and whether a retry makes sense; the message is
//! for people and names what to do.

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The component's configuration makes no sense.
    Configuration,
    /// The stored etag is another one (HTTP 409, gRPC ABORTED).
    EtagMismatch,
    /// The given etag can't be one of this store (HTTP 400, gRPC INVALID_ARGUMENT).
    EtagInvalid,
    /// The request makes no sense to this driver.
    Invalid,
    /// The driver has no such feature.
    Unsupported,
    /// What was asked for is not there, where that is an error.
    NotFound,
    /// The system behind can't be reached or is not ready; worth a retry.
    Unavailable,
    /// The operation took too long; worth a retry.
    Timeout,
    /// Anything else.
    Internal,
}

/// An error of a driver.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    keys: Vec<(String, Error)>,
}

impl Error {
    /// An error with what went wrong, and what to do about it where that is not plain.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), keys: Vec::new() }
    }

    /// Wrong configuration.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// A request that makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The system behind can't be reached.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// Anything else.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A feature that the driver does not have.
    pub fn unsupported(what: &str) -> Self {
        Self::new(ErrorKind::Unsupported, format!("this component does not support {what}"))
    }

    /// Another version is stored than the one asked for. The first words are those that clients of Dapr know.
    pub fn etag_mismatch(detail: Option<&str>) -> Self {
        Self::with_detail(ErrorKind::EtagMismatch, "possible etag mismatch. error from state store", detail)
    }

    /// The given etag can't be one of this store.
    pub fn etag_invalid(detail: Option<&str>) -> Self {
        Self::with_detail(ErrorKind::EtagInvalid, "invalid etag value", detail)
    }

    fn with_detail(kind: ErrorKind, text: &str, detail: Option<&str>) -> Self {
        Self::new(kind, detail.map_or_else(|| text.to_owned(), |detail| format!("{text}: {detail}")))
    }

    /// Some keys of several failed; the others are done. `failed` must not be empty.
    pub fn of_keys(failed: Vec<(String, Error)>) -> Self {
        let kind = failed.first().map_or(ErrorKind::Internal, |(_, error)| error.kind);
        let each: Vec<_> = failed.iter().map(|(key, error)| format!("{key}: {error}")).collect();
        Error { kind, message: each.join("\n"), keys: failed }
    }

    /// What failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The keys that failed, when the error is one of several keys.
    pub fn keys(&self) -> &[(String, Error)] {
        &self.keys
    }

    /// Whether the same operation may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {}
