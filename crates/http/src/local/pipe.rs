//! One direction of a local stream: pieces of a body up to a limit, and how the body ends. Whatever may let
//! the other end go on returns its waker, to be woken outside the lock.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use mecha_base::{Error, Result};

use crate::body::Frame;
use crate::headers::Headers;

/// Most bytes that wait in one direction.
pub const LIMIT: usize = 64 << 10;
/// Most pieces that wait in one direction: a limit for bodies that come byte by byte.
pub const MAX_PIECES: usize = 128;

#[derive(Default)]
pub(super) struct Pipe {
    pieces: VecDeque<Bytes>,
    queued: usize,
    end: Option<End>,
    /// Nobody will read: what is written is dropped.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How a body ends.
pub(super) enum End {
    Complete,
    Trailers(Headers),
    /// In the middle.
    Cut(Error),
}

impl Pipe {
    /// Takes as much of `data` as there is room for. Returns the reader.
    pub(super) fn push(&mut self, data: &mut Bytes) -> Option<Waker> {
        if self.closed {
            data.clear();
            return None;
        }
        let room = if self.pieces.len() < MAX_PIECES { LIMIT - self.queued } else { 0 };
        let step = room.min(data.len());
        if step == 0 {
            return None;
        }
        self.queued += step;
        self.pieces.push_back(data.split_to(step));
        self.reader.take()
    }

    /// Ends the body after what is queued; only the first end counts. Returns the reader.
    pub(super) fn finish(&mut self, end: End) -> Option<Waker> {
        self.end.get_or_insert(end);
        self.reader.take()
    }

    /// The reader is gone. Returns the writer.
    pub(super) fn close(&mut self) -> Option<Waker> {
        self.closed = true;
        self.clear();
        self.writer.take()
    }

    /// Drops what is queued.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.queued = 0;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether everything was read.
    pub(super) fn is_received(&self) -> bool {
        self.pieces.is_empty() && matches!(self.end, Some(End::Complete))
    }

    /// The next step of the body, `None` at its end, and the writer when there is new room.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> (Poll<Result<Option<Frame>>>, Option<Waker>) {
        if let Some(piece) = self.pieces.pop_front() {
            self.queued -= piece.len();
            return (Poll::Ready(Ok(Some(Frame::Data(piece)))), self.writer.take());
        }
        let next = match self.end.take() {
            None => {
                self.await_writer(cx);
                return (Poll::Pending, None);
            }
            Some(End::Cut(error)) => {
                let told = repeat(&error);
                self.end = Some(End::Cut(error));
                Err(told)
            }
            Some(end) => {
                self.end = Some(End::Complete);
                Ok(if let End::Trailers(trailers) = end { Some(Frame::Trailers(trailers)) } else { None })
            }
        };
        (Poll::Ready(next), None)
    }

    /// Why the body was cut, when it was.
    pub(super) fn cut(&self) -> Option<Error> {
        match &self.end {
            Some(End::Cut(error)) => Some(repeat(error)),
            _ => None,
        }
    }

    /// The reader, to be told of something else than the body.
    pub(super) fn take_reader(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    /// Remembers the reader.
    pub(super) fn await_writer(&mut self, cx: &Context<'_>) {
        remember(&mut self.reader, cx);
    }

    /// Remembers the writer.
    pub(super) fn await_reader(&mut self, cx: &Context<'_>) {
        remember(&mut self.writer, cx);
    }
}

pub(super) fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// The same error once more; causes stay with the first.
pub(super) fn repeat(error: &Error) -> Error {
    Error::new(error.kind(), error.side(), error.context().to_owned()).retry_when(error.retry())
}
