//! The caller's end of a local stream.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};

use super::Shared;
use super::pipe::{End, repeat};
use crate::body::{Frame, Length};
use crate::head::ResponseHead;
use crate::headers::Headers;

/// The caller's end. Dropping it tells the other end that nobody waits for the response any more.
pub struct ClientStream {
    shared: Arc<Shared>,
    answered: bool,
}

impl ClientStream {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        ClientStream { shared, answered: false }
    }

    /// Moves out of `data` what there is room for, ready when all of it is taken; with `last`, that ends the body. What
    /// the other end will not read any more is dropped: its response decides.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes, last: bool) -> Poll<()> {
        self.shared.with(|state| {
            let request = &mut state.request;
            let reader = request.push(data);
            if !data.is_empty() {
                request.await_reader(cx);
                return (Poll::Pending, reader);
            }
            let ended = if last { request.finish(End::Complete) } else { None };
            (Poll::Ready(()), reader.or(ended))
        })
    }

    /// Ends the body after what was sent; nothing when it has ended already.
    pub fn send_end(&mut self, trailers: Option<Headers>) {
        let end = trailers.map_or(End::Complete, End::Trailers);
        self.shared.with(|state| ((), state.request.finish(end)));
    }

    /// The next head: informational ones first, then the response's, with what is known of its body.
    ///
    /// # Errors
    /// What ended the exchange before there was a response; [`Kind::Internal`] when the response's head was taken already.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        if self.answered {
            return Poll::Ready(Err(Error::local(Kind::Internal, "the response's head was taken already")));
        }
        let mut state = self.shared.state.lock();
        if let Some(next) = state.heads.pop_front() {
            self.answered = !next.0.is_interim();
            return Poll::Ready(Ok(next));
        }
        if let Some(error) = state.response.cut() {
            return Poll::Ready(Err(error));
        }
        state.response.await_writer(cx);
        Poll::Pending
    }

    /// The next step of the response's body; `None` when it has ended.
    ///
    /// # Errors
    /// What cut the response.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        self.shared.with(|state| state.response.poll_next(cx))
    }

    /// What went wrong, when the response was made by the exchange to tell of it; `None` when it came from upstream.
    pub fn failure(&self) -> Option<Error> {
        self.shared.state.lock().failure.as_ref().map(repeat)
    }

    /// Whether the response has been received whole.
    pub fn is_received(&self) -> bool {
        self.shared.state.lock().response.is_received()
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.shared.state.lock();
            state.request.clear();
            let gone = Error::downstream(Kind::ClientGone, "the caller gave up");
            [state.request.finish(End::Cut(gone)), state.response.close(), state.gone.take()]
        };
        wakers.into_iter().flatten().for_each(std::task::Waker::wake);
    }
}
