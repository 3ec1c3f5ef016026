//! The client end: a handle that opens streams, the driver that moves the bytes of all of them, and one
//! stream with its request and response.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::StatusCode;
use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_net::Stream;

use super::head::{request_to, response_from};
use super::io::{Counted, Traffic};
use super::sending::{Refused, Sending};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead};
use crate::headers::Headers;

/// Window of one stream in bytes.
const STREAM_WINDOW: u32 = 256 << 10;
/// Window of the connection in bytes: as many responses as it usually carries may stand still, because their clients
/// don't read, without a window that the others wait for.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * INITIAL_STREAMS as u32;
/// Largest decoded header list of a response in bytes.
const MAX_HEADER_BYTES: u32 = 60 << 10;
/// Most bytes queued inside `h2` for one stream before its capacity shrinks.
const SEND_BUFFER: usize = 256 << 10;
/// Streams opened before the server's own limit is known.
const INITIAL_STREAMS: usize = 100;
/// Most informational heads before one response. A few say something; a flood would pile up on its way to the client.
const MOST_INTERIM: u8 = 32;

/// Opens streams on one connection. Clones share it.
#[derive(Clone)]
pub struct ClientConnection {
    send: SendRequest<Bytes>,
    traffic: Arc<Traffic>,
}

/// Moves the bytes of a connection; ready when it is over. To be spawned beside the requests.
pub struct Driver(Connection<Counted, Bytes>);

/// One request and its response.
pub struct ClientStream {
    response: ResponseFuture,
    sending: Sending,
    body: Option<RecvStream>,
    connect: bool,
    data_ended: bool,
    received: bool,
    /// Informational heads that came.
    interim: u8,
}

impl ClientConnection {
    /// Greets a server.
    ///
    /// # Errors
    /// [`Kind::ConnectFailed`] when it does not speak HTTP/2 or goes away.
    pub async fn handshake(io: Stream) -> Result<(Self, Driver)> {
        let traffic = Arc::new(Traffic::default());
        let counted = Counted { io, prefix: BytesMut::new(), traffic: traffic.clone() };
        let (send, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_BYTES)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(INITIAL_STREAMS)
            .enable_push(false)
            .handshake(counted)
            .await
            .map_err(|error| {
                let error = Error::upstream(Kind::ConnectFailed, "HTTP/2 preface").because(error);
                error.retry_when(RetrySafety::Safe)
            })?;
        Ok((ClientConnection { send, traffic }, Driver(connection)))
    }

    /// Ready when a stream may be opened.
    ///
    /// # Errors
    /// When the connection is over or going away; another one is needed, and trying again is safe.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.send.poll_ready(cx).map_err(|error| {
            Error::upstream(Kind::ConnectFailed, "HTTP/2 connection")
                .because(error)
                .retry_when(RetrySafety::Safe)
        })
    }

    /// How many streams the server lets us have open at once.
    pub fn max_streams(&self) -> usize {
        self.send.current_max_send_streams()
    }

    /// Opens a stream with the head of a request.
    ///
    /// # Errors
    /// [`Kind::BadRequest`] when HTTP/2 can't carry the head, [`Kind::ConnectFailed`] when the connection is over.
    pub fn send_head(&mut self, head: RequestHead, length: Length) -> Result<ClientStream> {
        let last = length == Length::Empty;
        let connect = length == Length::Tunnel;
        let request = request_to(head, length)?;
        let (response, stream) = self.send.send_request(request, last).map_err(|error| {
            Error::upstream(Kind::ConnectFailed, "opening an HTTP/2 stream")
                .because(error)
                .retry_when(RetrySafety::Safe)
        })?;
        let sending = if last { Sending::ended(stream) } else { Sending::open(stream) };
        Ok(ClientStream {
            response,
            sending,
            body: None,
            connect,
            data_ended: false,
            received: false,
            interim: 0,
        })
    }

    /// Bytes that the connection moved.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }
}

