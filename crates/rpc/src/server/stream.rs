//! One request and its answer. The answer is either a frame that came from elsewhere, which goes out under the request's
//! number, or one of our own making, for which a status and a few words are collected.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind, Result};
use mecha_codec::rpc::{self, Envelope, Protocol};
use mecha_http::{Headers, Length, ResponseHead, StatusCode};

use super::{Shared, wrong_thread};
use crate::sending::Place;

/// Bytes of an answer of our own making that are kept. It is an error's text; the rest of a longer one is dropped.
const MOST_TEXT: usize = 64 << 10;

/// One request and its answer. Dropped without one, the client is told that there will be none (500).
pub struct ServerStream {
    shared: Arc<WorkerCell<Shared>>,
    /// What the connection carries.
    protocol: Protocol,
    request: Envelope,
    answer: Answer,
    place: Option<Place>,
}

enum Answer {
    None,
    /// The head of one of our own making was given, and so much of its text.
    Ours {
        status: StatusCode,
        text: Vec<u8>,
    },
    /// It was queued, or dropped because none is wanted.
    Queued,
}

impl ServerStream {
    pub(super) fn new(shared: Arc<WorkerCell<Shared>>, protocol: Protocol, request: Envelope) -> Self {
        ServerStream { shared, protocol, request, answer: Answer::None, place: None }
    }

    /// The request.
    pub fn request(&self) -> &Envelope {
        &self.request
    }

    /// Whether the head of the answer was given.
    pub fn is_answered(&self) -> bool {
        !matches!(self.answer, Answer::None)
    }

    /// Takes the head of the answer. One that is a message of the connection's protocol is the answer, and what is given
    /// as its body is dropped. Of any other the status counts, and its body as text. Nothing happens when an answer was
    /// given already; nothing is sent to a request that wants no answer.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the connection is over, unless no answer is wanted.
    pub fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        if self.is_answered() {
            return Ok(());
        }
        if self.shared.borrow().ok_or_else(wrong_thread)?.gone && !self.is_one_way() {
            self.answer = Answer::Queued;
            return Err(Error::downstream(Kind::ClientGone, "sending an answer"));
        }
        let ResponseHead { status, headers, rpc, .. } = head;
        match rpc {
            Some(frame) if self.protocol.carries(frame.protocol) && frame.kind == rpc::Kind::Response => {
                self.forward(&frame, &headers);
            }
            Some(_) => self.reply(502, "the answer is of another protocol"),
            None => {
                self.answer = Answer::Ours { status, text: Vec::new() };
                if length == Length::Empty {
                    self.send_end();
                }
            }
        }
        Ok(())
    }

    /// Takes a piece of the answer's body, `last` when nothing follows.
    pub fn send_data(&mut self, mut data: Bytes, last: bool) {
        if let Answer::Ours { text, .. } = &mut self.answer {
            data.truncate(MOST_TEXT - text.len());
            text.extend_from_slice(&data);
        }
        if last {
            self.send_end();
        }
    }

    /// Ends the answer; nothing when it has ended.
    pub fn send_end(&mut self) {
        let Answer::Ours { status, text } = &mut self.answer else { return };
        let (status, text) = (*status, std::mem::take(text));
        match String::from_utf8_lossy(&text).trim() {
            "" => self.reply(status.as_u16(), status.canonical_reason().unwrap_or_default()),
            text => self.reply(status.as_u16(), text),
        }
    }

    /// Whether an answer may be given without making too much wait.
    pub fn has_room(&self) -> bool {
        self.shared.borrow().is_none_or(|shared| !shared.sending.is_full())
    }

    /// Ready when little enough waits to be written; the answer itself leaves later, with others.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the connection is over, unless no answer is wanted: such a request outlives its client.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.is_one_way() {
            return Poll::Ready(Ok(()));
        }
        let Some(mut shared) = self.shared.borrow() else { return Poll::Ready(Err(wrong_thread())) };
        if shared.gone {
            return Poll::Ready(Err(Error::downstream(Kind::ClientGone, "sending an answer")));
        }
        shared.sending.poll_room(cx, &mut self.place).map(Ok)
    }

    /// Ends without the answer that was expected: the client is told the error's status, unless it has its answer.
    pub fn reset(&mut self, error: &Error) {
        if !matches!(self.answer, Answer::Queued) {
            self.reply(error.kind().status(), error.kind().describe());
        }
    }

    fn is_one_way(&self) -> bool {
        self.request.kind == rpc::Kind::OneWay
    }

    fn forward(&mut self, frame: &Envelope, headers: &Headers) {
        if self.is_one_way() {
            self.answer = Answer::Queued;
            return;
        }
        let sent = match self.shared.borrow() {
            Some(mut shared) => shared.sending.forward(frame, self.request.id, headers),
            None => Ok(()),
        };
        self.answer = Answer::Queued;
        if let Err(error) = sent {
            self.reply(500, error.reason);
        }
    }

    /// Queues an answer of our own making.
    fn reply(&mut self, status: u16, text: &str) {
        self.answer = Answer::Queued;
        if self.is_one_way() {
            return;
        }
        if let Some(mut shared) = self.shared.borrow()
            && !shared.gone
        {
            self.request.protocol.codec().reply(&self.request, status, text, shared.sending.tail());
        }
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        if !matches!(self.answer, Answer::Queued) {
            self.reply(500, Kind::Internal.describe());
        }
        if let Some(mut shared) = self.shared.borrow() {
            shared.in_flight = shared.in_flight.saturating_sub(1);
            shared.one_ways = shared.one_ways.saturating_sub(self.is_one_way().into());
            shared.held = shared.held.saturating_sub(self.request.raw.len());
        }
    }
}
