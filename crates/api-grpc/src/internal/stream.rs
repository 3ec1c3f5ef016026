//! `CallLocalStream`: both bodies come and go in pieces, at the pace of their readers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use mecha_codec::dapr::{ChunkDecoder, ChunkError, InternalInvokeRequest, Received, RequestChunk};
use mecha_http::dapr::LONGEST;
use mecha_runtime::body::BodyError;
use mecha_runtime::{Body as RuntimeBody, Runtime};

use super::answer::Outgoing;
use super::{answer, invalid, refused, request};

/// Methods whose requests have no body as a rule (RFC 9110 section 9.3).
const BODILESS: [Method; 5] = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::TRACE];

pub(super) async fn call(State(runtime): State<Arc<Runtime>>, call: Request) -> Response<Body> {
    let mut incoming = Incoming::new(call.into_body());
    let message = match incoming.first().await {
        Ok(message) => message,
        Err(why) => return invalid(&why.to_string()),
    };
    let (mut request, from) = match request::read(message) {
        Ok(read) => read,
        Err(why) => return invalid(why),
    };
    incoming.left = request::take_length(&mut request);
    // Whoever sends no body says so only after the first message. It follows at once, and an application that gets a
    // GET with a body of unknown length may well be taken aback.
    if incoming.left.is_none() && BODILESS.contains(request.method()) {
        incoming.peek().await;
    }
    let body = if incoming.is_over() { RuntimeBody::empty() } else { RuntimeBody::new(incoming) };
    match runtime.invoke_local(request.map(|()| body), from).await {
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            let (head, body) = answer::message(&mut parts, body);
            answer::grpc(Body::new(Outgoing::new(head, body)))
        }
        Err(error) => refused(&error),
    }
}

/// The messages of a streamed request.
struct Incoming {
    body: Body,
    chunks: ChunkDecoder<RequestChunk>,
    /// Pieces that came and were not taken.
    ready: Option<Bytes>,
    over: bool,
    /// Bytes that are to come, when it is known.
    left: Option<u64>,
}

impl Incoming {
    fn new(body: Body) -> Self {
        Incoming { body, chunks: ChunkDecoder::new(LONGEST), ready: None, over: false, left: None }
    }

    /// The first message.
    async fn first(&mut self) -> Result<InternalInvokeRequest, BodyError> {
        let received = std::future::poll_fn(|cx| self.poll_message(cx)).await?;
        let Received { head, data } = received.ok_or(ChunkError::Misplaced)?;
        self.keep(data);
        Ok(head.ok_or(ChunkError::Misplaced)?)
    }

    /// Waits until it is seen whether there is a body.
    async fn peek(&mut self) {
        while self.ready.is_none() && !self.over {
            match std::future::poll_fn(|cx| self.poll_message(cx)).await {
                Ok(Some(Received { data, .. })) => self.keep(data),
                Ok(None) => {}
                // The application's request ends by it.
                Err(_) => return,
            }
        }
    }

    fn keep(&mut self, data: Bytes) {
        self.ready = Some(data).filter(|data| !data.is_empty());
    }

    fn is_over(&self) -> bool {
        self.ready.is_none() && (self.over || self.left == Some(0))
    }

    /// The next message; `None` at the end.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Received<InternalInvokeRequest>>, BodyError>> {
        loop {
            if let Some(received) = self.chunks.next_chunk()? {
                return Poll::Ready(Ok(Some(received)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.chunks.push(data);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => {
                    self.over = true;
                    self.chunks.finish()?;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(data) = self.ready.take() {
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(data.len() as u64);
                }
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            if self.over {
                return Poll::Ready(None);
            }
            if let Some(Received { data, .. }) = ready!(self.poll_message(cx))? {
                self.keep(data);
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
