//! The server end of an HTTP/1 connection: one request after the other, answered in order. What a client
//! sends ahead (pipelining) waits in the input buffer.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::Method;
use mecha_base::{Error, Kind, Result};
use mecha_codec::http1::{
    self, BodyDecoder, BodyEncoder, BodyLength, Field, HeaderId, Limits, ParseError, RequestLine, Scan,
    parse_request,
};
use mecha_net::Stream;

use super::fields::{Announce, Hop, offers_http2, strip_hop_by_hop, write_fields};
use super::target::split_target;
use super::transport::{BodyError, Transport};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead, Version};
use crate::headers::{Headers, give_list, take_list};

/// The server end.
pub struct ServerConnection {
    pub(super) transport: Transport,
    limits: Arc<Limits>,
    scan: Scan,
    version: Version,
    head_request: bool,
    connect: bool,
    keep_alive: bool,
    tunnel: bool,
}

/// A request whose head is complete.
#[derive(Debug)]
pub struct Incoming {
    /// Without its hop-by-hop fields.
    pub head: RequestHead,
    /// What is known of the body.
    pub length: Length,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The client asks for the protocol that the `Upgrade` field names.
    pub wants_upgrade: bool,
}

impl ServerConnection {
    /// A connection of which `input` was read already.
    pub fn new(io: Stream, input: BytesMut, limits: Arc<Limits>) -> Self {
        ServerConnection {
            transport: Transport::new(io, input),
            limits,
            scan: Scan::default(),
            version: Version::Http11,
            head_request: false,
            connect: false,
            keep_alive: true,
            tunnel: false,
        }
    }

    /// The next request; `None` when the client has closed between two of them.
    ///
    /// # Errors
    /// [`Kind::BadRequest`] for what HTTP/1 forbids, [`Kind::ClientGone`] when the connection ends inside a head.
    pub fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Incoming>>> {
        loop {
            if !self.transport.input.is_empty() {
                let mut fields = take_list();
                match parse_request(&self.transport.input, &mut self.scan, &self.limits, &mut fields) {
                    Ok(Some(line)) => return Poll::Ready(self.begin(&line, fields).map(Some)),
                    Ok(None) => give_list(fields),
                    Err(error) => {
                        // The answer is not one to the request before.
                        self.head_request = false;
                        return Poll::Ready(Err(bad_request(&error)));
                    }
                }
            }
            match ready!(self.transport.poll_fill(cx)) {
                Ok(0) if self.transport.input.is_empty() => return Poll::Ready(Ok(None)),
                Ok(0) => {
                    return Poll::Ready(Err(Error::downstream(
                        Kind::ClientGone,
                        "closed inside a request head",
                    )));
                }
                Ok(_) => {}
                Err(error) => {
                    return Poll::Ready(Err(
                        Error::downstream(Kind::ClientGone, "reading a head").because(error)
                    ));
                }
            }
        }
    }

    fn begin(&mut self, line: &RequestLine, mut fields: Vec<Field>) -> Result<Incoming> {
        let text = self.transport.input.split_to(line.head_len).freeze();
        self.scan = Scan::default();
        let method = Method::from_bytes(line.method.slice(&text))
            .map_err(|_| Error::downstream(Kind::BadRequest(400), "the method is not a token"))?;
        let (authority, target) = split_target(&text, line.target, &fields, &method)?;
        let origin_form = line.target.slice(&text).first() == Some(&b'/');
        let upgrade = line.upgrade && !offers_http2(&text, &fields);
        strip_hop_by_hop(&text, &mut fields, line.connection_nominates, upgrade);
        self.version = match line.version {
            http1::Version::Http10 => Version::Http10,
            http1::Version::Http11 => Version::Http11,
        };
        self.head_request = method == Method::HEAD;
        self.connect = method == Method::CONNECT;
        self.keep_alive = line.keep_alive;
        self.transport.decoder = BodyDecoder::new(line.body);
        let length = match line.body {
            _ if self.connect => Length::Tunnel,
            BodyLength::Empty => Length::Empty,
            BodyLength::Fixed(bytes) => Length::Known(bytes),
            BodyLength::Chunked | BodyLength::UntilClose => Length::Unknown,
        };
        let mut headers = Headers::from_block(text, fields);
        if !origin_form {
            name_host(&mut headers, &authority);
        }
        Ok(Incoming {
            head: RequestHead { version: self.version, method, authority, target, headers, rpc: None },
            length,
            expects_continue: line.expect_continue,
            wants_upgrade: upgrade,
        })
    }

