//! The one body type of the runtime's HTTP messages: nothing, bytes that are at hand, or a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};

/// Why a body ended early.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send>>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Body::default()
    }

    /// Whatever another library calls a body.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body(Kind::Stream(Box::pin(body.map_err(Into::into))))
    }

    /// The number of bytes, when it is known.
    pub fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// The bytes, when they are at hand: such a body can be sent again.
    pub fn whole(&self) -> Option<Bytes> {
        match &self.0 {
            Kind::Empty => Some(Bytes::new()),
            Kind::Whole(bytes) => Some(bytes.clone()),
            Kind::Stream(_) => None,
        }
    }

    /// The same bytes without saying how many they are.
    #[must_use]
    pub fn without_length(self) -> Self {
        match self.0 {
            Kind::Empty => Body(Kind::Empty),
            kind => Body(Kind::Stream(Box::pin(Unmeasured(Body(kind))))),
        }
    }

    /// Reads it whole; at most `limit` bytes.
    ///
    /// # Errors
    /// When it is longer ([`http_body_util::LengthLimitError`]) or ends early.
    pub fn read(self, limit: usize) -> BoxFuture<'static, Result<Bytes, BodyError>> {
        Box::pin(async move {
            match self.0 {
                Kind::Empty => Ok(Bytes::new()),
                Kind::Whole(bytes) if bytes.len() <= limit => Ok(bytes),
                kind => Ok(Limited::new(Body(kind), limit).collect().await?.to_bytes()),
            }
        })
    }
}

/// A body that does not say how long it is.
struct Unmeasured(Body);

impl HttpBody for Unmeasured {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Body::empty() } else { Body(Kind::Whole(bytes)) }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(_) => false,
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}
