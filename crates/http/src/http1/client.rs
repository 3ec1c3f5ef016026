//! The client end of an HTTP/1 connection: one request at a time; the pool reuses it when it may be reused.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use mecha_base::{Error, Kind, Result, RetrySafety};
use mecha_codec::http1::{
    self, BodyDecoder, BodyEncoder, BodyLength, Field, HeaderId, Limits, RequestKind, Scan, StatusLine,
    parse_response,
};
use mecha_net::{Address, Stream};

use super::fields::{Announce, Hop, strip_hop_by_hop, write_fields};
use super::transport::{BodyError, Transport};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead, Version};
use crate::headers::{Headers, give_list, take_list};

/// Most informational heads before one response. A few say something; a flood would pile up on its way to the client.
const MOST_INTERIM: u8 = 32;

/// The client end.
pub struct ClientConnection {
    pub(super) transport: Transport,
    limits: Arc<Limits>,
    scan: Scan,
    kind: RequestKind,
    /// Whether the current request asked for another protocol.
    upgrade: bool,
    keep_alive: bool,
    announced_close: bool,
    write_failed: bool,
    heard: bool,
    /// Informational heads that the current request got.
    interim: u8,
    requests: u32,
}

/// How a request is sent, beside its head.
#[derive(Clone, Copy, Debug)]
pub struct RequestOptions {
    /// What is known of the body.
    pub length: Length,
    /// Ask for the protocol that the `Upgrade` field names.
    pub upgrade: bool,
}

impl ClientConnection {
    /// A fresh connection.
    pub fn new(io: Stream, limits: Arc<Limits>) -> Self {
        ClientConnection {
            transport: Transport::new(io, BytesMut::new()),
            limits,
            scan: Scan::default(),
            kind: RequestKind::Other,
            upgrade: false,
            keep_alive: true,
            announced_close: false,
            write_failed: false,
            heard: false,
            interim: 0,
            requests: 0,
        }
    }

    /// Queues the head of a request.
    pub fn send_head(&mut self, head: &RequestHead, options: RequestOptions) {
        self.requests = self.requests.saturating_add(1);
        self.heard = false;
        self.interim = 0;
        self.scan = Scan::default();
        self.upgrade = options.upgrade;
        self.kind = match head.method {
            Method::HEAD => RequestKind::Head,
            Method::CONNECT => RequestKind::Connect,
            _ => RequestKind::Other,
        };
        let connect = self.kind == RequestKind::Connect;
        let length = if connect { Length::Tunnel } else { options.length };
        self.transport.encoder = match length {
            Length::Empty | Length::Tunnel => BodyEncoder::None,
            Length::Known(bytes) => BodyEncoder::new(BodyLength::Fixed(bytes)),
            Length::Unknown => BodyEncoder::Chunked,
        };
        // Until a response head says otherwise, there is none to read.
        self.transport.decoder = BodyDecoder::new(BodyLength::UntilClose);
        let length = announce(length, &head.method);
        let hop = Hop { length, close: false, keep_alive: false, upgrade: options.upgrade };
        let target: &str = if connect { &head.authority } else { &head.target };
        let out = self.transport.output.tail();
        http1::write_request_line(head.method.as_str().as_bytes(), target.as_bytes(), out);
        if head.headers.get_id(HeaderId::Host).is_none() {
            http1::write_field(b"host", head.authority.as_bytes(), out);
        }
        write_fields(&head.headers, &hop, out);
    }

    /// Queues a piece of the body. Once the upstream has stopped reading, it is dropped: the response decides.
    ///
    /// # Errors
    /// When it is more than the head announced.
    pub fn send_data(&mut self, data: Bytes) -> Result<()> {
        if self.write_failed {
            return Ok(());
        }
        self.transport.send_data(data).map_err(|error| broken_request().because(error))
    }

