//! The server's end: a connection that gives out requests, and one [`ServerStream`] for each with its answer. Answers leave
//! in the order in which they are given, all that are ready by one write.
//!
//! The owner polls [`ServerConnection::poll_accept`], then the streams that it got, then
//! [`ServerConnection::poll_flush`], all on one task: a stream that queues its answer wakes nobody.

mod stream;

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use mecha_base::worker::WorkerCell;
use mecha_base::{Error, Kind, Result};
use mecha_codec::rpc::{self, Limits, Protocol};
use mecha_http::RequestHead;
use mecha_http::headers::give_list;
use mecha_net::Stream;

use crate::head::request_head;
use crate::reader::{Broken, Frame, Reader};
use crate::sending::Sending;

pub use stream::ServerStream;

/// The server's end of a connection.
pub struct ServerConnection {
    io: Stream,
    reader: Reader,
    shared: Arc<WorkerCell<Shared>>,
    protocol: Protocol,
    /// Nothing more will be read: the client has ended, or what it sends can't be understood.
    over: bool,
    /// Traffic that was told of.
    told: (u64, u64),
}

/// What the connection and its streams have in common.
struct Shared {
    sending: Sending,
    in_flight: usize,
    /// Those of them that want no answer.
    one_ways: usize,
    /// Bytes of their frames.
    held: usize,
    /// Nobody will read what is sent.
    gone: bool,
}

impl ServerConnection {
    /// A connection of which `prefix` was read already. It belongs to the calling thread.
    pub fn new(io: Stream, prefix: BytesMut, protocol: Protocol, limits: Limits) -> Self {
        let shared = Shared { sending: Sending::default(), in_flight: 0, one_ways: 0, held: 0, gone: false };
        ServerConnection {
            io,
            reader: Reader::new(protocol, limits, prefix),
            shared: Arc::new(WorkerCell::new(shared)),
            protocol,
            over: false,
            told: (0, 0),
        }
    }

    /// The next request; `None` when the client has ended in order, which leaves it able to read answers, and ever after
    /// an error. Heartbeats are answered on the way; what only a server could mean is passed over. Reads no further
    /// while too much waits to be written, and writes of it what it can then.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] for a connection that was reset or ended inside a frame. [`Kind::BadRequest`] (400, or 413
    /// beyond the limit) for bytes that are no frame; the sender was answered where its request was understood as far as
    /// that, so the owner flushes before it closes.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(RequestHead, ServerStream)>>> {
        while !self.over {
            if self.is_full() && self.poll_flush(cx)?.is_pending() && self.is_full() {
                return Poll::Pending;
            }
            match ready!(self.reader.poll_frame(cx, &mut self.io)) {
                Ok(Some(frame)) => {
                    if let Some(request) = self.take(frame)? {
                        return Poll::Ready(Ok(Some(request)));
                    }
                }
                Ok(None) => self.over = true,
                Err(broken) => {
                    self.over = true;
                    return Poll::Ready(Err(self.explain(broken)));
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    fn take(&mut self, (envelope, fields): Frame) -> Result<Option<(RequestHead, ServerStream)>> {
        let mut shared = self.shared.borrow().ok_or_else(wrong_thread)?;
        match envelope.kind {
            rpc::Kind::Request | rpc::Kind::OneWay => {
                shared.in_flight += 1;
                shared.one_ways += usize::from(envelope.kind == rpc::Kind::OneWay);
                shared.held += envelope.raw.len();
                drop(shared);
                let stream = ServerStream::new(self.shared.clone(), self.protocol, envelope.clone());
                return Ok(Some((request_head(envelope, fields), stream)));
            }
            rpc::Kind::Heartbeat => {
                envelope.protocol.codec().heartbeat_ack(&envelope, shared.sending.tail());
            }
            // A client that takes back nothing: it has no requests of ours to refuse.
            rpc::Kind::HeartbeatAck | rpc::Kind::Response | rpc::Kind::GoAway => {}
        }
        give_list(fields);
        Ok(None)
    }

    fn explain(&mut self, broken: Broken) -> Error {
        match broken {
            Broken::Io(error) => {
                self.lose();
                Error::downstream(Kind::ClientGone, "reading a frame").because(error)
            }
            Broken::Cut => Error::downstream(Kind::ClientGone, "closed inside a frame"),
            Broken::Frame(error) => {
                if let (Some(request), Some(mut shared)) = (&error.request, self.shared.borrow()) {
                    let codec = request.protocol.codec();
                    codec.reply(request, error.status, error.reason, shared.sending.tail());
                }
                Error::downstream(Kind::BadRequest(error.status), error.reason)
            }
        }
    }

    /// Writes what is queued; ready when nothing is left. Streams that wait for room hear of it.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when nobody reads it any more.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(mut shared) = self.shared.borrow() else { return Poll::Ready(Err(wrong_thread())) };
        if shared.gone {
            return Poll::Ready(Err(Error::downstream(Kind::ClientGone, "sending to a client")));
        }
        let flushed = ready!(shared.sending.poll_flush(cx, &mut self.io));
        if let Err(error) = flushed {
            drop(shared);
            self.lose();
            return Poll::Ready(Err(
                Error::downstream(Kind::ClientGone, "sending to a client").because(error)
            ));
        }
        if shared.in_flight == 0 {
            shared.sending.release();
            self.reader.release();
        }
        Poll::Ready(Ok(()))
    }

    /// Ends our sending half, once everything is written.
    ///
    /// # Errors
    /// As [`Self::poll_flush`].
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_flush(cx))?;
        let ended = ready!(self.io.poll_shutdown_write(cx));
        let gone = |error| Error::downstream(Kind::ClientGone, "closing a connection").because(error);
        Poll::Ready(ended.map_err(gone))
    }

