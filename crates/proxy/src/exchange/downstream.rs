//! The client's end of an exchange, whatever it speaks.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};
use mecha_config::filter::Conversion;
use mecha_config::proxy::{HttpProxy, Protocol};
use mecha_http::http1::ServerConnection;
use mecha_http::http2::{ServerStream, reason_for};
use mecha_http::{Frame, Headers, Length, ResponseHead, local};
use mecha_rpc::server as rpc;

use super::convert::Answer;
use crate::protocol::model_of;

/// The client's end.
pub(crate) enum Downstream<'a> {
    /// A connection that carries one request at a time.
    Http1(&'a mut ServerConnection),
    /// One of the streams of a connection.
    Http2(&'a mut ServerStream),
    /// A call from inside the process. What it speaks decides what an upstream is spoken to when the route does not say.
    Local(&'a mut local::ServerStream, Protocol),
    /// One of the requests of a connection of an RPC protocol.
    Rpc(RpcDownstream<'a>),
}

/// The client's end when it speaks an RPC protocol.
pub(crate) struct RpcDownstream<'a> {
    stream: &'a mut rpc::ServerStream,
    /// Makes the answer a message, when the request went on as HTTP.
    answer: Option<Box<Answer>>,
}

impl<'a> Downstream<'a> {
    /// The end of an RPC request.
    pub(crate) fn rpc(stream: &'a mut rpc::ServerStream) -> Self {
        Downstream::Rpc(RpcDownstream { stream, answer: None })
    }
}

impl Downstream<'_> {
    /// The HTTP response to come is to be made the answer of the RPC request that it was.
    pub(super) fn convert_answer(&mut self, conversion: Arc<Conversion>, limit: usize) {
        if let Downstream::Rpc(rpc) = self {
            rpc.answer = Some(Box::new(Answer::new(conversion, limit)));
        }
    }

    /// The response to come is of our own making: in an RPC protocol it is a status and a text.
    pub(super) fn answer_ourselves(&mut self) {
        if let Downstream::Rpc(rpc) = self {
            rpc.answer = None;
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Downstream::Http1(_) => Protocol::Http1,
            Downstream::Http2(_) => Protocol::Http2,
            Downstream::Local(_, protocol) => *protocol,
            Downstream::Rpc(rpc) => model_of(rpc.stream.request().protocol),
        }
    }

    /// As access logs and header variables name it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Downstream::Http1(_) | Downstream::Http2(_) | Downstream::Rpc(_) => self.protocol().name(),
            Downstream::Local(..) => "Local",
        }
    }

    /// How long the request's body may stand still.
    pub(super) fn body_timeout(&self, proxy: &HttpProxy) -> Option<Duration> {
        match self {
            Downstream::Http1(_) => proxy.http1.body_timeout,
            Downstream::Http2(_) | Downstream::Local(..) | Downstream::Rpc(_) => proxy.stream_idle_timeout,
        }
    }

    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        match self {
            Downstream::Http1(connection) => connection.poll_recv(cx),
            Downstream::Http2(stream) => stream.poll_recv(cx),
            Downstream::Local(stream, _) => stream.poll_recv(cx),
            // The head holds all of it.
            Downstream::Rpc(_) => Poll::Ready(Ok(None)),
        }
    }

    pub(super) fn is_received(&self) -> bool {
        match self {
            Downstream::Http1(connection) => connection.is_received(),
            Downstream::Http2(stream) => stream.is_received(),
            Downstream::Local(stream, _) => stream.is_received(),
            Downstream::Rpc(_) => true,
        }
    }

    /// Ready when nobody waits for the response any more, with the client's reason where it gave one.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>, when: &'static str) -> Poll<Error> {
        let gone = || Error::downstream(Kind::ClientGone, when);
        match self {
            Downstream::Http1(connection) => connection.poll_gone(cx).map(|()| gone()),
            Downstream::Http2(stream) => stream.poll_gone(cx).map(|cause| gone().because(cause)),
            Downstream::Local(stream, _) => stream.poll_gone(cx).map(|()| gone()),
            // No request is taken back, and the end of the connection ends its exchanges.
            Downstream::Rpc(_) => Poll::Pending,
        }
    }

    pub(super) fn send_informational(&mut self, head: ResponseHead) {
        match self {
            Downstream::Http1(connection) => connection.send_informational(&head),
            Downstream::Http2(stream) => stream.send_informational(head),
            Downstream::Local(stream, _) => stream.send_informational(head),
            // There is nothing like it.
            Downstream::Rpc(_) => {}
        }
    }

    /// The response to follow tells of this error. A client sees that by its status; a call from inside can ask.
    pub(super) fn note_failure(&mut self, error: &Error) {
        if let Downstream::Local(stream, _) = self {
            stream.note_failure(error);
        }
    }

    /// Says to the client that no other request will be taken on its connection.
    pub(super) fn close_after(&mut self) {
        match self {
            Downstream::Http1(connection) => connection.close_after(),
            // Connections that many requests share say GOAWAY by themselves.
            Downstream::Http2(_) | Downstream::Local(..) | Downstream::Rpc(_) => {}
        }
    }

    pub(super) fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        match self {
            Downstream::Http1(connection) => {
                connection.send_head(&head, length);
                Ok(())
            }
            Downstream::Http2(stream) => stream.send_head(head, length),
            Downstream::Local(stream, _) => stream.send_head(head, length),
            Downstream::Rpc(rpc) => rpc.send_head(head, length),
        }
    }

    pub(super) fn send_data(&mut self, data: Bytes, last: bool) -> Result<()> {
        match self {
            Downstream::Http1(connection) => {
                connection.send_data(data)?;
                if last { connection.send_end(None) } else { Ok(()) }
            }
            Downstream::Http2(stream) => {
                stream.send_data(data, last);
                Ok(())
            }
            Downstream::Local(stream, _) => {
                stream.send_data(data, last);
                Ok(())
            }
            Downstream::Rpc(rpc) => rpc.send_data(data, last),
        }
    }

    pub(super) fn send_end(&mut self, trailers: Option<Headers>) -> Result<()> {
        match self {
            Downstream::Http1(connection) => connection.send_end(trailers.as_ref()),
            Downstream::Http2(stream) => stream.send_end(trailers),
            Downstream::Local(stream, _) => {
                stream.send_end(trailers);
                Ok(())
            }
            Downstream::Rpc(rpc) => rpc.send_end(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        match self {
            Downstream::Http1(connection) => connection.has_room(),
            Downstream::Http2(stream) => stream.has_room(),
            Downstream::Local(stream, _) => stream.has_room(),
            Downstream::Rpc(rpc) => rpc.stream.has_room(),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self {
            Downstream::Http1(connection) => connection.poll_flush(cx),
            Downstream::Http2(stream) => stream.poll_flush(cx),
            Downstream::Local(stream, _) => stream.poll_flush(cx),
            Downstream::Rpc(rpc) => rpc.stream.poll_flush(cx),
        }
    }

    /// Ends the sending half of a tunnel.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Downstream::Http1(connection) => connection.poll_shutdown(cx),
            Downstream::Http2(stream) => stream.poll_flush(cx).map(|_| ()),
            Downstream::Local(stream, _) => stream.poll_flush(cx).map(|_| ()),
            Downstream::Rpc(rpc) => rpc.stream.poll_flush(cx).map(|_| ()),
        }
    }

    /// Bytes read and written since the last call, where the connection belongs to this exchange alone.
    pub(super) fn take_traffic(&mut self) -> (u64, u64) {
        match self {
            Downstream::Http1(connection) => connection.take_traffic(),
            Downstream::Http2(_) | Downstream::Local(..) | Downstream::Rpc(_) => (0, 0),
        }
    }

    /// Ends without completion, so that the client can tell.
    pub(super) fn cut(&mut self, error: &Error) {
        match self {
            Downstream::Http1(connection) => connection.abort(),
            Downstream::Http2(stream) => stream.reset(reason_for(error)),
            Downstream::Local(stream, _) => stream.reset(error),
            Downstream::Rpc(rpc) => rpc.stream.reset(error),
        }
    }
}

impl RpcDownstream<'_> {
    fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        match &mut self.answer {
            Some(answer) => {
                answer.begin(head);
                if length == Length::Empty { self.send_end() } else { Ok(()) }
            }
            None => self.stream.send_head(head, length),
        }
    }

    fn send_data(&mut self, data: Bytes, last: bool) -> Result<()> {
        match &mut self.answer {
            Some(answer) => {
                answer.push(&data)?;
                if last { self.send_end() } else { Ok(()) }
            }
            None => {
                self.stream.send_data(data, last);
                Ok(())
            }
        }
    }

    fn send_end(&mut self) -> Result<()> {
        match self.answer.take() {
            Some(answer) => {
                let head = answer.finish(self.stream.request())?;
                self.stream.send_head(head, Length::Empty)
            }
            None => {
                self.stream.send_end();
                Ok(())
            }
        }
    }
}
