//! What is told about every call once it is answered: a line of the log when API logging is on, and the metrics of
//! the server. The code of a call is known when its trailers have gone out, so the answer's body is watched.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use mecha_runtime::{GrpcCode, Runtime};

/// A call that is not answered yet. Dropped before that, it counts as cancelled.
pub(crate) struct Watch {
    runtime: Arc<Runtime>,
    method: String,
    agent: Option<HeaderValue>,
    started: Instant,
    sent: u64,
    log: bool,
    told: bool,
}

impl Watch {
    pub(crate) fn new(runtime: Arc<Runtime>, method: String, agent: Option<HeaderValue>, log: bool) -> Self {
        Watch { runtime, method, agent, started: Instant::now(), sent: 0, log, told: false }
    }

    /// The answer, watched to its end.
    pub(crate) fn over(mut self, response: Response<Body>) -> Response<Body> {
        if let Some(code) = code(response.headers()) {
            self.tell(code);
            return response;
        }
        response.map(|body| Body::new(Watched { body, watch: self }))
    }

    fn tell(&mut self, code: i32) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let elapsed = self.started.elapsed();
        self.runtime.metrics().grpc_server(&self.method, code, elapsed);
        if self.log {
            let agent = self.agent.as_ref().and_then(|agent| agent.to_str().ok()).unwrap_or_default();
            tracing::info!(
                method = self.method,
                useragent = agent,
                code,
                size = self.sent,
                duration = elapsed.as_millis(),
                "gRPC API Called"
            );
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tell(GrpcCode::Cancelled as i32);
    }
}

fn code(headers: &HeaderMap) -> Option<i32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

struct Watched {
    body: Body,
    watch: Watch,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            if let Some(data) = frame.data_ref() {
                self.watch.sent += data.len() as u64;
            }
            if let Some(code) = frame.trailers_ref().and_then(code) {
                self.watch.tell(code);
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
