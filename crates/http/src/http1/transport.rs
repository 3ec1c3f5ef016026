//! What both ends of an HTTP/1 connection share: the socket, what was read and not yet understood, what
//! waits to be written, and the body codecs.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use mecha_codec::http1::{BodyDecoder, BodyEncoder, Decoded, EncodeError, Limits, ParseError};
use mecha_net::{Output, Stream, buffer};

use crate::body::Frame;
use crate::headers::Headers;

/// A peer that sends this much ahead of its turn is read no further until its turn comes.
const PIPELINE_LIMIT: usize = buffer::LARGE;
/// From this many waiting bytes on, the sender is told to wait.
const HIGH_WATER: usize = 64 << 10;

pub(super) struct Transport {
    pub(super) io: Stream,
    pub(super) input: BytesMut,
    pub(super) output: Output,
    pub(super) decoder: BodyDecoder,
    pub(super) encoder: BodyEncoder,
    /// The last read filled what it was offered, so the next one is offered more.
    large: bool,
    /// The peer has closed or reset its side.
    pub(super) ended: bool,
    pub(super) bytes_read: u64,
    pub(super) bytes_written: u64,
}

/// Why a body could not be read on.
pub(super) enum BodyError {
    Io(io::Error),
    Framing(ParseError),
    /// The peer ended in the middle.
    Cut,
}

impl Transport {
    pub(super) fn new(io: Stream, input: BytesMut) -> Self {
        Transport {
            io,
            bytes_read: input.len() as u64,
            input,
            output: Output::default(),
            decoder: BodyDecoder::default(),
            encoder: BodyEncoder::None,
            large: false,
            ended: false,
            bytes_written: 0,
        }
    }

    /// Reads more into `input`; `0` is the end. Holds no buffer while there is nothing to read.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = match self.io.poll_readable(cx) {
            Poll::Ready(Ok(())) => self.poll_read(cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.ended |= matches!(read, Poll::Ready(Ok(0) | Err(_)));
        // Readiness may turn out to be of the past.
        if read.is_pending() {
            buffer::give_unless_shared(&mut self.input);
        }
        read
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = if self.large { buffer::LARGE } else { buffer::SMALL };
        if self.input.capacity() == 0 && !self.large {
            self.input = buffer::take();
        }
        // What is left of a lent buffer is used up before room is made by moving or growing.
        if self.input.capacity() - self.input.len() < room / 4 {
            self.input.reserve(room);
        }
        let offered = self.input.capacity() - self.input.len();
        let read = ready!(self.io.poll_read_buf(cx, &mut self.input))?;
        self.bytes_read += read as u64;
        self.large = read == offered;
        Poll::Ready(Ok(read))
    }

    /// Gives the input buffer back when it holds nothing.
    pub(super) fn release_input(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            buffer::give(std::mem::take(&mut self.input));
        }
    }

    /// The next step of the peer's body; `None` when it has ended.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
    ) -> Poll<Result<Option<Frame>, BodyError>> {
        loop {
            match self.decoder.decode(&mut self.input, limits).map_err(BodyError::Framing)? {
                Decoded::Data(data) => return Poll::Ready(Ok(Some(Frame::Data(data)))),
                Decoded::Trailers { block, fields } => {
                    return Poll::Ready(Ok(Some(Frame::Trailers(Headers::from_block(block, fields)))));
                }
                Decoded::End => return Poll::Ready(Ok(None)),
                Decoded::More => {}
            }
            if ready!(self.poll_fill(cx)).map_err(BodyError::Io)? == 0 {
                self.decoder.on_eof().map_err(|_| BodyError::Cut)?;
            }
        }
    }

    /// Queues a piece of our body with its framing.
    pub(super) fn send_data(&mut self, data: Bytes) -> Result<(), EncodeError> {
        self.encoder.before(data.len(), self.output.tail())?;
        self.output.push(data);
        if self.encoder == BodyEncoder::Chunked {
            self.encoder.after(self.output.tail());
        }
        Ok(())
    }

    /// Queues what ends our body.
    pub(super) fn send_end(&mut self, trailers: Option<&Headers>) -> Result<(), EncodeError> {
        match trailers {
            Some(trailers) => self.encoder.end(trailers.iter(), self.output.tail()),
            None => self.encoder.end(std::iter::empty(), self.output.tail()),
        }
    }

    /// Whether more may be queued before some of it is written.
    pub(super) fn has_room(&self) -> bool {
        self.output.len() < HIGH_WATER
    }

    /// Writes what is queued; ready when nothing is left.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.output.poll_flush(cx, &mut self.io, &mut self.bytes_written)
    }

    /// Ready when the peer is gone while it is not its turn to send. Bytes sent ahead are kept, up to a limit.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.input.len() >= PIPELINE_LIMIT {
                return Poll::Pending;
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    }

    /// Bytes of memory held for what was read, and for what is to be written.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.input.capacity(), self.output.held())
    }

    /// Bytes read and written since the last call.
    pub(super) fn take_traffic(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.bytes_read), std::mem::take(&mut self.bytes_written))
    }
}
