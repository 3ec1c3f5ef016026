//! The exchange's end of a local stream: the same verbs as a stream of an HTTP/2 connection.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};

use super::pipe::{End, remember, repeat};
use super::{MAX_INTERIM, Shared};
use crate::body::{Frame, Length};
use crate::head::ResponseHead;
use crate::headers::Headers;

/// The exchange's end. Dropping it before the response has ended cuts the response.
pub struct ServerStream {
    shared: Arc<Shared>,
    /// Bytes of the request's body that were announced and have not come.
    missing: Option<u64>,
    pending: Bytes,
    /// How the response ends, once what is pending has left.
    end: Option<End>,
}

impl ServerStream {
    pub(super) fn new(shared: Arc<Shared>, length: Length) -> Self {
        let missing = if let Length::Known(length) = length { Some(length) } else { None };
        ServerStream { shared, missing, pending: Bytes::new(), end: None }
    }

    /// The next step of the request's body; `None` when it has ended.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the caller gave up, [`Kind::BadRequest`] when the body is not as long as announced.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        let frame = ready!(self.shared.with(|state| state.request.poll_next(cx)))?;
        if let Some(missing) = &mut self.missing {
            let left = match &frame {
                Some(Frame::Data(data)) => missing.checked_sub(data.len() as u64),
                _ => Some(0).filter(|_| *missing == 0),
            };
            *missing = left.ok_or_else(wrong_length)?;
        }
        Poll::Ready(Ok(frame))
    }

    /// Whether the request has been received whole.
    pub fn is_received(&self) -> bool {
        self.missing.is_none_or(|missing| missing == 0) && self.shared.state.lock().request.is_received()
    }

    /// Ready when the caller has given up.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.state.lock();
        if state.response.is_closed() {
            return Poll::Ready(());
        }
        remember(&mut state.gone, cx);
        Poll::Pending
    }

    /// Sends an informational response. A caller that has left too many of them aside misses this one.
    pub fn send_informational(&mut self, head: ResponseHead) {
        self.shared.with(|state| {
            if state.heads.len() >= MAX_INTERIM {
                return ((), None);
            }
            state.heads.push_back((head, Length::Empty));
            ((), state.response.take_reader())
        });
    }

    /// Sends the head of the response.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the caller has given up.
    pub fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        self.shared.with(|state| {
            if state.response.is_closed() {
                return (Err(gave_up()), None);
            }
            state.heads.push_back((head, length));
            let reader = state.response.take_reader();
            if length == Length::Empty {
                state.response.finish(End::Complete);
            }
            (Ok(()), reader)
        })
    }

    /// Says that the response to follow is of our own making, and tells of this error.
    pub fn note_failure(&mut self, error: &Error) {
        self.shared.with(|state| {
            state.failure = Some(repeat(error));
            ((), None)
        });
    }

    /// Takes a piece of the response's body, `last` when the end follows without trailers. There must be room.
    pub fn send_data(&mut self, data: Bytes, last: bool) {
        self.pending = data;
        if last {
            self.end = Some(End::Complete);
        }
    }

    /// Ends the response after what was sent; nothing when the last piece did already.
    pub fn send_end(&mut self, trailers: Option<Headers>) {
        self.end.get_or_insert(trailers.map_or(End::Complete, End::Trailers));
    }

    /// Whether a piece of the body may be given now.
    pub fn has_room(&self) -> bool {
        self.pending.is_empty()
    }

    /// Hands what was given to the caller's buffer; ready when nothing is left here.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the caller has given up.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.pending.is_empty() && self.end.is_none() {
            return Poll::Ready(Ok(()));
        }
        let (pending, end) = (&mut self.pending, &mut self.end);
        self.shared.with(|state| {
            let response = &mut state.response;
            if response.is_closed() {
                return (Poll::Ready(Err(gave_up())), None);
            }
            let reader = response.push(pending);
            if !pending.is_empty() {
                response.await_reader(cx);
                return (Poll::Pending, reader);
            }
            let ended = end.take().and_then(|end| response.finish(end));
            (Poll::Ready(Ok(())), reader.or(ended))
        })
    }

    /// Cuts the response: the caller gets `error` after what it was sent before.
    pub fn reset(&mut self, error: &Error) {
        self.shared.with(|state| ((), state.response.finish(End::Cut(repeat(error)))));
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.shared.state.lock();
            let ended = Error::local(Kind::Internal, "the exchange ended before its response did");
            [state.request.close(), state.response.finish(End::Cut(ended))]
        };
        wakers.into_iter().flatten().for_each(std::task::Waker::wake);
    }
}

fn gave_up() -> Error {
    Error::downstream(Kind::ClientGone, "the caller gave up")
}

fn wrong_length() -> Error {
    Error::downstream(Kind::BadRequest(400), "the request body differs from its announced length")
}
