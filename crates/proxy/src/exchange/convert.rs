//! Requests that leave in another protocol than they came in: HTTP as a message of an RPC protocol, and the other way.
//! What becomes what is `mecha_filter::transcode`'s; here is when: a message is made of a body that is here whole, and
//! the answer is made back into what the client speaks.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mecha_base::{Error, Kind, Result};
use mecha_cluster::Speaks;
use mecha_codec::rpc;
use mecha_config::filter::Conversion;
use mecha_filter::transcode;
use mecha_http::{Frame, Length, RequestHead, ResponseHead};

use super::forward::Plan;
use super::upstream::Upstream;
use super::{Exchange, Request};
use crate::upstream::RpcLease;

impl Exchange<'_> {
    /// What the conversion is to heed: what a filter said, or nothing.
    fn conversion(&self) -> Arc<Conversion> {
        self.choice.as_ref().map(|choice| choice.conversion.clone()).unwrap_or_default()
    }

    /// Makes an RPC request an HTTP request, once for all tries.
    pub(super) fn convert_request(&mut self, request: &mut Request, speaks: Speaks) -> Result<()> {
        if !matches!(speaks, Speaks::Http1 | Speaks::Http2 | Speaks::Dapr) {
            let what = format!("{} can't be made {}", self.down.name(), speaks.name());
            return Err(Error::local(Kind::BadRequest(501), what));
        }
        let conversion = self.conversion();
        let (head, body) = transcode::request_to_http(&request.head, &conversion)?;
        request.head = head;
        request.length = if body.is_empty() { Length::Empty } else { Length::Known(body.len() as u64) };
        self.body.replace(body);
        self.down.convert_answer(conversion, self.proxy.rpc.max_frame);
        Ok(())
    }

    /// An HTTP request on its way to a host that speaks an RPC protocol.
    pub(super) fn convert(
        &self,
        lease: RpcLease,
        protocol: rpc::Protocol,
        plan: &Plan<'_>,
        request: &Request,
    ) -> Result<Upstream> {
        if request.length == Length::Tunnel {
            let what = "a tunnel can't be made a message";
            return Err(Error::downstream(Kind::BadRequest(501), what));
        }
        let mut call = Converted {
            lease,
            protocol,
            conversion: self.conversion(),
            head: request.head.clone(),
            timeout: plan.timeouts.per_try.unwrap_or(plan.timeouts.global),
            limit: self.proxy.rpc.max_frame,
            body: BytesMut::new(),
            sent: false,
            answer: None,
        };
        if request.length == Length::Empty {
            call.send_end()?;
        }
        Ok(Upstream::Converted(Box::new(call)))
    }
}

/// An HTTP request that becomes a message when its body is here whole.
pub(super) struct Converted {
    lease: RpcLease,
    protocol: rpc::Protocol,
    conversion: Arc<Conversion>,
    head: RequestHead,
    timeout: Duration,
    limit: usize,
    body: BytesMut,
    /// The message is on its way.
    sent: bool,
    /// What is left of the answer's body; `Some` once its head was taken.
    answer: Option<Bytes>,
}

impl Converted {
    pub(super) fn connection_id(&self) -> u64 {
        self.lease.id
    }

    pub(super) fn send_data(&mut self, data: &[u8], last: bool) -> Result<()> {
        gather(&mut self.body, data, self.limit)
            .map_err(|what| Error::downstream(Kind::BadRequest(413), what))?;
        if last { self.send_end() } else { Ok(()) }
    }

    pub(super) fn send_end(&mut self) -> Result<()> {
        if self.sent {
            return Ok(());
        }
        let message =
            transcode::request_to_rpc(&self.head, &self.body, self.protocol, &self.conversion, self.timeout)?;
        self.body = BytesMut::new();
        self.lease.send(&message)?;
        self.sent = true;
        Ok(())
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lease.poll_flush(cx)
    }

    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        let (message, _) = ready!(self.lease.poll_head(cx))?;
        let (head, body) = transcode::response_to_http(&message, &self.conversion)?;
        let length = if body.is_empty() { Length::Empty } else { Length::Known(body.len() as u64) };
        self.answer = Some(body);
        Poll::Ready(Ok((head, length)))
    }

    pub(super) fn recv(&mut self) -> Option<Frame> {
        self.answer.as_mut().map(std::mem::take).filter(|body| !body.is_empty()).map(Frame::Data)
    }

    pub(super) fn is_received(&self) -> bool {
        self.answer.as_ref().is_some_and(Bytes::is_empty)
    }

    pub(super) fn done(self) {
        self.lease.done();
    }
}

/// The HTTP response to an RPC request, until it is here whole.
pub(super) struct Answer {
    conversion: Arc<Conversion>,
    limit: usize,
    head: Option<ResponseHead>,
    body: BytesMut,
}

impl Answer {
    pub(super) fn new(conversion: Arc<Conversion>, limit: usize) -> Self {
        Answer { conversion, limit, head: None, body: BytesMut::new() }
    }

    pub(super) fn begin(&mut self, head: ResponseHead) {
        self.head = Some(head);
    }

    pub(super) fn push(&mut self, data: &[u8]) -> Result<()> {
        gather(&mut self.body, data, self.limit).map_err(|what| Error::upstream(Kind::UpstreamProtocol, what))
    }

    /// The message that answers `request`.
    pub(super) fn finish(self, request: &rpc::Envelope) -> Result<ResponseHead> {
        let head = self.head.ok_or_else(|| Error::local(Kind::Internal, "a body without a head"))?;
        transcode::response_to_rpc(&head, &self.body, request, &self.conversion)
    }
}

fn gather(body: &mut BytesMut, data: &[u8], limit: usize) -> std::result::Result<(), &'static str> {
    if body.len() + data.len() > limit {
        return Err("the body is larger than a message may be (max_frame_size)");
    }
    body.extend_from_slice(data);
    Ok(())
}
