//! A call on the worker's own thread, with both of its bodies. Whoever polls the response moves the request too.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use bytestring::ByteString;
use http::header::HOST;
use http_body::{Body as HttpBody, Frame as HttpFrame, SizeHint};
use mecha_base::{Error, Kind, Result};
use mecha_http::{Frame, Headers, Length, RequestHead, ResponseHead, Version};
use mecha_proxy::{Call, Worker};

use super::Unanswered;
use crate::body::{Body, BodyError};

pub(super) async fn call(
    worker: &Worker,
    door: &str,
    request: http::Request<Body>,
) -> Result<http::Response<Body>> {
    let Some(caller) = worker.caller(door) else {
        return Err(Error::local(Kind::NoRoute, format!("no listener is called \"{door}\"")));
    };
    let (parts, body) = request.into_parts();
    let length = match body.length() {
        Some(0) => Length::Empty,
        Some(length) => Length::Known(length),
        None => Length::Unknown,
    };
    let call = caller.call(request_head(parts)?, length);
    let body = (length != Length::Empty).then_some(body);
    let mut pump = Pump { call, body, piece: Bytes::new(), last: false, known: None };
    let (head, length) = poll_fn(|cx| pump.poll_head(cx)).await?;
    let mut response = http::Response::new(Body::empty());
    if let Some(error) = pump.call.failure() {
        response.extensions_mut().insert(Unanswered { kind: error.kind(), message: error.to_string() });
    }
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers.into_map();
    if length != Length::Empty {
        if let Length::Known(length) = length {
            pump.known = Some(length);
        }
        *response.body_mut() = Body::new(pump);
    }
    Ok(response)
}

fn request_head(parts: http::request::Parts) -> Result<RequestHead> {
    let mut headers = parts.headers;
    let host = headers.remove(HOST).and_then(|host| host.to_str().map(ByteString::from).ok());
    let authority = parts.uri.authority().map(|authority| ByteString::from(authority.as_str()));
    let target =
        parts.uri.path_and_query().map_or_else(|| "/".into(), |target| ByteString::from(target.as_str()));
    let version = if parts.version == http::Version::HTTP_2 { Version::Http2 } else { Version::Http11 };
    Ok(RequestHead {
        version,
        method: parts.method,
        authority: authority.or(host).unwrap_or_default(),
        target,
        headers: Headers::from_map(headers),
        rpc: None,
    })
}

/// A call and the request's body that is still to be sent.
struct Pump {
    call: Call,
    body: Option<Body>,
    /// Taken out of the body, not yet by the exchange.
    piece: Bytes,
    last: bool,
    /// The length of the response's body.
    known: Option<u64>,
}

impl Pump {
    /// Moves as much of the request's body as there is room for.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while let Some(body) = &mut self.body {
            if self.piece.is_empty() && !self.last {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(None) => {
                        self.call.send_end(None);
                        self.body = None;
                        return Ok(());
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Err(Error::downstream(
                            Kind::ClientGone,
                            format!("the request's body: {error}"),
                        ));
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => (self.piece, self.last) = (data, body.is_end_stream()),
                        Err(frame) => {
                            let trailers = frame.into_trailers().ok().map(Headers::from_map);
                            self.call.send_end(trailers);
                            self.body = None;
                            return Ok(());
                        }
                    },
                }
            }
            match self.call.poll_send(cx, &mut self.piece, self.last)? {
                Poll::Pending => return Ok(()),
                Poll::Ready(()) if self.last => self.body = None,
                Poll::Ready(()) => {}
            }
        }
        Ok(())
    }

    /// The head of the response; informational ones are passed over.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        loop {
            self.send(cx)?;
            match self.call.poll_head(cx)? {
                Poll::Ready((head, _)) if head.is_interim() => {}
                other => return other.map(Ok),
            }
        }
    }
}

impl HttpBody for Pump {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<HttpFrame<Bytes>, BodyError>>> {
        let pump = &mut *self;
        pump.send(cx)?;
        let frame = match pump.call.poll_recv(cx)? {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Frame::Data(data))) => {
                if let Some(known) = &mut pump.known {
                    *known = known.saturating_sub(data.len() as u64);
                }
                HttpFrame::data(data)
            }
            Poll::Ready(Some(Frame::Trailers(trailers))) => HttpFrame::trailers(trailers.into_map()),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.call.is_received()
    }

    fn size_hint(&self) -> SizeHint {
        self.known.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
