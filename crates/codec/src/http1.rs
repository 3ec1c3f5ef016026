//! HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112), both sides, without io.
//!
//! A connection driver keeps one read buffer and calls [`parse_request`] or [`parse_response`] until a head is
//! complete, then [`BodyDecoder::decode`] until the body has ended. Heads are spans into that buffer, so order,
//! case and bytes of everything received are kept; the caller's field list is reused, and no parse allocates.
//! Writing is a set of functions that append to an output buffer, and [`BodyEncoder`] for the framing.
//!
//! The reader is strict: whatever two implementations could read in two ways (RFC 9112 section 11.2, request
//! smuggling) is an error here, and the connection has to be closed after the error response.

mod chunk;
mod connection;
mod decode;
mod encode;
mod error;
mod fields;
mod head;
mod id;
mod request;
mod response;
mod sniff;
mod status;
mod target;
mod trailer;

pub use connection::list_tokens;
pub use decode::{BodyDecoder, Decoded};
pub use encode::{BodyEncoder, write_field, write_request_line, write_status_line};
pub use error::{EncodeError, ParseError};
pub use head::{
    BodyLength, Field, Limits, MAX_FIELDS, RequestKind, RequestLine, Scan, Span, StatusLine, Version,
};
pub use id::HeaderId;
pub use request::parse_request;
pub use response::parse_response;
pub use sniff::matches_request;
pub use status::canonical_reason;
pub use trailer::is_forbidden_trailer;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod roundtrip;
