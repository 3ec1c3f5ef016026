//! The caller's side of one call: what comes back on its HTTP/2 stream becomes the head and body of a response.

use std::collections::VecDeque;

use bytes::Bytes;
use http::StatusCode;
use mecha_base::percent::{Plus, decode};
use mecha_base::{Error, Kind, Result};
use mecha_codec::dapr::{ChunkDecoder, ChunkError, ResponseChunk};

use super::{answer, response_from};
use crate::head::ResponseHead;
use crate::headers::Headers;

/// The longest message that is read, in bytes. Runtimes send bodies in small pieces; what makes a message long is header
/// fields, or a runtime that sends a body whole.
pub const LONGEST: usize = 8 << 20;

/// Reads a response.
pub struct ResponseReader {
    chunks: ChunkDecoder<ResponseChunk>,
    data: VecDeque<Bytes>,
    /// Stands for the body that comes.
    instead: bool,
}

impl Default for ResponseReader {
    fn default() -> Self {
        ResponseReader { chunks: ChunkDecoder::new(LONGEST), data: VecDeque::new(), instead: false }
    }
}

impl ResponseReader {
    /// The head of the HTTP/2 response: when it says that the call has failed, the response that tells so.
    pub fn begin(&mut self, head: &ResponseHead) -> Option<ResponseHead> {
        if head.status != StatusCode::OK {
            let code = match head.status.as_u16() {
                401 => 16,
                403 => 7,
                404 => 12,
                429 | 502 | 503 | 504 => 14,
                _ => 2,
            };
            return Some(failed(code, &format!("the callee's runtime answered {}", head.status)));
        }
        // A response of trailers only.
        self.failure(&head.headers)
    }

    /// Takes bytes of the stream.
    pub fn push(&mut self, piece: Bytes) {
        self.chunks.push(piece);
    }

    /// The head of the response, once it is there.
    ///
    /// # Errors
    /// [`Kind::UpstreamProtocol`].
    pub fn head(&mut self) -> Result<Option<ResponseHead>> {
        let Some(received) = self.chunks.next_chunk().map_err(broken)? else { return Ok(None) };
        let response = received.head.ok_or_else(|| broken(ChunkError::Misplaced))?;
        let (head, instead) =
            response_from(response).map_err(|why| Error::upstream(Kind::UpstreamProtocol, why))?;
        self.instead = instead.is_some();
        let first = instead.unwrap_or(received.data);
        if !first.is_empty() {
            self.data.push_back(first);
        }
        Ok(Some(head))
    }

    /// The next piece of the body that has come.
    ///
    /// # Errors
    /// [`Kind::UpstreamProtocol`].
    pub fn data(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(data) = self.data.pop_front() {
                return Ok(Some(data));
            }
            let Some(received) = self.chunks.next_chunk().map_err(broken)? else { return Ok(None) };
            if !received.data.is_empty() && !self.instead {
                self.data.push_back(received.data);
            }
        }
    }

    /// What the trailers tell before there was a head: the response that tells of the failure.
    ///
    /// # Errors
    /// [`Kind::UpstreamProtocol`] when they tell of none.
    pub fn end_early(&mut self, trailers: Option<&Headers>) -> Result<ResponseHead> {
        let told = trailers.and_then(|trailers| self.failure(trailers));
        told.ok_or_else(|| Error::upstream(Kind::UpstreamProtocol, "the call ended without a response"))
    }

    /// The end of the stream after the head.
    ///
    /// # Errors
    /// [`Kind::UpstreamReset`] when the trailers, or the lack of them, say that the body is not whole.
    pub fn end(&mut self, trailers: Option<&Headers>) -> Result<()> {
        self.chunks.finish().map_err(broken)?;
        match trailers.and_then(|trailers| trailers.get("grpc-status")) {
            Some(b"0") => Ok(()),
            Some(_) => {
                Err(Error::upstream(Kind::UpstreamReset, "the callee's runtime ended the response early"))
            }
            None => Err(Error::upstream(Kind::UpstreamReset, "the response has no end")),
        }
    }

    fn failure(&self, fields: &Headers) -> Option<ResponseHead> {
        let code: i32 = fields.get_str("grpc-status")?.parse().ok()?;
        if code == 0 {
            return None;
        }
        let message = decode(fields.get("grpc-message").unwrap_or_default(), Plus::Literal);
        Some(failed(code, &String::from_utf8_lossy(&message)))
    }
}

/// The response that tells that the call failed.
fn failed(code: i32, message: &str) -> ResponseHead {
    let status = StatusCode::from_u16(answer::http_status(code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut head = ResponseHead::new(status);
    let mut map = http::HeaderMap::new();
    answer::put_failure(code, message, &mut map);
    head.headers = Headers::from_map(map);
    head
}

fn broken(error: ChunkError) -> Error {
    Error::upstream(Kind::UpstreamProtocol, "the call of an application").because(error)
}
