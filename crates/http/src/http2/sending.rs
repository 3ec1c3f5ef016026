//! The sending half of a stream, either end: one piece of data, and the trailers after it, wait here until the
//! peer's windows allow the data, so that nothing piles up inside `h2`.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;

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
    /// `None` before the head was sent and after the peer has refused the rest: what is given then is dropped.
    stream: Option<SendStream<Bytes>>,
    pending: Bytes,
    end: End,
}

/// What follows the pending piece.
enum End {
    /// Not known yet.
    Open,
    /// The end of the stream.
    Last,
    /// These, and the end of the stream.
    Trailers(Box<HeaderMap>),
    /// Nothing: the end was handed over.
    Over,
}

impl Sending {
    /// A half whose head did not end the stream.
    pub(super) fn open(stream: SendStream<Bytes>) -> Self {
        Sending { stream: Some(stream), pending: Bytes::new(), end: End::Open }
    }

    /// A half that has nothing more to say.
    pub(super) fn ended(stream: SendStream<Bytes>) -> Self {
        Sending { stream: Some(stream), pending: Bytes::new(), end: End::Over }
    }

    /// A half whose head was not sent yet, or that the peer refused.
    pub(super) fn closed() -> Self {
        Sending { stream: None, pending: Bytes::new(), end: End::Over }
    }

    pub(super) fn has_room(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes a piece; whatever was taken before must have left.
    pub(super) fn send_data(&mut self, data: Bytes, last: bool) {
        if self.stream.is_none() || matches!(self.end, End::Over) {
            return;
        }
        self.pending = data;
        if last {
            self.end = End::Last;
        }
    }

    /// Ends the stream after what is pending; at once when nothing is.
    pub(super) fn send_end(&mut self, trailers: Option<Headers>) -> Result<(), Refused> {
        if !matches!(self.end, End::Open) {
            return Ok(());
        }
        self.end = match trailers {
            Some(trailers) => End::Trailers(Box::new(trailers.into_map())),
            None => End::Last,
        };
        if self.pending.is_empty() { self.finish() } else { Ok(()) }
    }

    /// Hands what is pending to `h2` as the windows allow; ready when nothing is pending.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        while !self.pending.is_empty() {
            ready!(self.poll_step(cx))?;
        }
        Poll::Ready(self.finish())
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        let Some(stream) = &mut self.stream else {
            self.pending = Bytes::new();
            return Poll::Ready(Ok(()));
        };
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
        let data = self.pending.split_to(granted.min(wanted));
        let last = self.pending.is_empty() && matches!(self.end, End::Last);
        if last {
            self.end = End::Over;
        }
        // Without a byte granted there is nothing to send; the next turn waits.
        if !data.is_empty() {
            stream.send_data(data, last)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands over what comes after the data.
    fn finish(&mut self) -> Result<(), Refused> {
        let end = match self.end {
            End::Open | End::Over => return Ok(()),
            _ => std::mem::replace(&mut self.end, End::Over),
        };
        let Some(stream) = &mut self.stream else { return Ok(()) };
        match end {
            End::Trailers(trailers) => stream.send_trailers(*trailers)?,
            _ => stream.send_data(Bytes::new(), true)?,
        }
        Ok(())
    }

    /// Ready when the peer has reset the stream, with its reason, or the connection has failed.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => Poll::Pending,
        }
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        if let Some(stream) = &mut self.stream {
            stream.send_reset(reason);
        }
    }
}
