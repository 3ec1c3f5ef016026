//! One request that was sent, and its answer.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use mecha_base::Result;
use mecha_http::{Headers, Length, ResponseHead, StatusCode, Version};

use super::{Driven, Shared, wrong_thread};
use crate::head::response_head;
use crate::sending::Place;

/// One request and its answer. Dropped before, the request is given up: the answer is dropped when it comes.
pub struct ClientStream {
    shared: Arc<Shared>,
    id: u32,
    /// Where the request stands in all that the connection writes.
    bytes: Range<u64>,
    one_way: bool,
    received: bool,
    place: Option<Place>,
}

impl ClientStream {
    pub(super) fn new(shared: Arc<Shared>, id: u32, bytes: Range<u64>, one_way: bool) -> Self {
        ClientStream { shared, id, bytes, one_way, received: false, place: None }
    }

    /// The answer, which is all in its head. A request that wants none is answered by a 200 of our own making once it is
    /// written. Nothing comes after the answer.
    ///
    /// # Errors
    /// When the connection is over before: [`mecha_base::Kind::UpstreamReset`], or
    /// [`mecha_base::Kind::UpstreamProtocol`] when what came is no frame. Safe to retry when no byte of the request was
    /// written.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        if self.received {
            return Poll::Pending;
        }
        let Some(mut state) = self.shared.cell.borrow() else { return Poll::Ready(Err(wrong_thread())) };
        let answer = if self.one_way {
            (state.sending.written >= self.bytes.end).then(accepted)
        } else {
            let slot = state.slots.find(u64::from(self.id));
            let frame = slot.and_then(|slot| slot.answer.take());
            frame.map(|(envelope, fields)| response_head(envelope, fields))
        };
        let outcome = match answer {
            Some(head) => Ok((head, Length::Empty)),
            None => match state.failure(&self.bytes) {
                Some(error) => Err(error),
                None => {
                    if state.driven == Driven::Apart
                        && let Some(slot) = state.slots.find(u64::from(self.id))
                    {
                        match &mut slot.waker {
                            Some(waker) => waker.clone_from(cx.waker()),
                            none => *none = Some(cx.waker().clone()),
                        }
                    }
                    return Poll::Pending;
                }
            },
        };
        self.received = true;
        state.end(self.id);
        Poll::Ready(outcome)
    }

    /// Ready when the connection has room for more after the request, or is over: the answer decides then.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut state) = self.shared.cell.borrow() else { return Poll::Ready(()) };
        if state.sending.written < self.bytes.end && state.failure(&self.bytes).is_none() {
            ready!(state.sending.poll_room(cx, &mut self.place));
        }
        Poll::Ready(())
    }

    /// Whether the answer was received, or its place taken by an error.
    pub fn is_received(&self) -> bool {
        self.received
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if !self.received
            && let Some(mut state) = self.shared.cell.borrow()
        {
            state.end(self.id);
        }
    }
}

/// The head for a request that is not answered.
fn accepted() -> ResponseHead {
    ResponseHead {
        version: Version::Rpc,
        status: StatusCode::OK,
        reason: None,
        headers: Headers::new(),
        rpc: None,
    }
}
