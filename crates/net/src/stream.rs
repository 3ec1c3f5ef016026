//! One connected byte stream, whatever it runs over. Reads come in two steps, readiness first, so that a
//! connection that waits needs no buffer. The `AsyncRead` and `AsyncWrite` face is for libraries (`h2`).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::io::poll_read_buf;

use crate::Address;

/// A connected stream.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix stream socket.
    Unix(UnixStream),
}

/// Hands an expression the socket inside, of either kind.
macro_rules! each {
    ($stream:expr, $socket:ident => $do:expr) => {
        match $stream {
            Stream::Tcp($socket) => $do,
            Stream::Unix($socket) => $do,
        }
    };
}

impl Stream {
    /// Ready when bytes, an end or an error can be read.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, socket => socket.poll_read_ready(cx))
    }

    /// Reads what is there into the free room of `buffer` (which must have some); `0` is the end.
    pub fn poll_read_buf(&mut self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        // A read that does not fill the room clears the readiness, which spares the next one a system call.
        each!(self, socket => poll_read_buf(Pin::new(socket), cx, buffer))
    }

    /// Writes as much of `slices` as fits.
    pub fn poll_write_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => each!(self, socket => Pin::new(socket).poll_write(cx, one)),
            many => each!(self, socket => Pin::new(socket).poll_write_vectored(cx, many)),
        }
    }

    /// Ends the sending half; the peer reads an end.
    pub fn poll_shutdown_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, socket => Pin::new(socket).poll_shutdown(cx))
    }

    /// Whether the peer has closed or sent bytes that nobody asked for: such a connection can't be reused.
    /// No system call while nothing has happened, and no waker: how busy the task was has no say in the answer.
    pub fn is_stale(&self) -> bool {
        let mut byte = [0_u8; 1];
        let read = each!(self, socket => socket.try_read(&mut byte));
        !matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Our end's address.
    pub fn local_address(&self) -> Option<Address> {
        match self {
            Stream::Tcp(socket) => socket.local_addr().ok().map(Address::Tcp),
            Stream::Unix(socket) => {
                let address = socket.local_addr().ok()?;
                Some(Address::Unix(address.as_pathname().map(Into::into)))
            }
        }
    }

    /// Makes the close that follows a reset (RST) instead of an orderly end, so that the peer can't mistake a cut
    /// for completion. Unix sockets have no such thing.
    pub fn abort_on_close(&self) {
        if let Stream::Tcp(socket) = self {
            let _ = socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO));
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Self {
        Stream::Tcp(socket)
    }
}

impl From<UnixStream> for Stream {
    fn from(socket: UnixStream) -> Self {
        Stream::Unix(socket)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown_write(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// Waits until the reactor has told the stream that something can be read.
    async fn readable(stream: &Stream) {
        poll_fn(|cx| stream.poll_readable(cx)).await.unwrap();
    }

    #[tokio::test]
    async fn a_quiet_connection_is_fresh_and_a_closed_one_is_stale() {
        let (peer, stream) = UnixStream::pair().unwrap();
        let stream = Stream::Unix(stream);
        assert!(!stream.is_stale());
        drop(peer);
        readable(&stream).await;
        assert!(stream.is_stale());
    }

    #[tokio::test]
    async fn bytes_that_nobody_asked_for_make_it_stale() {
        let (peer, stream) = UnixStream::pair().unwrap();
        let stream = Stream::Unix(stream);
        peer.try_write(b"!").unwrap();
        readable(&stream).await;
        assert!(stream.is_stale());
    }
}
