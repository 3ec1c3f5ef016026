//! What the requests of a connection share to send: the queue of bytes, and those who wait for room in it.

use std::io;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use mecha_codec::rpc::{Around, Envelope, FieldView, FrameError};
use mecha_http::Headers;
use mecha_net::{Output, Stream};
use smallvec::SmallVec;

/// From this many waiting bytes on, senders are told to wait.
const HIGH_WATER: usize = 256 << 10;
/// A payload from this many bytes on keeps its own buffer; a smaller one is copied behind what waits already.
const SHARE_FROM: usize = 16 << 10;
/// Fields that are collected without memory of their own: more than calls usually have.
const USUAL_FIELDS: usize = 24;

#[derive(Default)]
pub(crate) struct Sending {
    output: Output,
    /// What stands behind a payload, while a frame is written.
    after: BytesMut,
    /// Bytes written, ever.
    pub(crate) written: u64,
    waiting: Vec<Waker>,
    /// Counts how often those who waited were woken.
    round: u32,
}

/// A place among those who wait for room, good for one round.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    round: u32,
    at: usize,
}

impl Sending {
    /// The buffer for frames of our own making.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        self.output.tail()
    }

    /// Queues a frame that came under another number; with the fields as they are now when they were changed.
    pub(crate) fn forward(&mut self, frame: &Envelope, id: u64, headers: &Headers) -> Result<(), FrameError> {
        let mut views: SmallVec<[FieldView<'_>; USUAL_FIELDS]> = SmallVec::new();
        if headers.is_changed() {
            views.extend(headers.views());
        }
        let fields = headers.is_changed().then_some(views.as_slice());
        let before = self.output.tail();
        let mark = before.len();
        self.after.clear();
        let around = Around { before, after: &mut self.after };
        if let Err(error) = frame.protocol.codec().forward(frame, id, fields, around) {
            self.output.tail().truncate(mark);
            return Err(error);
        }
        let payload = frame.payload();
        if payload.len() < SHARE_FROM {
            self.output.tail().extend_from_slice(payload);
        } else {
            self.output.push(frame.raw.slice_ref(payload));
        }
        if !self.after.is_empty() {
            self.output.tail().extend_from_slice(&self.after);
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.output.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.output.len() >= HIGH_WATER
    }

    /// Where the next frame begins, and the last one ends, in all that was and will be written.
    pub(crate) fn position(&self) -> u64 {
        self.written + self.output.len() as u64
    }

    /// Writes what waits; ready when nothing is left. Those who wait for room hear of it.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, io: &mut Stream) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.output.poll_flush(cx, io, &mut self.written);
        if !self.is_full() {
            self.wake();
        }
        flushed
    }

    /// Ready when there is room.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>, place: &mut Option<Place>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        let known = place.filter(|place| place.round == self.round);
        match known.and_then(|place| self.waiting.get_mut(place.at)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                *place = Some(Place { round: self.round, at: self.waiting.len() });
                self.waiting.push(cx.waker().clone());
            }
        }
        Poll::Pending
    }

    /// Gives the memory back; for a connection that waits. Nothing may be left to write.
    pub(crate) fn release(&mut self) {
        self.release_output();
        if self.after.capacity() > 0 {
            self.after = BytesMut::new();
        }
    }

    /// As [`Self::release`], for one that is soon used again: what it keeps is small, and memory of its own.
    pub(crate) fn release_output(&mut self) {
        if self.output.is_empty() {
            self.output.release();
        }
    }

    /// Drops what waits, for a peer that is gone.
    pub(crate) fn abandon(&mut self) {
        self.output.clear();
        self.wake();
    }

    fn wake(&mut self) {
        if !self.waiting.is_empty() {
            self.round = self.round.wrapping_add(1);
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }
}