    /// Whether so much waits to be written that no request should be taken up.
    pub fn is_full(&self) -> bool {
        self.shared.borrow().is_some_and(|shared| shared.sending.is_full())
    }

    /// Whether no request is under way, none was read in part, and nothing waits to be written.
    pub fn is_idle(&self) -> bool {
        self.reader.is_empty()
            && self.shared.borrow().is_some_and(|shared| shared.in_flight == 0 && shared.sending.is_empty())
    }

    /// How many streams there are.
    pub fn in_flight(&self) -> usize {
        self.shared.borrow().map_or(0, |shared| shared.in_flight)
    }

    /// How many of them belong to requests that want no answer: those need no client any more.
    pub fn one_ways(&self) -> usize {
        self.shared.borrow().map_or(0, |shared| shared.one_ways)
    }

    /// Bytes of the frames of all requests that are under way: their streams keep them for as long as they live.
    pub fn held(&self) -> usize {
        self.shared.borrow().map_or(0, |shared| shared.held)
    }

    /// Queues the frame that asks the client for no more requests; `false` when the protocol has none. Requests that come
    /// nevertheless are given out.
    pub fn go_away(&mut self) -> bool {
        let Some(mut shared) = self.shared.borrow() else { return false };
        self.protocol.codec().go_away(0, shared.sending.tail())
    }

    /// Bytes read and written since the last call.
    pub fn take_traffic(&mut self) -> (u64, u64) {
        let written = self.shared.borrow().map_or(self.told.1, |shared| shared.sending.written);
        let (read_before, written_before) = std::mem::replace(&mut self.told, (self.reader.read, written));
        (self.reader.read - read_before, written - written_before)
    }

    /// The client is gone: what its streams send is dropped.
    fn lose(&mut self) {
        self.over = true;
        if let Some(mut shared) = self.shared.borrow() {
            shared.gone = true;
            shared.sending.abandon();
        }
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        self.lose();
    }
}

fn wrong_thread() -> Error {
    Error::local(Kind::Internal, "an RPC connection was used outside of its worker")
}

#[cfg(test)]
mod tests;
