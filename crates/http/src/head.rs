//! Request and response heads. What came over HTTP/1 keeps its bytes: the target, the order and case of
//! header fields, the reason phrase.

use bytes::Bytes;
use bytestring::ByteString;
pub use http::{Method, StatusCode};
use mecha_codec::rpc::Envelope;

use crate::headers::Headers;

/// The HTTP version a message came in, or goes out in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// None: a message of an RPC protocol.
    Rpc,
}

impl Version {
    /// As access logs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2",
            Version::Rpc => "RPC",
        }
    }
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The version it came in.
    pub version: Version,
    /// Any token.
    pub method: Method,
    /// Host and port as the client named them (`Host`, absolute target or `:authority`); may be empty.
    pub authority: ByteString,
    /// Path and query as sent; `*` for a server-wide OPTIONS; empty for CONNECT.
    pub target: ByteString,
    /// The fields. Over HTTP/1 they include `Host` where the client put it; over HTTP/2 they don't.
    pub headers: Headers,
    /// The message itself, when it is one of an RPC protocol: then it is here whole, payload included.
    pub rpc: Option<Envelope>,
}

impl RequestHead {
    /// The target without its query. A request about the server as a whole (`*`) counts as one about its root.
    pub fn path(&self) -> &str {
        if self.target == "*" {
            return "/";
        }
        match self.target.split_once('?') {
            Some((path, _)) => path,
            None => &self.target,
        }
    }

    /// The query, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Whether this is a gRPC call: a POST whose content type is `application/grpc`, alone or with `+proto` and the like.
    pub fn is_grpc(&self) -> bool {
        let kind = self.headers.get_id(crate::HeaderId::ContentType).unwrap_or_default();
        kind.strip_prefix(b"application/grpc")
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
    }
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The version it came in.
    pub version: Version,
    /// 100 to 999.
    pub status: StatusCode,
    /// The reason phrase, when it came over HTTP/1 and is not the usual one.
    pub reason: Option<Bytes>,
    /// The fields.
    pub headers: Headers,
    /// The message itself, when it is one of an RPC protocol.
    pub rpc: Option<Envelope>,
}

impl ResponseHead {
    /// A head of our own making.
    pub fn new(status: StatusCode) -> Self {
        ResponseHead { version: Version::Http11, status, reason: None, headers: Headers::new(), rpc: None }
    }

    /// Whether another head follows: informational ones other than 101 only announce (RFC 9110 section 15.2).
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}
