//! The server end: a connection that gives out streams, and one stream with its request and response.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Method;
use mecha_base::{Error, Kind, Result};
use mecha_net::Stream;

use super::head::{request_from, response_to};
use super::io::{Counted, Traffic};
use super::sending::{Refused, Sending};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead};
use crate::headers::Headers;

/// Frames of a closed stream are ignored for so long (`h2`'s own default).
const RESET_STREAM_MEMORY: Duration = Duration::from_secs(1);
/// Most bytes queued inside `h2` for one stream before its capacity shrinks.
const SEND_BUFFER: usize = 256 << 10;

/// Limits of a server connection.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Streams that the client may have open at once.
    pub max_concurrent_streams: u32,
    /// Window of one stream in bytes.
    pub stream_window: u32,
    /// Window of the connection in bytes.
    pub connection_window: u32,
    /// Largest decoded header list in bytes.
    pub max_header_bytes: u32,
    /// Streams reset before they were accepted that are tolerated (rapid reset).
    pub max_pending_resets: usize,
}

/// The server end of a connection.
pub struct ServerConnection {
    inner: Connection<Counted, Bytes>,
    traffic: Arc<Traffic>,
}

/// One request and its response.
pub struct ServerStream {
    respond: SendResponse<Bytes>,
    body: RecvStream,
    data_ended: bool,
    received: bool,
    sending: Sending,
    head_request: bool,
    head_sent: bool,
}

impl ServerConnection {
    /// Greets a client. `prefix` was read already, and holds the beginning of the client's preface.
    ///
    /// # Errors
    /// When the client does not speak HTTP/2 or goes away.
    pub async fn handshake(io: Stream, prefix: BytesMut, options: &ServerOptions) -> Result<Self> {
        let traffic = Arc::new(Traffic::default());
        let counted = Counted { io, prefix, traffic: traffic.clone() };
        let inner = Builder::new()
            .max_concurrent_streams(options.max_concurrent_streams)
            .initial_window_size(options.stream_window)
            .initial_connection_window_size(options.connection_window)
            .max_header_list_size(options.max_header_bytes)
            .max_pending_accept_reset_streams(options.max_pending_resets)
            .reset_stream_duration(RESET_STREAM_MEMORY)
            .max_send_buffer_size(SEND_BUFFER)
            .handshake(counted)
            .await
            .map_err(|error| Error::downstream(Kind::BadRequest(400), "HTTP/2 preface").because(error))?;
        Ok(ServerConnection { inner, traffic })
    }

    /// The next request; `None` when the connection is over. Must be polled for anything to move.
    ///
    /// # Errors
    /// When the connection failed, with the reason.
    pub fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<(RequestHead, Length, ServerStream)>>> {
        loop {
            let Some(accepted) = ready!(self.inner.poll_accept(cx)) else { return Poll::Ready(Ok(None)) };
            let (request, mut respond) = accepted.map_err(connection_error)?;
            let (parts, body) = request.into_parts();
            let received = body.is_end_stream();
            let head_request = parts.method == Method::HEAD;
            match request_from(parts, received) {
                Ok((head, length)) => {
                    let stream = ServerStream {
                        respond,
                        body,
                        data_ended: received,
                        received,
                        sending: Sending::closed(),
                        head_request,
                        head_sent: false,
                    };
                    return Poll::Ready(Ok(Some((head, length, stream))));
                }
                Err(_) => respond.send_reset(Reason::PROTOCOL_ERROR),
            }
        }
    }

    /// Tells the client to open no more streams (GOAWAY); those that are open go on.
    pub fn shut_down_gracefully(&mut self) {
        self.inner.graceful_shutdown();
    }

    /// Ends the connection without waiting for the client; [`Self::poll_accept`] says when it is over.
    pub fn shut_down(&mut self) {
        self.inner.abrupt_shutdown(Reason::NO_ERROR);
    }

    /// Ends the connection of a client that makes too much work (ENHANCE_YOUR_CALM).
    pub fn expel(&mut self) {
        self.inner.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
    }

    /// Bytes that the connection moved.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }
}

