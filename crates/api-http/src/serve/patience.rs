//! How long a server waits for a request: not at all between requests, a limited time once one has begun. `hyper` alone
//! would count the idle time too, and close connections that clients keep for their next call.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use hyper::rt::{Sleep, Timer};
use mecha_codec::http2::PREFACE;
use mecha_net::Stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What was heard on one connection.
pub(super) struct Patience {
    /// Reads that brought something.
    reads: AtomicU64,
    /// The first head was waited for.
    begun: AtomicBool,
}

impl Patience {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Patience { reads: AtomicU64::new(0), begun: AtomicBool::new(false) })
    }

    /// The clock that `hyper` measures heads by.
    pub(super) fn timer(self: &Arc<Self>) -> HeadTimer {
        HeadTimer(self.clone())
    }
}

/// A clock that starts with the first byte of a head.
pub(super) struct HeadTimer(Arc<Patience>);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        // What was read to tell the protocol is the beginning of the first head.
        let first = !self.0.begun.swap(true, Ordering::Relaxed);
        let known = if first { 0 } else { self.0.reads.load(Ordering::Relaxed) };
        Box::pin(HeadSleep { patience: self.0.clone(), known, duration, armed: None })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

struct HeadSleep {
    patience: Arc<Patience>,
    /// Reads before this head.
    known: u64,
    duration: Duration,
    armed: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// Asked each time a read has left the head incomplete, so nothing need wake it before it is armed.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.armed.is_none() && self.patience.reads.load(Ordering::Relaxed) == self.known {
            return Poll::Pending;
        }
        let duration = self.duration;
        self.armed.get_or_insert_with(|| Box::pin(tokio::time::sleep(duration))).as_mut().poll(cx)
    }
}

/// A stream that tells when it is heard from, and lets its first bytes be looked at.
pub(super) struct Patient {
    stream: Stream,
    patience: Arc<Patience>,
    /// Looked at and not yet read; never more than a preface.
    looked_at: BytesMut,
}

impl Patient {
    pub(super) fn new(stream: Stream, patience: Arc<Patience>) -> Self {
        Patient { stream, patience, looked_at: BytesMut::new() }
    }

    pub(super) fn patience(&self) -> &Arc<Patience> {
        &self.patience
    }

    /// Whether the first bytes are the preface of HTTP/2; `None` when there are none. Can be asked again
    /// when the future was dropped.
    pub(super) async fn preface(&mut self) -> io::Result<Option<bool>> {
        loop {
            let known = self.looked_at.len();
            match PREFACE.get(..known) {
                Some(beginning) if beginning == &*self.looked_at => {}
                _ => return Ok(Some(false)),
            }
            if known == PREFACE.len() {
                return Ok(Some(true));
            }
            let mut bytes = [0; PREFACE.len()];
            let room = bytes.get_mut(known..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Ok((known > 0).then_some(false));
            }
            self.patience.reads.fetch_add(1, Ordering::Relaxed);
            self.looked_at.extend_from_slice(room.get(..read).unwrap_or_default());
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.looked_at.is_empty() {
            let part = self.looked_at.len().min(buffer.remaining());
            buffer.put_slice(&self.looked_at.split_to(part));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(pin!(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.patience.reads.fetch_add(1, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
