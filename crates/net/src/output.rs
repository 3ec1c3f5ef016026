//! What waits to be written: small pieces gathered in one lent buffer, large ones queued as they are, all
//! of it sent by as few writes as possible. Connections of every protocol with a codec of ours write through one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use smallvec::SmallVec;

use crate::{Stream, buffer};

/// Data up to this many bytes is copied behind what waits already; larger data keeps its own buffer.
const COPY_LIMIT: usize = 4 << 10;
/// Slices given to one write.
const SLICES: usize = 16;

/// Bytes on their way to a socket. How many may wait is for its owner to say.
#[derive(Debug, Default)]
pub struct Output {
    queue: VecDeque<Bytes>,
    queued: usize,
    tail: BytesMut,
}

impl Output {
    /// The buffer that heads and framing are written to, behind what was given before.
    pub fn tail(&mut self) -> &mut BytesMut {
        if self.tail.capacity() == 0 {
            self.tail = buffer::take();
        }
        &mut self.tail
    }

    /// Takes a piece; a large one is not copied.
    pub fn push(&mut self, data: Bytes) {
        if data.len() <= COPY_LIMIT {
            self.tail().extend_from_slice(&data);
            return;
        }
        if !self.tail.is_empty() {
            self.queued += self.tail.len();
            self.queue.push_back(self.tail.split().freeze());
        }
        self.queued += data.len();
        self.queue.push_back(data);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.tail.is_empty()
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.queued + self.tail.len()
    }

    /// Writes everything; ready when nothing is left. Adds the bytes that went out to `sent`.
    ///
    /// # Errors
    /// When the socket fails; what waits is kept.
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Stream,
        sent: &mut u64,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = ready!(self.poll_write(cx, io))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += written as u64;
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, io: &mut Stream) -> Poll<io::Result<usize>> {
        if self.queue.is_empty() {
            return io.poll_write_slices(cx, &[IoSlice::new(&self.tail)]);
        }
        let mut slices: SmallVec<[IoSlice<'_>; SLICES]> = SmallVec::new();
        slices.extend(self.queue.iter().take(SLICES - 1).map(|data| IoSlice::new(data)));
        if self.queue.len() < SLICES && !self.tail.is_empty() {
            slices.push(IoSlice::new(&self.tail));
        }
        io.poll_write_slices(cx, &slices)
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(front) = self.queue.front_mut() {
            let step = written.min(front.len());
            front.advance(step);
            self.queued -= step;
            written -= step;
            if !front.is_empty() {
                return;
            }
            self.queue.pop_front();
        }
        if written >= self.tail.len() {
            self.tail.clear();
        } else {
            self.tail.advance(written);
        }
    }

    /// Bytes of memory held.
    pub fn held(&self) -> usize {
        self.queued + self.tail.capacity()
    }

    /// Drops what waits, for a peer that reads no more.
    pub fn clear(&mut self) {
        *self = Output::default();
    }

    /// Gives the memory back; for a connection that waits. Nothing may be left to write.
    pub fn release(&mut self) {
        if self.tail.is_empty() && self.tail.capacity() > 0 {
            buffer::give(std::mem::take(&mut self.tail));
        }
        if self.queue.is_empty() && self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
    }
}