impl ServerStream {
    /// The next step of the request's body; `None` when it has ended.
    ///
    /// # Errors
    /// [`Kind::ClientGone`] when the client reset the stream or the connection failed.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        let gone =
            |error: h2::Error| Error::downstream(Kind::ClientGone, "reading a request body").because(error);
        while !self.data_ended {
            match ready!(self.body.poll_data(cx)) {
                Some(data) => {
                    let data = data.map_err(gone)?;
                    // The pump asks only when the other side has room, so the window may open again at once.
                    self.body.flow_control().release_capacity(data.len()).map_err(gone)?;
                    self.received = self.body.is_end_stream();
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(Frame::Data(data))));
                    }
                }
                None => self.data_ended = true,
            }
        }
        if self.received {
            return Poll::Ready(Ok(None));
        }
        let trailers = ready!(self.body.poll_trailers(cx)).map_err(gone)?;
        self.received = true;
        Poll::Ready(Ok(trailers.map(|trailers| Frame::Trailers(Headers::from_map(trailers)))))
    }

    /// Whether the request has been received whole.
    pub fn is_received(&self) -> bool {
        self.received
    }

    /// Ready when the client has reset the stream or the connection is gone, with the reason.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<h2::Error> {
        let reset = if self.head_sent { self.sending.poll_reset(cx) } else { self.respond.poll_reset(cx) };
        reset.map(|reset| reset.map_or_else(|error| error, h2::Error::from))
    }

    /// Whether the head of the response was given.
    pub fn is_answered(&self) -> bool {
        self.head_sent
    }

    /// Sends an informational response (1xx other than 101).
    pub fn send_informational(&mut self, head: ResponseHead) {
        let _ = self.respond.send_informational(response_to(head, Length::Empty, false));
    }

    /// Sends the head of the response. One that has no body by its nature (HEAD, 204, 304) ends with it, and drops what
    /// is given as its body.
    ///
    /// # Errors
    /// When the client has reset the stream.
    pub fn send_head(&mut self, head: ResponseHead, length: Length) -> Result<()> {
        let bodiless = self.head_request || matches!(head.status.as_u16(), 204 | 304);
        let last = length == Length::Empty || (bodiless && length != Length::Tunnel);
        let stream = self
            .respond
            .send_response(response_to(head, length, self.head_request), last)
            .map_err(|error| Error::downstream(Kind::ClientGone, "sending a response head").because(error))?;
        self.sending = if last { Sending::ended(stream) } else { Sending::open(stream) };
        self.head_sent = true;
        Ok(())
    }

    /// Takes a piece of the response's body, `last` when the end follows without trailers.
    pub fn send_data(&mut self, data: Bytes, last: bool) {
        self.sending.send_data(data, last);
    }

    /// Ends the response; nothing when the last piece did already.
    ///
    /// # Errors
    /// When the client has reset the stream.
    pub fn send_end(&mut self, trailers: Option<Headers>) -> Result<()> {
        self.sending.send_end(trailers).map_err(refused)
    }

    /// Whether a piece of the body may be given now.
    pub fn has_room(&self) -> bool {
        self.sending.has_room()
    }

    /// Hands what was given to the connection; ready when nothing is left here.
    ///
    /// # Errors
    /// When the client has reset the stream.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.sending.poll_flush(cx).map_err(refused)
    }

    /// Ends the stream without completion.
    pub fn reset(&mut self, reason: Reason) {
        if self.head_sent { self.sending.reset(reason) } else { self.respond.send_reset(reason) }
    }
}

fn refused(refused: Refused) -> Error {
    let error = Error::downstream(Kind::ClientGone, "sending a response body");
    match refused.0 {
        Some(cause) => error.because(cause),
        None => error,
    }
}

fn connection_error(error: h2::Error) -> Error {
    // A GOAWAY with an error is the client's own farewell.
    let gone = error.is_io() || error.is_remote();
    let kind = if gone { Kind::ClientGone } else { Kind::BadRequest(400) };
    Error::downstream(kind, "HTTP/2 connection").because(error)
}
