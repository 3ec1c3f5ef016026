//! The largest request body. What is longer is an error when it is read, not before: an endpoint that does not look at
//! its body answers all the same, as Dapr's do.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use mecha_runtime::Body;
use mecha_runtime::body::BodyError;

/// The body, at most `limit` bytes of it.
pub(crate) fn limited<B>(body: B, limit: usize) -> Body
where
    B: HttpBody<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let left = limit as u64;
    match body.size_hint().exact() {
        Some(length) if length <= left => Body::new(body),
        _ => Body::new(Limited { body: Box::pin(body), left }),
    }
}

/// A body is longer than it may be.
#[derive(Debug)]
struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stream too large")
    }
}

impl std::error::Error for TooLarge {}

struct Limited<B> {
    body: Pin<Box<B>>,
    left: u64,
}

impl<B> HttpBody for Limited<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BodyError>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // What is told to be too long need not be read to know it.
        if self.body.size_hint().lower() > self.left {
            return Poll::Ready(Some(Err(TooLarge.into())));
        }
        let frame = match self.body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(TooLarge.into()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
