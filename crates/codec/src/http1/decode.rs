//! [`BodyDecoder`]: takes the bytes of one body off the front of a read buffer, and not one more.

use bytes::{Buf, Bytes, BytesMut};

use super::chunk::parse_chunk_line;
use super::trailer::parse_trailers;
use super::{BodyLength, Field, Limits, ParseError};

/// What [`BodyDecoder::decode`] found.
#[derive(Debug)]
pub enum Decoded {
    /// The next piece of the body, split off the buffer without copying; never empty.
    Data(Bytes),
    /// The trailer section of a chunked body; the end follows.
    Trailers {
        /// The bytes of the section.
        block: Bytes,
        /// Its fields as spans into `block`, without those that
        /// [`is_forbidden_trailer`](super::is_forbidden_trailer); never empty.
        fields: Vec<Field>,
    },
    /// The body has ended. What is left in the buffer belongs to the next message.
    End,
    /// Read more bytes into the buffer and call again.
    More,
}

/// Decodes one body. After an error the connection is unusable.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes left of the body ([`State::Fixed`]) or of the chunk ([`State::ChunkData`]).
    left: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ended,
    Fixed,
    UntilClose,
    ChunkLine,
    ChunkData,
    /// The CRLF after a chunk's data.
    ChunkEnd,
    /// After the chunk of size 0.
    Trailers,
}

impl Default for BodyDecoder {
    /// The decoder of a message without a body.
    fn default() -> Self {
        Self::new(BodyLength::Empty)
    }
}

impl BodyDecoder {
    /// A decoder for the body that a head announced.
    pub const fn new(length: BodyLength) -> Self {
        let (state, left) = match length {
            BodyLength::Empty | BodyLength::Fixed(0) => (State::Ended, 0),
            BodyLength::Fixed(length) => (State::Fixed, length),
            BodyLength::Chunked => (State::ChunkLine, 0),
            BodyLength::UntilClose => (State::UntilClose, 0),
        };
        Self { state, left }
    }

    /// Takes the next piece of the body off the front of `buf`. Chunk lines are taken off on the way; an
    /// unfinished one stays in the buffer.
    ///
    /// # Errors
    ///
    /// A malformed or oversized chunk line or trailer section. Nothing can be read from the connection after it.
    pub fn decode(&mut self, buf: &mut BytesMut, limits: &Limits) -> Result<Decoded, ParseError> {
        loop {
            match self.state {
                State::Ended => return Ok(Decoded::End),
                State::Fixed => return Ok(self.data(buf, State::Ended)),
                State::ChunkData => return Ok(self.data(buf, State::ChunkEnd)),
                State::UntilClose if buf.is_empty() => return Ok(Decoded::More),
                State::UntilClose => return Ok(Decoded::Data(buf.split().freeze())),
                State::ChunkEnd => {
                    // The next chunk line is read together with the CRLF before it.
                    match buf.first_chunk() {
                        Some(b"\r\n") => {}
                        None if matches!(buf.first(), None | Some(b'\r')) => return Ok(Decoded::More),
                        _ => return Err(ParseError::bad("chunk data is not followed by CRLF")),
                    }
                    if !self.chunk_line(buf, 2, limits)? {
                        return Ok(Decoded::More);
                    }
                }
                State::ChunkLine => {
                    if !self.chunk_line(buf, 0, limits)? {
                        return Ok(Decoded::More);
                    }
                }
                State::Trailers => return self.trailers(buf, limits),
            }
        }
    }

    /// Whether the whole body was taken; [`Self::decode`] then gives [`Decoded::End`].
    #[inline]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Tells the decoder that the peer sent its last byte and the buffer is empty.
    ///
    /// # Errors
    ///
    /// The body is cut short: it is not one that ends with the connection.
    pub const fn on_eof(&mut self) -> Result<(), ParseError> {
        match self.state {
            State::Ended | State::UntilClose => {
                self.state = State::Ended;
                Ok(())
            }
            _ => Err(ParseError::bad("connection closed before the end of the body")),
        }
    }

    /// How many bytes the body still has, where its head told.
    pub const fn remaining_hint(&self) -> Option<u64> {
        match self.state {
            State::Ended => Some(0),
            State::Fixed => Some(self.left),
            _ => None,
        }
    }

    /// What `buf` holds of the current run of data; `then` follows once the run is complete.
    #[inline]
    fn data(&mut self, buf: &mut BytesMut, then: State) -> Decoded {
        if buf.is_empty() {
            return Decoded::More;
        }
        let take = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        self.left -= take as u64;
        if self.left == 0 {
            self.state = then;
        }
        Decoded::Data(buf.split_to(take).freeze())
    }

    /// Takes the chunk line that begins `at` bytes into the buffer, and those bytes; `false` when it is unfinished.
    #[inline]
    fn chunk_line(&mut self, buf: &mut BytesMut, at: usize, limits: &Limits) -> Result<bool, ParseError> {
        let line = buf.get(at..).unwrap_or_default();
        let Some((line_len, size)) = parse_chunk_line(line, limits.chunk_line)? else { return Ok(false) };
        buf.advance(at + line_len);
        self.left = size;
        self.state = if size == 0 { State::Trailers } else { State::ChunkData };
        Ok(true)
    }

    fn trailers(&mut self, buf: &mut BytesMut, limits: &Limits) -> Result<Decoded, ParseError> {
        match &**buf {
            [b'\r', b'\n', ..] => {
                buf.advance(2);
                self.state = State::Ended;
                return Ok(Decoded::End);
            }
            [] | [b'\r'] => return Ok(Decoded::More),
            _ => {}
        }
        let Some((len, fields)) = parse_trailers(buf, limits)? else { return Ok(Decoded::More) };
        let block = buf.split_to(len).freeze();
        self.state = State::Ended;
        Ok(if fields.is_empty() { Decoded::End } else { Decoded::Trailers { block, fields } })
    }
}
