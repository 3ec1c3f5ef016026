//! The host's end of an exchange, whatever it speaks.

use std::task::{Context, Poll};

use bytes::Bytes;
use mecha_base::{Error, Result};
use mecha_http::http1::RequestOptions;
use mecha_http::http2::{self, cancel_reason_for};
use mecha_http::{Frame, Headers, Length, RequestHead, ResponseHead};
use mecha_net::Address;

use super::Request;
use super::convert::Converted;
use super::dapr::Invocation;
use crate::upstream::{Http1Lease, Http2Lease, RpcLease};

/// The host's end, of one try.
pub(super) enum Upstream {
    Http1(Box<Http1Lease>),
    Http2 {
        stream: Box<http2::ClientStream>,
        lease: Http2Lease,
    },
    Dapr(Box<Invocation>),
    /// A message of an RPC protocol, as it came.
    Rpc(RpcLease),
    /// An HTTP request that becomes such a message.
    Converted(Box<Converted>),
}

impl Upstream {
    /// Sends the head over a connection that carries nothing else.
    pub(super) fn http1(mut lease: Box<Http1Lease>, request: &Request) -> Self {
        let options = RequestOptions { length: request.length, upgrade: request.wants_upgrade };
        lease.connection.send_head(&request.head, options);
        Upstream::Http1(lease)
    }

    /// Sends the head on a stream of its own.
    pub(super) fn http2(mut lease: Http2Lease, head: RequestHead, length: Length) -> Result<Self> {
        let stream = Box::new(lease.connection.send_head(head, length)?);
        Ok(Upstream::Http2 { stream, lease })
    }

    /// Sends the head as a message to the runtime of an application.
    pub(super) fn dapr(lease: Http2Lease, request: &Request) -> Result<Self> {
        Invocation::begin(lease, &request.head, request.length).map(|call| Upstream::Dapr(Box::new(call)))
    }

    /// Sends a message under another number.
    pub(super) fn rpc(mut lease: RpcLease, head: &RequestHead) -> Result<Self> {
        lease.send(head)?;
        Ok(Upstream::Rpc(lease))
    }

    /// Unique in this process.
    pub(super) fn connection_id(&self) -> u64 {
        match self {
            Upstream::Http1(lease) => lease.id,
            Upstream::Http2 { lease, .. } => lease.id,
            Upstream::Dapr(call) => call.connection_id(),
            Upstream::Rpc(lease) => lease.id,
            Upstream::Converted(call) => call.connection_id(),
        }
    }

    pub(super) fn local_address(&self) -> Option<Address> {
        match self {
            Upstream::Http1(lease) => lease.local.clone(),
            Upstream::Http2 { .. } | Upstream::Dapr(_) | Upstream::Rpc(_) | Upstream::Converted(_) => None,
        }
    }

    pub(super) fn send_data(&mut self, data: Bytes, last: bool) -> Result<()> {
        match self {
            Upstream::Http1(lease) => {
                lease.connection.send_data(data)?;
                if last { lease.connection.send_end(None) } else { Ok(()) }
            }
            Upstream::Http2 { stream, .. } => {
                stream.send_data(data, last);
                Ok(())
            }
            Upstream::Dapr(call) => {
                call.send_data(data, last);
                Ok(())
            }
            Upstream::Rpc(_) => Ok(()),
            Upstream::Converted(call) => call.send_data(&data, last),
        }
    }

    pub(super) fn send_end(&mut self, trailers: Option<Headers>) -> Result<()> {
        match self {
            Upstream::Http1(lease) => lease.connection.send_end(trailers.as_ref()),
            Upstream::Http2 { stream, .. } => {
                stream.send_end(trailers);
                Ok(())
            }
            // The protocol has no place for trailers of a request.
            Upstream::Dapr(call) => {
                call.send_end();
                Ok(())
            }
            Upstream::Rpc(_) => Ok(()),
            Upstream::Converted(call) => call.send_end(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        match self {
            Upstream::Http1(lease) => lease.connection.has_room(),
            Upstream::Http2 { stream, .. } => stream.has_room(),
            Upstream::Dapr(call) => call.has_room(),
            Upstream::Rpc(_) | Upstream::Converted(_) => true,
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Upstream::Http1(lease) => lease.connection.poll_flush(cx),
            Upstream::Http2 { stream, .. } => stream.poll_flush(cx),
            Upstream::Dapr(call) => call.poll_flush(cx),
            Upstream::Rpc(lease) => lease.poll_flush(cx),
            Upstream::Converted(call) => call.poll_flush(cx),
        }
    }

    /// Ends the sending half of a tunnel.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Upstream::Http1(lease) => lease.connection.poll_shutdown(cx),
            Upstream::Http2 { stream, .. } => stream.poll_flush(cx),
            Upstream::Dapr(call) => call.poll_flush(cx),
            Upstream::Rpc(lease) => lease.poll_flush(cx),
            Upstream::Converted(call) => call.poll_flush(cx),
        }
    }

    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        match self {
            Upstream::Http1(lease) => lease.connection.poll_head(cx),
            Upstream::Http2 { stream, .. } => stream.poll_head(cx),
            Upstream::Dapr(call) => call.poll_head(cx),
            Upstream::Rpc(lease) => lease.poll_head(cx),
            Upstream::Converted(call) => call.poll_head(cx),
        }
    }

    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        match self {
            Upstream::Http1(lease) => lease.connection.poll_recv(cx),
            Upstream::Http2 { stream, .. } => stream.poll_recv(cx),
            Upstream::Dapr(call) => call.poll_recv(cx),
            Upstream::Rpc(_) => Poll::Ready(Ok(None)),
            Upstream::Converted(call) => Poll::Ready(Ok(call.recv())),
        }
    }

    /// Counts the bytes moved so far. Shared connections are counted as a whole, by their pool.
    pub(super) fn count_traffic(&mut self) {
        if let Upstream::Http1(lease) = self {
            lease.count_traffic();
        }
    }

    /// Ends without completion. A host that serves other requests on the same connection is told so, with the client's
    /// own reason when it gave one.
    pub(super) fn cut(&mut self, error: &Error) {
        match self {
            Upstream::Http1(_) => {}
            Upstream::Http2 { stream, .. } => stream.reset(cancel_reason_for(error)),
            Upstream::Dapr(call) => call.cut(error),
            // Nothing can be taken back; the answer is dropped when it comes.
            Upstream::Rpc(_) | Upstream::Converted(_) => {}
        }
    }

    pub(super) fn is_received(&self) -> bool {
        match self {
            Upstream::Http1(lease) => lease.connection.is_received(),
            Upstream::Http2 { stream, .. } => stream.is_received(),
            Upstream::Dapr(call) => call.is_received(),
            Upstream::Rpc(lease) => lease.is_received(),
            Upstream::Converted(call) => call.is_received(),
        }
    }
}
