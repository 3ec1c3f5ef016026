//! The messages: of the package `dapr.proto.internals.v1`, and what it takes from `dapr.proto.common.v1`. Field numbers
//! and types are those of the public protocol; the messages of actors are not here.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

/// Header fields or metadata: each name with its values.
pub type Metadata = BTreeMap<String, Values>;

/// `ListStringValue`.
#[derive(Clone, PartialEq, Message)]
pub struct Values {
    /// In order.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// Empty for plain bytes.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// `HTTPExtension.Verb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
#[expect(missing_docs, reason = "the names are those of HTTP")]
pub enum Verb {
    None = 0,
    Get = 1,
    Head = 2,
    Post = 3,
    Put = 4,
    Delete = 5,
    Connect = 6,
    Options = 7,
    Trace = 8,
    Patch = 9,
}

impl Verb {
    const NAMES: [(Verb, &'static str); 9] = [
        (Verb::Get, "GET"),
        (Verb::Head, "HEAD"),
        (Verb::Post, "POST"),
        (Verb::Put, "PUT"),
        (Verb::Delete, "DELETE"),
        (Verb::Connect, "CONNECT"),
        (Verb::Options, "OPTIONS"),
        (Verb::Trace, "TRACE"),
        (Verb::Patch, "PATCH"),
    ];

    /// The verb of an HTTP method; `None` for a method that the protocol can't carry.
    pub fn of(method: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == method).map(|(verb, _)| *verb)
    }

    /// The HTTP method; `POST` where none is said.
    pub fn method(self) -> &'static str {
        Self::NAMES.iter().find(|(verb, _)| *verb == self).map_or("POST", |(_, name)| name)
    }
}

/// `HTTPExtension`.
#[derive(Clone, PartialEq, Message)]
pub struct HttpExtension {
    /// The HTTP method.
    #[prost(enumeration = "Verb", tag = "1")]
    pub verb: i32,
    /// The query, without its question mark.
    #[prost(string, tag = "2")]
    pub querystring: String,
}

/// `InvokeRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct InvokeRequest {
    /// A decoded path without a leading slash.
    #[prost(string, tag = "1")]
    pub method: String,
    /// The body; of a streamed call its type only.
    #[prost(message, optional, tag = "2")]
    pub data: Option<Any>,
    /// The body's type.
    #[prost(string, tag = "3")]
    pub content_type: String,
    /// Of calls by HTTP.
    #[prost(message, optional, tag = "4")]
    pub http_extension: Option<HttpExtension>,
}

/// `InvokeResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct InvokeResponse {
    /// The body; of a streamed call its type only.
    #[prost(message, optional, tag = "1")]
    pub data: Option<Any>,
    /// The body's type.
    #[prost(string, tag = "2")]
    pub content_type: String,
}

/// `InternalInvokeRequest`, without the field for actors.
#[derive(Clone, PartialEq, Message)]
pub struct InternalInvokeRequest {
    /// 1 = `V1`.
    #[prost(int32, tag = "1")]
    pub ver: i32,
    /// The caller's header fields or metadata.
    #[prost(btree_map = "string, message", tag = "2")]
    pub metadata: Metadata,
    /// The call.
    #[prost(message, optional, tag = "3")]
    pub message: Option<InvokeRequest>,
}

/// `Status`: an HTTP status from 100 on, a gRPC code below.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// The status or code.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What went wrong, of gRPC applications.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Details, of gRPC applications.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `InternalInvokeResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct InternalInvokeResponse {
    /// How the application answered.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// Its header fields or metadata.
    #[prost(btree_map = "string, message", tag = "2")]
    pub headers: Metadata,
    /// Metadata that came after the message, of gRPC applications.
    #[prost(btree_map = "string, message", tag = "3")]
    pub trailers: Metadata,
    /// The answer.
    #[prost(message, optional, tag = "4")]
    pub message: Option<InvokeResponse>,
}

/// `StreamPayload`.
#[derive(Clone, PartialEq, Message)]
pub struct StreamPayload {
    /// A piece of the body.
    #[prost(bytes = "bytes", tag = "1")]
    pub data: Bytes,
    /// From 0, one more with each piece.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
}

/// `InternalInvokeRequestStream`: the request in the first message, pieces of its body in any.
#[derive(Clone, PartialEq, Message)]
pub struct RequestChunk {
    /// In the first message only.
    #[prost(message, optional, tag = "1")]
    pub request: Option<InternalInvokeRequest>,
    /// A piece of the body.
    #[prost(message, optional, tag = "2")]
    pub payload: Option<StreamPayload>,
}

/// `InternalInvokeResponseStream`: the response in the first message, pieces of its body in any.
#[derive(Clone, PartialEq, Message)]
pub struct ResponseChunk {
    /// In the first message only.
    #[prost(message, optional, tag = "1")]
    pub response: Option<InternalInvokeResponse>,
    /// A piece of the body.
    #[prost(message, optional, tag = "2")]
    pub payload: Option<StreamPayload>,
}
