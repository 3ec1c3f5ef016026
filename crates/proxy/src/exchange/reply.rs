//! Responses of our own making: direct responses, redirects, errors. A gRPC client gets its errors as
//! trailers-only responses. Nothing of the request is echoed.

use std::future::poll_fn;

use bytes::Bytes;
use mecha_base::{Error, Kind, Result};
use mecha_http::{Length, RequestHead, ResponseHead, StatusCode};
use mecha_resilience::GrpcStatus;
use mecha_resilience::grpc::encode_message;
use mecha_route::{DirectReply, RedirectPlan, RouteEntry};

use super::Exchange;

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
        self.reply(head, direct.body.clone()).await
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
        self.reply(head, Bytes::new()).await
    }

    /// Tells the client what went wrong, in its protocol's way.
    pub(super) async fn reply_error(&mut self, error: &Error) -> Result<()> {
        let kind = error.kind();
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // What the client did wrong is said in detail; what an upstream did is our own business.
        let text = match kind {
            Kind::BadRequest(_) if !error.context().is_empty() => error.context(),
            _ => kind.describe(),
        };
        let text = text.to_owned();
        if self.grpc {
            return self.reply_grpc(status, &text).await;
        }
        let mut head = ResponseHead::new(status);
        let _ = head.headers.append("content-type", b"text/plain; charset=utf-8");
        self.reply(head, Bytes::from(text + "\n")).await
    }

    async fn reply_grpc(&mut self, status: StatusCode, text: &str) -> Result<()> {
        let mut head = ResponseHead::new(StatusCode::OK);
        let mut message = String::new();
        encode_message(text, &mut message);
        let code = GrpcStatus::from_http(status.as_u16()).to_text();
        let _ = head.headers.append("content-type", b"application/grpc");
        let _ = head.headers.append("grpc-status", code.as_bytes());
        let _ = head.headers.append("grpc-message", message.as_bytes());
        self.reply(head, Bytes::new()).await
    }

    async fn reply(&mut self, head: ResponseHead, body: Bytes) -> Result<()> {
        let length = if body.is_empty() { Length::Empty } else { Length::Known(body.len() as u64) };
        self.clock.streaming(self.clock.start(), false);
        self.send_head(head, length)?;
        if !body.is_empty() {
            self.flight.sent += body.len() as u64;
            self.down.send_data(body, true)?;
        }
        let flushed = poll_fn(|cx| {
            if let std::task::Poll::Ready(done) = self.down.poll_flush(cx) {
                return std::task::Poll::Ready(done);
            }
            self.clock
                .poll_expired(cx)
                .map(|_| Err(Error::downstream(Kind::ClientGone, "the client does not read")))
        });
        flushed.await
    }
}
