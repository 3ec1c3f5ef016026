//! The messages that the runtimes of applications send each other (Dapr reference 2.4): `ServiceInvocation` of the
//! package `dapr.proto.internals.v1`, and what it takes from `dapr.proto.common.v1`. Field numbers and types are those of
//! the public protocol; the messages of actors are not here.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use prost::Message;

use crate::grpc;

/// A call whose bodies stream.
pub const CALL_LOCAL_STREAM: &str = "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream";
/// A call in one message; older runtimes make it.
pub const CALL_LOCAL: &str = "/dapr.proto.internals.v1.ServiceInvocation/CallLocal";
/// The path of every method of the service begins so.
pub const SERVICE: &str = "/dapr.proto.internals.v1.ServiceInvocation/";

/// Most bytes of a body in one message, so that the message fits one HTTP/2 frame of the usual 16 KiB. Peers take any
/// size up to their limit of a message.
pub const CHUNK: usize = (16 << 10) - 64;

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

    /// The verb of an HTTP method; `Post` for a method that the protocol does not know.
    pub fn of(method: &str) -> Self {
        Self::NAMES.iter().find(|(_, name)| *name == method).map_or(Verb::Post, |(verb, _)| *verb)
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

/// A message that may carry a piece of a body.
pub trait Chunk: Message + Default {
    /// What the first message carries beside it.
    type Head: Clone + std::fmt::Debug;

    /// A message of these parts.
    fn new(head: Option<Self::Head>, payload: Option<StreamPayload>) -> Self;

    /// Its parts.
    fn into_parts(self) -> (Option<Self::Head>, Option<StreamPayload>);
}

impl Chunk for RequestChunk {
    type Head = InternalInvokeRequest;

    fn new(request: Option<InternalInvokeRequest>, payload: Option<StreamPayload>) -> Self {
        RequestChunk { request, payload }
    }

    fn into_parts(self) -> (Option<InternalInvokeRequest>, Option<StreamPayload>) {
        (self.request, self.payload)
    }
}

impl Chunk for ResponseChunk {
    type Head = InternalInvokeResponse;

    fn new(response: Option<InternalInvokeResponse>, payload: Option<StreamPayload>) -> Self {
        ResponseChunk { response, payload }
    }

    fn into_parts(self) -> (Option<InternalInvokeResponse>, Option<StreamPayload>) {
        (self.response, self.payload)
    }
}

/// Makes the messages of one direction of a call.
#[derive(Debug)]
pub struct ChunkEncoder<C: Chunk> {
    head: Option<C::Head>,
    next: u64,
}

impl<C: Chunk> ChunkEncoder<C> {
    /// For a call with this head, which goes out with the first message.
    pub fn new(head: C::Head) -> Self {
        ChunkEncoder { head: Some(head), next: 0 }
    }

    /// The head in a message of its own; `None` when it went out.
    pub fn head(&mut self) -> Option<Bytes> {
        let head = self.head.take()?;
        let mut out = BytesMut::new();
        put(&mut out, &C::new(Some(head), None));
        Some(out.freeze())
    }

    /// The messages of a piece of the body, framed; with the head before them when that did not go out yet.
    pub fn data(&mut self, mut data: Bytes) -> Bytes {
        let mut out = BytesMut::with_capacity(data.len() + 64);
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(CHUNK));
            let payload = StreamPayload { data: piece, seq: self.next };
            self.next += 1;
            put(&mut out, &C::new(self.head.take(), Some(payload)));
        }
        out.freeze()
    }
}

fn put(out: &mut BytesMut, message: &impl Message) {
    grpc::put_message(out, message.encoded_len(), |out| {
        // The room was made for its length.
        let _ = message.encode(out);
    });
}

/// A message that breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// It is framed wrongly.
    Frame(grpc::FrameError),
    /// It can't be decoded.
    Malformed,
    /// The first message has no head, or a later one has one.
    Misplaced,
    /// A piece of the body is missing or stands at the wrong place.
    Sequence {
        /// The number it has.
        received: u64,
        /// The number it should have.
        expected: u64,
    },
}

impl std::fmt::Display for ChunkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ChunkError::Frame(error) => error.fmt(f),
            ChunkError::Malformed => f.write_str("a message can't be decoded"),
            ChunkError::Misplaced => {
                f.write_str("the required fields are not in the leading chunk, or not only there")
            }
            ChunkError::Sequence { received, expected } => {
                write!(f, "invalid sequence number received: {received} (expected: {expected})")
            }
        }
    }
}

impl std::error::Error for ChunkError {}

/// Reads the messages of one direction of a call.
#[derive(Debug)]
pub struct ChunkDecoder<C> {
    messages: grpc::Messages,
    begun: bool,
    next: u64,
    _chunk: std::marker::PhantomData<fn() -> C>,
}

/// One message.
#[derive(Debug)]
pub struct Received<H> {
    /// In the first message, and only there.
    pub head: Option<H>,
    /// A piece of the body; may be empty.
    pub data: Bytes,
}

impl<C: Chunk> ChunkDecoder<C> {
    /// For messages of at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        let messages = grpc::Messages::new(longest);
        ChunkDecoder { messages, begun: false, next: 0, _chunk: std::marker::PhantomData }
    }

    /// Takes bytes of the stream.
    pub fn push(&mut self, piece: Bytes) {
        self.messages.push(piece);
    }

    /// The next message, when all of it is there.
    ///
    /// # Errors
    /// When it breaks the protocol; the call is over then.
    pub fn next_chunk(&mut self) -> Result<Option<Received<C::Head>>, ChunkError> {
        let Some(message) = self.messages.next_message().map_err(ChunkError::Frame)? else { return Ok(None) };
        let (head, payload) = C::decode(message).map_err(|_| ChunkError::Malformed)?.into_parts();
        if head.is_some() == self.begun {
            return Err(ChunkError::Misplaced);
        }
        self.begun = true;
        let mut data = Bytes::new();
        if let Some(payload) = payload {
            if payload.seq != self.next {
                return Err(ChunkError::Sequence { received: payload.seq, expected: self.next });
            }
            self.next += 1;
            data = payload.data;
        }
        Ok(Some(Received { head, data }))
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// When it ended inside a message, or before the first.
    pub fn finish(&self) -> Result<(), ChunkError> {
        self.messages.finish().map_err(ChunkError::Frame)?;
        if self.begun { Ok(()) } else { Err(ChunkError::Misplaced) }
    }
}

#[cfg(test)]
mod tests;
