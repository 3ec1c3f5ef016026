//! Takes frames off a socket, for either end. Memory grows with the bytes that came, not with the length that a frame
//! announces, and a connection that waits between frames holds no buffer.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use mecha_codec::http1::Field;
use mecha_codec::rpc::{Codec, Decoded, Envelope, FrameError, Limits, Protocol};
use mecha_http::headers::{give_list, take_list};
use mecha_net::{Stream, buffer};

/// A frame and its fields.
pub(crate) type Frame = (Envelope, Vec<Field>);

/// Why there is no next frame.
pub(crate) enum Broken {
    Io(io::Error),
    /// The peer ended inside a frame.
    Cut,
    Frame(FrameError),
}

pub(crate) struct Reader {
    protocol: Protocol,
    codec: &'static dyn Codec,
    limits: Limits,
    input: BytesMut,
    /// How many bytes the frame at the front has, as far as is known.
    need: usize,
    /// The last read filled what it was offered, so the next one is offered more.
    large: bool,
    /// Bytes read, ever.
    pub(crate) read: u64,
}

impl Reader {
    /// A reader of a connection of which `input` was read already.
    pub(crate) fn new(protocol: Protocol, limits: Limits, input: BytesMut) -> Self {
        let read = input.len() as u64;
        Reader { protocol, codec: protocol.codec(), limits, input, need: 0, large: false, read }
    }

    /// Whether nothing was read that was not taken as a frame.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Gives the buffer back, unless something was read that was not taken or a frame still refers to it: the next read is
    /// into one that was used just now.
    pub(crate) fn release(&mut self) {
        buffer::give_unless_shared(&mut self.input);
    }

    /// The next frame; `None` when the peer has ended between two of them.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Stream,
    ) -> Poll<Result<Option<Frame>, Broken>> {
        loop {
            if let Some(frame) = self.decode().map_err(Broken::Frame)? {
                return Poll::Ready(Ok(Some(frame)));
            }
            let read = ready!(self.poll_fill(cx, io)).map_err(Broken::Io)?;
            if read == 0 {
                let ended = if self.input.is_empty() { Ok(None) } else { Err(Broken::Cut) };
                return Poll::Ready(ended);
            }
        }
    }

    fn decode(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.input.is_empty() || self.input.len() < self.need {
            return Ok(None);
        }
        let mut fields = take_list();
        match self.codec.decode(&mut self.input, &self.limits, &mut fields) {
            Ok(Decoded::Frame(envelope)) if self.protocol.carries(envelope.protocol) => {
                self.need = 0;
                Ok(Some((envelope, fields)))
            }
            Ok(Decoded::Frame(_)) => Err(FrameError::new("a frame of another protocol")),
            Ok(Decoded::More { need }) => {
                give_list(fields);
                self.need = need;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, io: &mut Stream) -> Poll<io::Result<usize>> {
        let read = match io.poll_readable(cx) {
            Poll::Ready(Ok(())) => self.poll_read(cx, io),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        // Readiness may turn out to be of the past.
        if read.is_pending() {
            self.release();
        }
        read
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, io: &mut Stream) -> Poll<io::Result<usize>> {
        let usual = if self.large { buffer::LARGE } else { buffer::SMALL };
        if self.input.capacity() == 0 && !self.large {
            self.input = buffer::take();
        }
        // A frame is read into one piece. Its room at most doubles with each read, whatever it announces; what is left of
        // a lent buffer is used up before.
        if self.input.capacity() - self.input.len() < usual / 4 {
            let rest = self.need.saturating_sub(self.input.len());
            self.input.reserve(rest.min(self.input.len()).max(usual));
        }
        let offered = self.input.capacity() - self.input.len();
        let read = ready!(io.poll_read_buf(cx, &mut self.input))?;
        self.read += read as u64;
        self.large = read == offered;
        Poll::Ready(Ok(read))
    }
}
