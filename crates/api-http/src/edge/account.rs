//! What is known of a call once it has been answered: its metrics and its line in the log. A streamed answer is
//! accounted for when its last byte was taken, or nobody wants it any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use mecha_runtime::body::BodyError;
use mecha_runtime::{Body, Runtime};

use crate::reply::Reply;

/// A call that is under way.
pub(crate) struct Account {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) begun: Instant,
    /// Length of the request's body; 0 when it is not known.
    pub(crate) request: u64,
    /// The method label, and the path as it was asked for.
    pub(crate) metrics: Option<(String, String)>,
    pub(crate) line: Option<Line>,
}

/// A line in the log.
pub(crate) struct Line {
    /// Method and path, or the endpoint's name.
    pub(crate) method: String,
    pub(crate) user_agent: String,
}

impl Account {
    /// Settles for this answer, now or when its body has ended.
    pub(crate) fn settle(self, reply: Reply) -> Reply {
        if self.metrics.is_none() && self.line.is_none() {
            return reply;
        }
        let status = reply.status().as_u16();
        if let Some(bytes) = reply.body().whole() {
            self.close(status, bytes.len() as u64);
            return reply;
        }
        reply.map(|body| Body::new(Counted { body, size: 0, account: Some((self, status)) }))
    }

    fn close(self, status: u16, size: u64) {
        let elapsed = self.begun.elapsed();
        if let Some((method, path)) = &self.metrics {
            self.runtime.metrics().http_server(method, path, status, self.request, size, elapsed);
        }
        let Some(Line { method, user_agent }) = self.line else { return };
        let duration = elapsed.as_millis() as u64;
        if user_agent.is_empty() {
            tracing::info!(target: "dapr.runtime.http-info", method, code = status, size, duration, "HTTP API Called");
        } else {
            let useragent = user_agent;
            tracing::info!(
                target: "dapr.runtime.http-info", method, useragent, code = status, size, duration, "HTTP API Called"
            );
        }
    }
}

/// A body that is counted.
struct Counted {
    body: Body,
    size: u64,
    account: Option<(Account, u16)>,
}

impl Counted {
    fn close(&mut self) {
        if let Some((account, status)) = self.account.take() {
            account.close(status, self.size);
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.size += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(_) => self.close(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.close();
    }
}
