//! The sending half of a stream, either end: one piece of data waits here until the peer's windows allow
//! it, so that nothing piles up inside `h2`.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};

use crate::headers::Headers;

/// Most bytes handed to `h2` at once.
const STEP: usize = 64 << 10;

/// The peer does not want the rest.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Option<h2::Error>);

impl From<h2::Error> for Refused {
    fn from(error: h2::Error) -> Self {
        Refused(Some(error))
    }
}

pub(super) struct Sending {
    stream: Option<SendStream<Bytes>>,
    pending: Bytes,
    last: bool,
}

impl Sending {
    /// A half whose head did not end the stream.
    pub(super) fn open(stream: SendStream<Bytes>) -> Self {
        Sending { stream: Some(stream), pending: Bytes::new(), last: false }
    }

    /// A half that has nothing more to say.
    pub(super) fn ended(stream: SendStream<Bytes>) -> Self {
        Sending { stream: Some(stream), pending: Bytes::new(), last: true }
    }

    /// A half whose head was not sent yet.
    pub(super) fn unopened() -> Self {
        Sending { stream: None, pending: Bytes::new(), last: false }
    }

    pub(super) fn has_room(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes a piece; whatever was taken before must have left.
    pub(super) fn send_data(&mut self, data: Bytes, last: bool) {
        self.pending = data;
        self.last = last;
    }

    /// Ends the stream after what is pending.
    pub(super) fn send_end(&mut self, trailers: Option<Headers>) -> Result<(), Refused> {
        if self.last {
            return Ok(());
        }
        self.last = true;
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if let Some(trailers) = trailers {
            // Data goes before trailers whatever the window says: h2 keeps the order, and it is one piece at the most.
            if !self.pending.is_empty() {
                stream.send_data(std::mem::take(&mut self.pending), false)?;
            }
            stream.send_trailers(trailers.into_map())?;
        } else if self.pending.is_empty() {
            stream.send_data(Bytes::new(), true)?;
        }
        Ok(())
    }

    /// Hands what is pending to `h2` as the windows allow; ready when nothing is pending.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        while !self.pending.is_empty() {
            let wanted = self.pending.len().min(STEP);
            // What fits without waiting is sent at once; a window that is open needs no round trip through the task.
            let mut granted = stream.capacity();
            if granted == 0 {
                stream.reserve_capacity(wanted);
                granted = stream.capacity();
            }
            if granted == 0 {
                granted = match ready!(stream.poll_capacity(cx)) {
                    Some(granted) => granted?,
                    None => return Poll::Ready(Err(Refused(None))),
                };
            }
            let step = granted.min(wanted);
            if step == 0 {
                continue;
            }
            let data = self.pending.split_to(step);
            stream.send_data(data, self.last && self.pending.is_empty())?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer has reset the stream.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stream {
            Some(stream) => stream.poll_reset(cx).map(|_| ()),
            None => Poll::Pending,
        }
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        if let Some(stream) = &mut self.stream {
            stream.send_reset(reason);
        }
    }
}