    /// The next step of the request's body; `None` when it has ended.
    ///
    /// # Errors
    /// [`Kind::BadRequest`] for broken framing, [`Kind::ClientGone`] when the client ended in the middle.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        let frame = ready!(self.transport.poll_body(cx, &self.limits));
        Poll::Ready(frame.map_err(|error| match error {
            BodyError::Framing(error) => bad_request(&error),
            BodyError::Cut => Error::downstream(Kind::ClientGone, "closed inside a request body"),
            BodyError::Io(error) => {
                Error::downstream(Kind::ClientGone, "reading a request body").because(error)
            }
        }))
    }

    /// Whether the request has been received whole.
    pub fn is_received(&self) -> bool {
        self.transport.decoder.is_ended()
    }

    /// Ready when the client is gone, although the request was received whole.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_gone(cx)
    }

    /// Queues an informational response (1xx other than 101). HTTP/1.0 has none: nothing is sent then.
    pub fn send_informational(&mut self, head: &ResponseHead) {
        if self.version == Version::Http10 {
            return;
        }
        let hop = Hop { length: Announce::Nothing, close: false, keep_alive: false, upgrade: false };
        self.write_head(head, &hop);
    }

    /// Queues the head of the response. After [`Length::Tunnel`] both directions carry plain bytes.
    pub fn send_head(&mut self, head: &ResponseHead, length: Length) {
        let status = head.status.as_u16();
        self.tunnel = length == Length::Tunnel;
        self.transport.encoder = self.encoder(status, length);
        let until_close = self.transport.encoder == BodyEncoder::UntilClose;
        // A client that was refused a tunnel may have sent into it already; that must not become its next request.
        if until_close || self.connect || !self.is_received() {
            self.keep_alive = false;
        }
        if self.tunnel {
            self.transport.decoder = BodyDecoder::new(BodyLength::UntilClose);
        }
        let hop = Hop {
            length: self.announce(status, length),
            close: !self.keep_alive && !self.tunnel,
            keep_alive: self.keep_alive && self.version == Version::Http10,
            upgrade: self.tunnel && status == 101,
        };
        self.write_head(head, &hop);
    }

    /// How the body of a response goes (RFC 9112 section 6.3).
    fn encoder(&self, status: u16, length: Length) -> BodyEncoder {
        match length {
            Length::Tunnel => BodyEncoder::UntilClose,
            _ if self.head_request || status == 204 || status == 304 => BodyEncoder::None,
            Length::Empty => BodyEncoder::None,
            Length::Known(bytes) => BodyEncoder::new(BodyLength::Fixed(bytes)),
            Length::Unknown if self.version == Version::Http11 => BodyEncoder::Chunked,
            Length::Unknown => BodyEncoder::UntilClose,
        }
    }

    /// What the head of a response says of its body.
    fn announce(&self, status: u16, length: Length) -> Announce {
        match length {
            _ if status == 204 => Announce::Nothing,
            Length::Tunnel => Announce::Nothing,
            _ if status == 304 => Announce::AsItCame,
            Length::Known(bytes) => Announce::Bytes(bytes),
            _ if self.head_request => Announce::AsItCame,
            Length::Empty => Announce::Bytes(0),
            Length::Unknown if self.version == Version::Http11 => Announce::Chunks,
            Length::Unknown => Announce::Nothing,
        }
    }

    fn write_head(&mut self, head: &ResponseHead, hop: &Hop) {
        let out = self.transport.output.tail();
        http1::write_status_line(head.status.as_u16(), head.reason.as_deref(), http1::Version::Http11, out);
        write_fields(&head.headers, hop, out);
    }

    /// Queues a piece of the response's body. A response that has none (HEAD, 204, 304) drops it.
    ///
    /// # Errors
    /// When it is more than the head announced.
    pub fn send_data(&mut self, data: Bytes) -> Result<()> {
        if self.transport.encoder == BodyEncoder::None {
            return Ok(());
        }
        self.transport.send_data(data).map_err(|error| broken_response().because(error))
    }

    /// Queues the end of the response.
    ///
    /// # Errors
    /// When the body is shorter than the head announced.
    pub fn send_end(&mut self, trailers: Option<&Headers>) -> Result<()> {
        self.transport.send_end(trailers).map_err(|error| broken_response().because(error))
    }

    /// Whether more of the body may be queued now.
    pub fn has_room(&self) -> bool {
        self.transport.has_room()
    }

    /// Writes what is queued; ready when all of it is written.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let gone = |error| Error::downstream(Kind::ClientGone, "writing a response").because(error);
        self.transport.poll_flush(cx).map_err(gone)
    }

    /// Ends our sending half, once everything is written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = ready!(self.transport.poll_flush(cx));
        self.transport.io.poll_shutdown_write(cx).map(|_| ())
    }

    /// Reads and drops what the client still sends; ready when it has ended or `limit` bytes have passed.
    /// Closing while bytes are unread would reset the connection and could destroy a response in flight.
    pub fn poll_discard(&mut self, cx: &mut Context<'_>, limit: &mut u64) -> Poll<()> {
        while *limit > 0 {
            self.transport.input.clear();
            match ready!(self.transport.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(read) => *limit = limit.saturating_sub(read as u64),
            }
        }
        Poll::Ready(())
    }

    /// Makes this response the last one of the connection; to be called before its head is sent.
    pub fn close_after(&mut self) {
        self.keep_alive = false;
    }

    /// Whether the connection may carry another request now that the response has been sent; gives buffers back.
    pub fn finish(&mut self) -> bool {
        self.transport.output.release();
        self.transport.release_input();
        let sent = self.transport.encoder == BodyEncoder::None && self.transport.output.is_empty();
        self.keep_alive && self.is_received() && sent && !self.tunnel
    }

    /// Whether the client has sent nothing of a next request.
    pub fn is_idle(&self) -> bool {
        self.transport.input.is_empty()
    }

    /// The connection ends without completion: the client must see a reset, not an orderly end.
    pub fn abort(&self) {
        self.transport.io.abort_on_close();
    }

    /// Bytes read and written since the last call.
    pub fn take_traffic(&mut self) -> (u64, u64) {
        self.transport.take_traffic()
    }
}

/// The target names the host; a `Host` field that says otherwise would mislead the upstream (RFC 9112 section 3.2.2).
fn name_host(headers: &mut Headers, authority: &str) {
    if headers.get_id(HeaderId::Host).is_some_and(|host| host != authority.as_bytes()) {
        // The parser has seen to it that an authority holds no byte that a field can't.
        let _ = headers.set(HeaderId::Host.name(), authority.as_bytes());
    }
}

fn bad_request(error: &ParseError) -> Error {
    Error::downstream(Kind::BadRequest(error.status), error.reason)
}

fn broken_response() -> Error {
    Error::upstream(Kind::UpstreamProtocol, "the response body differs from its announced length")
}

#[cfg(test)]
mod tests;
