//! Responses of our own making: direct responses, redirects, errors. A gRPC client gets its errors as
//! trailers-only responses. Nothing of the request is echoed.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};
use mecha_filter::Reply;
use mecha_http::{Frame, Length, RequestHead, ResponseHead, StatusCode};
use mecha_resilience::GrpcStatus;
use mecha_resilience::grpc::encode_message;
use mecha_route::{DirectReply, RedirectPlan, RouteEntry};

use super::Exchange;

/// Most bytes of a request's body that a reply of our own reads for the sake of the connection.
const MOST_DISCARDED: usize = 64 << 10;

impl Exchange<'_> {
    pub(super) async fn reply_direct(
        &mut self,
        route: &RouteEntry,
        request: &RequestHead,
        direct: &DirectReply,
    ) -> Result<()> {
        let mut head = ResponseHead::new(direct.status);
        if !direct.body.is_empty() {
            let _ = head.headers.append("content-type", b"text/plain; charset=utf-8");
        }
        route.rewrite_response(&mut head, &self.vars(Some(request)));
        self.begin_reply(head, direct.body.clone())?;
        self.flush_reply().await
    }

    pub(super) async fn reply_redirect(
        &mut self,
        route: &RouteEntry,
        request: &RequestHead,
        redirect: &RedirectPlan,
    ) -> Result<()> {
        let mut head = ResponseHead::new(redirect.status);
        let location = redirect.location(request, "http");
        head.headers
            .append("location", location.as_bytes())
            .map_err(|_| Error::downstream(Kind::BadRequest(400), "the target can't stand in a Location"))?;
        route.rewrite_response(&mut head, &self.vars(Some(request)));
        self.begin_reply(head, Bytes::new())?;
        self.flush_reply().await
    }

    /// What a filter answers.
    pub(super) async fn reply_filter(&mut self, reply: Reply) -> Result<()> {
        if self.grpc {
            let text = String::from_utf8_lossy(&reply.body);
            self.begin_grpc(GrpcStatus::from_http(reply.status.as_u16()), text.trim_end())?;
        } else {
            let mut head = ResponseHead::new(reply.status);
            let _ = head.headers.append("content-type", b"text/plain; charset=utf-8");
            self.begin_reply(head, reply.body)?;
        }
        self.flush_reply().await
    }

    /// Tells the client what went wrong, in its protocol's way.
    pub(super) async fn reply_error(&mut self, error: &Error) -> Result<()> {
        let kind = error.kind();
        self.down.note_failure(error);
        let status = if self.down.protocol().is_rpc() { kind.rpc_status() } else { kind.status() };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // What the client did wrong is said in detail; what an upstream did is our own business.
        let text = match kind {
            Kind::BadRequest(_) if !error.context().is_empty() => error.context(),
            _ => kind.describe(),
        };
        if self.grpc {
            self.begin_grpc(GrpcStatus::from_kind(kind), text)?;
        } else {
            let mut head = ResponseHead::new(status);
            let _ = head.headers.append("content-type", b"text/plain; charset=utf-8");
            self.begin_reply(head, Bytes::from(format!("{text}\n")))?;
        }
        self.flush_reply().await
    }

    /// A trailers-only response.
    fn begin_grpc(&mut self, status: GrpcStatus, text: &str) -> Result<()> {
        let mut head = ResponseHead::new(StatusCode::OK);
        let mut message = String::new();
        encode_message(text, &mut message);
        let code = status.to_text();
        let _ = head.headers.append("content-type", b"application/grpc");
        let _ = head.headers.append("grpc-status", code.as_bytes());
        let _ = head.headers.append("grpc-message", message.as_bytes());
        self.begin_reply(head, Bytes::new())
    }

    fn begin_reply(&mut self, head: ResponseHead, body: Bytes) -> Result<()> {
        let length = if body.is_empty() { Length::Empty } else { Length::Known(body.len() as u64) };
        self.clock.streaming(self.clock.start(), false);
        self.down.answer_ourselves();
        self.discard_received();
        self.send_head(head, length)?;
        if !body.is_empty() {
            self.flight.sent += body.len() as u64;
            self.down.send_data(body, true)?;
        }
        Ok(())
    }

    /// Takes what the client has sent of its body already, so that the connection can carry its next request. A body
    /// that is larger, or still on its way, costs the connection instead.
    fn discard_received(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut left = MOST_DISCARDED;
        while !self.down.is_received() && left > 0 {
            match self.down.poll_recv(&mut cx) {
                Poll::Ready(Ok(Some(Frame::Data(data)))) => left = left.saturating_sub(data.len()),
                Poll::Ready(Ok(Some(Frame::Trailers(_)))) => {}
                Poll::Ready(Ok(None) | Err(_)) | Poll::Pending => return,
            }
        }
    }

    async fn flush_reply(&mut self) -> Result<()> {
        poll_fn(|cx| match self.down.poll_flush(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                let late = |_| Err(Error::downstream(Kind::ClientGone, "the client does not read"));
                self.clock.poll_expired(cx).map(late)
            }
        })
        .await
    }
}