    /// Queues the end of the request.
    ///
    /// # Errors
    /// When the body is shorter than the head announced.
    pub fn send_end(&mut self, trailers: Option<&Headers>) -> Result<()> {
        if self.write_failed {
            return Ok(());
        }
        self.transport.send_end(trailers).map_err(|error| broken_request().because(error))
    }

    /// Whether more of the body may be queued now.
    pub fn has_room(&self) -> bool {
        self.write_failed || self.transport.has_room()
    }

    /// Writes what is queued; ready when all of it is written or the upstream reads no more. A write that fails is
    /// no error yet, since a response may have been sent before the upstream stopped reading.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.write_failed && ready!(self.transport.poll_flush(cx)).is_err() {
            self.write_failed = true;
            self.keep_alive = false;
            self.transport.output.clear();
        }
        Poll::Ready(())
    }

    /// The next head: informational ones first, then the response's, with what is known of its body.
    ///
    /// # Errors
    /// [`Kind::UpstreamReset`] when the connection ends before, safe to retry on a reused connection that never
    /// answered; [`Kind::UpstreamProtocol`] when HTTP/1 forbids what came.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        loop {
            if !self.transport.input.is_empty() {
                let mut fields = take_list();
                match parse_response(
                    &self.transport.input,
                    &mut self.scan,
                    &self.limits,
                    self.kind,
                    &mut fields,
                ) {
                    Ok(Some(line)) => return Poll::Ready(self.begin(&line, fields)),
                    Ok(None) => give_list(fields),
                    Err(error) => {
                        return Poll::Ready(Err(Error::upstream(Kind::UpstreamProtocol, error.reason)));
                    }
                }
            }
            match ready!(self.transport.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(self.cut())),
                Ok(_) => self.heard = true,
                Err(error) => return Poll::Ready(Err(self.cut().because(error))),
            }
        }
    }

    fn cut(&self) -> Error {
        let error = Error::upstream(Kind::UpstreamReset, "closed before the response head was complete");
        if self.requests > 1 && !self.heard { error.retry_when(RetrySafety::ReusedOnly) } else { error }
    }

    fn begin(&mut self, line: &StatusLine, mut fields: Vec<Field>) -> Result<(ResponseHead, Length)> {
        let text = self.transport.input.split_to(line.head_len).freeze();
        self.scan = Scan::default();
        let status = StatusCode::from_u16(line.status)
            .map_err(|_| Error::upstream(Kind::UpstreamProtocol, "status code out of range"))?;
        let switching = status == StatusCode::SWITCHING_PROTOCOLS;
        self.check_interim(status, switching)?;
        strip_hop_by_hop(&text, &mut fields, line.connection_nominates, switching);
        let usual = http1::canonical_reason(line.status).as_bytes() == line.reason.slice(&text);
        let reason = (!usual).then(|| text.slice(line.reason.range()));
        let version = match line.version {
            http1::Version::Http10 => Version::Http10,
            http1::Version::Http11 => Version::Http11,
        };
        let head =
            ResponseHead { version, status, reason, headers: Headers::from_block(text, fields), rpc: None };
        if status.is_informational() && !switching {
            return Ok((head, Length::Empty));
        }
        let tunnel = switching || (self.kind == RequestKind::Connect && status.is_success());
        self.keep_alive = self.keep_alive && line.keep_alive && !tunnel;
        self.announced_close |= !line.keep_alive && !tunnel;
        self.transport.decoder = BodyDecoder::new(line.body);
        if tunnel {
            self.transport.encoder = BodyEncoder::UntilClose;
            return Ok((head, Length::Tunnel));
        }
        let length = match line.body {
            BodyLength::Empty => Length::Empty,
            BodyLength::Fixed(bytes) => Length::Known(bytes),
            BodyLength::Chunked | BodyLength::UntilClose => Length::Unknown,
        };
        Ok((head, length))
    }

    /// Counts informational heads. A switch of protocols is held to what was asked for (RFC 9110 sections 7.8 and
    /// 15.2.2): otherwise the two ends would take the same bytes for different things.
    fn check_interim(&mut self, status: StatusCode, switching: bool) -> Result<()> {
        if !status.is_informational() {
            return Ok(());
        }
        self.interim = self.interim.saturating_add(1);
        let wrong = if switching && !self.upgrade {
            "switched protocols without being asked to"
        } else if switching && self.transport.encoder != BodyEncoder::None {
            "switched protocols inside the request"
        } else if self.interim > MOST_INTERIM {
            "too many informational responses"
        } else {
            return Ok(());
        };
        Err(Error::upstream(Kind::UpstreamProtocol, wrong))
    }

    /// The next step of the response's body; `None` when it has ended.
    ///
    /// # Errors
    /// [`Kind::UpstreamReset`] when it ends in the middle, [`Kind::UpstreamProtocol`] for broken framing.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        let frame = ready!(self.transport.poll_body(cx, &self.limits));
        Poll::Ready(frame.map_err(|error| match error {
            BodyError::Framing(error) => Error::upstream(Kind::UpstreamProtocol, error.reason),
            BodyError::Cut => Error::upstream(Kind::UpstreamReset, "closed inside the response body"),
            BodyError::Io(error) => {
                Error::upstream(Kind::UpstreamReset, "reading a response body").because(error)
            }
        }))
    }

    /// Whether the response has been received whole.
    pub fn is_received(&self) -> bool {
        self.transport.decoder.is_ended()
    }

    /// Ends our sending half, once everything is written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = ready!(self.transport.poll_flush(cx));
        self.transport.io.poll_shutdown_write(cx).map(|_| ())
    }

    /// Whether the connection may carry another request: both messages are complete and neither side said `close`.
    pub fn is_reusable(&self) -> bool {
        self.keep_alive
            && !self.write_failed
            && self.transport.decoder.is_ended()
            && self.transport.encoder == BodyEncoder::None
            && self.transport.output.is_empty()
            && self.transport.input.is_empty()
    }

    /// Gives the buffers back; for a connection that goes to the pool.
    pub fn release(&mut self) {
        self.transport.output.release();
        self.transport.release_input();
    }

    /// Whether an idle connection can't be used any more: the upstream closed it, or sent what nobody asked for.
    pub fn is_stale(&self) -> bool {
        self.transport.io.is_stale()
    }

    /// Whether a request is on it whose response was not received whole.
    pub fn is_busy(&self) -> bool {
        self.requests > 0 && !self.is_received()
    }

    /// Whether reading found that the upstream has closed or reset its side.
    pub fn is_ended(&self) -> bool {
        self.transport.ended
    }

    /// Whether a response said that the connection ends with it.
    pub fn announced_close(&self) -> bool {
        self.announced_close
    }

    /// How many requests it has carried.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Our end's address.
    pub fn local_address(&self) -> Option<Address> {
        self.transport.io.local_address()
    }

    /// The response will not be read on: the upstream must see a reset.
    pub fn abort(&self) {
        self.transport.io.abort_on_close();
    }

    /// Bytes read and written since the last call.
    pub fn take_traffic(&mut self) -> (u64, u64) {
        self.transport.take_traffic()
    }
}

/// What the head of a request says of its body. Methods that usually carry one say so when there is none (RFC 9110
/// section 8.6).
fn announce(length: Length, method: &Method) -> Announce {
    match length {
        Length::Empty if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => Announce::Bytes(0),
        Length::Empty => Announce::MaybeNone,
        Length::Known(bytes) => Announce::Bytes(bytes),
        Length::Unknown => Announce::Chunks,
        Length::Tunnel => Announce::Nothing,
    }
}

fn broken_request() -> Error {
    Error::downstream(Kind::BadRequest(400), "the request body differs from its announced length")
}

#[cfg(test)]
mod tests;
