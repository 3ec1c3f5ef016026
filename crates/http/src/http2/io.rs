//! The byte stream that `h2` runs on: what protocol detection has read comes first, and bytes are counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use mecha_net::{Stream, buffer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a connection moved. Written by the thread that drives it.
#[derive(Debug, Default)]
pub struct Traffic {
    read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    /// Counts bytes that were read; for the thread that drives the connection.
    pub fn add_read(&self, bytes: usize) {
        add(&self.read, bytes);
    }

    /// Counts bytes that were written; for the thread that drives the connection.
    pub fn add_written(&self, bytes: usize) {
        add(&self.written, bytes);
    }

    /// Bytes read and written since the last call.
    pub fn take(&self) -> (u64, u64) {
        (self.read.swap(0, Ordering::Relaxed), self.written.swap(0, Ordering::Relaxed))
    }
}

pub(super) struct Counted {
    pub(super) io: Stream,
    pub(super) prefix: BytesMut,
    pub(super) traffic: Arc<Traffic>,
}

/// Adds on the only thread that writes the counter: no locked operation.
fn add(counter: &AtomicU64, bytes: usize) {
    counter.store(counter.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.prefix.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        } else {
            let step = this.prefix.len().min(buf.remaining());
            buf.put_slice(this.prefix.get(..step).unwrap_or_default());
            this.prefix.advance(step);
            if this.prefix.is_empty() {
                buffer::give(std::mem::take(&mut this.prefix));
            }
        }
        this.traffic.add_read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, buf))?;
        this.traffic.add_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, bufs))?;
        this.traffic.add_written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
