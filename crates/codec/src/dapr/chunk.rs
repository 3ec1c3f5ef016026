//! A direction of a streamed call: the head in the first message, numbered pieces of the body in any.

use bytes::{Bytes, BytesMut};
use prost::Message;

use super::message::{
    InternalInvokeRequest, InternalInvokeResponse, RequestChunk, ResponseChunk, StreamPayload,
};
use crate::grpc;

/// Most bytes of a body in one message, so that the message fits one HTTP/2 frame of the usual 16 KiB. Peers take any
/// size up to their limit of a message.
pub const CHUNK: usize = (16 << 10) - 64;

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

    /// The messages of a piece of the body, framed; with the head before them when that did not go out yet, even if the
    /// piece is empty.
    pub fn data(&mut self, mut data: Bytes) -> Bytes {
        if data.is_empty() {
            return self.head().unwrap_or_default();
        }
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

pub(super) fn put(out: &mut BytesMut, message: &impl Message) {
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
