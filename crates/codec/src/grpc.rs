//! The framing of gRPC messages inside an HTTP/2 stream: a byte that tells compression, four of length, the message
//! (gRPC over HTTP/2, "Length-Prefixed-Message"). Sans-io: pieces of a body go in, messages come out.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes before each message.
pub const PREFIX: usize = 5;

/// What can't be read as messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A message is compressed, although nobody said that we could read that.
    Compressed,
    /// A message is longer than allowed.
    TooLong,
    /// The stream ended inside a message.
    Cut,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameError::Compressed => "a gRPC message is compressed",
            FrameError::TooLong => "a gRPC message is longer than allowed",
            FrameError::Cut => "the stream ended inside a gRPC message",
        })
    }
}

impl std::error::Error for FrameError {}

/// Adds a message to `out`; `write` writes its `length` bytes.
pub fn put_message(out: &mut BytesMut, length: usize, write: impl FnOnce(&mut BytesMut)) {
    out.reserve(PREFIX + length);
    out.put_u8(0);
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    write(out);
}

/// Takes messages out of a stream of bytes. A message that lies in one piece is not copied.
#[derive(Debug)]
pub struct Messages {
    pieces: VecDeque<Bytes>,
    held: usize,
    longest: usize,
}

impl Messages {
    /// Messages of at most `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Messages { pieces: VecDeque::new(), held: 0, longest }
    }

    /// Takes a piece of the body.
    pub fn push(&mut self, piece: Bytes) {
        self.held += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// The next message, when all of it is there.
    ///
    /// # Errors
    /// [`FrameError::Compressed`] and [`FrameError::TooLong`]; the stream can't be read on then.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some([compressed, length @ ..]) = self.peek() else { return Ok(None) };
        if compressed != 0 {
            return Err(FrameError::Compressed);
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.longest {
            return Err(FrameError::TooLong);
        }
        if self.held < PREFIX + length {
            return Ok(None);
        }
        self.take(PREFIX);
        Ok(Some(self.take(length)))
    }

    /// The end of the stream.
    ///
    /// # Errors
    /// [`FrameError::Cut`] when a message is not complete.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.held == 0 { Ok(()) } else { Err(FrameError::Cut) }
    }

    fn peek(&self) -> Option<[u8; PREFIX]> {
        let mut prefix = [0; PREFIX];
        let mut bytes = self.pieces.iter().flat_map(|piece| piece.iter());
        for slot in &mut prefix {
            *slot = *bytes.next()?;
        }
        Some(prefix)
    }

    /// The next `length` bytes, which are there.
    fn take(&mut self, length: usize) -> Bytes {
        self.held = self.held.saturating_sub(length);
        match self.pieces.front_mut() {
            Some(first) if first.len() > length => return first.split_to(length),
            Some(first) if first.len() == length => return self.pieces.pop_front().unwrap_or_default(),
            _ => {}
        }
        let mut out = BytesMut::with_capacity(length);
        while out.len() < length
            && let Some(piece) = self.pieces.front_mut()
        {
            let step = piece.len().min(length - out.len());
            out.extend_from_slice(piece.get(..step).unwrap_or_default());
            piece.advance(step);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(texts: &[&str]) -> Bytes {
        let mut out = BytesMut::new();
        for text in texts {
            put_message(&mut out, text.len(), |out| out.put_slice(text.as_bytes()));
        }
        out.freeze()
    }

    #[test]
    fn messages_come_out_however_the_bytes_are_cut() {
        let all = framed(&["first", "", "a longer message"]);
        assert_eq!(&all[..10], b"\0\0\0\0\x05first");
        for step in 1..=all.len() {
            let mut messages = Messages::new(64);
            let mut found = Vec::new();
            for piece in all.chunks(step) {
                messages.push(Bytes::copy_from_slice(piece));
                while let Some(message) = messages.next_message().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, ["first", "", "a longer message"], "{step}");
            assert_eq!(messages.finish(), Ok(()));
        }
    }

    #[test]
    fn what_is_no_message_of_ours_is_an_error() {
        let mut messages = Messages::new(4);
        messages.push(framed(&["too long"]));
        assert_eq!(messages.next_message(), Err(FrameError::TooLong));
        let mut messages = Messages::new(4);
        messages.push(Bytes::from_static(b"\x01\0\0\0\0"));
        assert_eq!(messages.next_message(), Err(FrameError::Compressed));
        let mut messages = Messages::new(64);
        messages.push(framed(&["cut"]).slice(..6));
        assert_eq!(messages.next_message(), Ok(None));
        assert_eq!(messages.finish(), Err(FrameError::Cut));
    }
}
