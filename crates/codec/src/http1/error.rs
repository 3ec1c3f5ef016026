//! What can be wrong with a message that is read ([`ParseError`]) or written ([`EncodeError`]).

use std::fmt;

/// A message that breaks a rule of framing or syntax, or a limit. The connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The status to answer with: 400, 414, 431, 501 or 505 for a request, always 502 for a response head.
    /// Body errors carry the status meant for a request body; for a response body the answer is 502.
    pub status: u16,
    /// The rule that was broken, for logs and for the operator. It quotes nothing from the message.
    pub reason: &'static str,
}

impl ParseError {
    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self { status: 400, reason }
    }

    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// The same fault seen in a response: the upstream's fault, so 502 (RFC 9112 section 6.3, case 3).
    pub(crate) const fn upstream(self) -> Self {
        Self { status: 502, reason: self.reason }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.status)
    }
}

impl std::error::Error for ParseError {}

/// A body that does not fit the framing its head announced. The connection has to be closed: what was already
/// written cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More bytes than Content-Length announced.
    TooLong {
        /// How many bytes could still be written.
        left: u64,
        /// How many bytes the slice held.
        len: u64,
    },
    /// The body ended before Content-Length was reached.
    TooShort {
        /// How many announced bytes are missing.
        left: u64,
    },
    /// Data for a message that has no body.
    NotAllowed,
    /// A data slice of no bytes; as a chunk it would end the body, so callers skip it.
    EmptyChunk,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { left, len } => {
                write!(f, "body is longer than Content-Length: {len} bytes given, {left} left")
            }
            Self::TooShort { left } => write!(f, "body ended {left} bytes before Content-Length"),
            Self::NotAllowed => f.write_str("data for a message that has no body"),
            Self::EmptyChunk => f.write_str("an empty data slice cannot be written as a chunk; skip it"),
        }
    }
}

impl std::error::Error for EncodeError {}