impl Future for Driver {
    type Output = std::result::Result<(), h2::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl ClientStream {
    /// Takes a piece of the body, `last` when the end follows without trailers.
    pub fn send_data(&mut self, data: Bytes, last: bool) {
        self.sending.send_data(data, last);
    }

    /// Ends the request; nothing when the last piece did already. A server that reads no more decides by its response.
    pub fn send_end(&mut self, trailers: Option<Headers>) {
        let _ = self.sending.send_end(trailers);
    }

    /// Whether a piece of the body may be given now.
    pub fn has_room(&self) -> bool {
        self.sending.has_room()
    }

    /// Hands what was given to the connection; ready when nothing is left here. A server that reads no more is no
    /// error yet: its response or reset decides.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(Refused(_)) = ready!(self.sending.poll_flush(cx)) {
            self.sending = Sending::closed();
        }
        Poll::Ready(())
    }

    /// The next head: informational ones first, then the response's, with what is known of its body.
    ///
    /// # Errors
    /// [`Kind::UpstreamReset`] when the stream or connection ended before; safe to retry when the server says that it
    /// did not process the request (REFUSED_STREAM, GOAWAY below the stream). [`Kind::UpstreamProtocol`] for what HTTP/2
    /// forbids.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        if let Poll::Ready(Some(Ok(informational))) = self.response.poll_informational(cx) {
            return Poll::Ready(self.interim(informational));
        }
        let response =
            ready!(Pin::new(&mut self.response).poll(cx)).map_err(|error| reset_error(error, true))?;
        let (parts, body) = response.into_parts();
        self.received = body.is_end_stream();
        self.data_ended = self.received;
        self.body = Some(body);
        let (head, length) = response_from(parts, self.received);
        let tunnel = self.connect && head.status.is_success();
        Poll::Ready(Ok((head, if tunnel { Length::Tunnel } else { length })))
    }

    fn interim(&mut self, response: http::Response<()>) -> Result<(ResponseHead, Length)> {
        let (head, _) = response_from(response.into_parts().0, true);
        self.interim = self.interim.saturating_add(1);
        // RFC 9113 section 8.6.
        let wrong = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            "101 over HTTP/2, which knows no upgrade"
        } else if self.interim > MOST_INTERIM {
            "too many informational responses"
        } else {
            return Ok((head, Length::Empty));
        };
        Err(Error::upstream(Kind::UpstreamProtocol, wrong))
    }

    /// The next step of the response's body; `None` when it has ended.
    ///
    /// # Errors
    /// [`Kind::UpstreamReset`] when the stream was reset or the connection failed.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        let Some(body) = &mut self.body else { return Poll::Pending };
        while !self.data_ended {
            match ready!(body.poll_data(cx)) {
                Some(data) => {
                    let data = data.map_err(|error| reset_error(error, false))?;
                    let released = body.flow_control().release_capacity(data.len());
                    released.map_err(|error| reset_error(error, false))?;
                    self.received = body.is_end_stream();
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
        let trailers = ready!(body.poll_trailers(cx)).map_err(|error| reset_error(error, false))?;
        self.received = true;
        Poll::Ready(Ok(trailers.map(|trailers| Frame::Trailers(Headers::from_map(trailers)))))
    }

    /// Whether the response has been received whole.
    pub fn is_received(&self) -> bool {
        self.received
    }

    /// Ends the stream without completion.
    pub fn reset(&mut self, reason: Reason) {
        self.sending.reset(reason);
    }
}

/// Only what the server itself says of not having processed a request makes it safe to send it again: the library
/// resets streams with the same reasons when a response breaks a rule.
fn reset_error(error: h2::Error, before_head: bool) -> Error {
    let unprocessed =
        error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    let retry = if before_head && unprocessed { RetrySafety::Safe } else { RetrySafety::Policy };
    let kind = if error.is_library() { Kind::UpstreamProtocol } else { Kind::UpstreamReset };
    Error::upstream(kind, "HTTP/2 stream").because(error).retry_when(retry)
}
