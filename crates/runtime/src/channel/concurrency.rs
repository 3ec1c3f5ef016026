//! `--app-max-concurrency`: calls to the application hold a place until their answer has been read (reference 3.6).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::{Body, BodyError};

/// How many calls to the application there may be at once. Clones share their places.
#[derive(Clone, Debug, Default)]
pub struct Concurrency(Option<Arc<Semaphore>>);

/// A place; dropping it gives it to the next.
#[derive(Debug, Default)]
pub struct Place(Option<OwnedSemaphorePermit>);

impl Concurrency {
    /// At most `limit` calls; `None` and 0 mean no limit.
    pub fn new(limit: Option<u32>) -> Self {
        let places = limit.filter(|limit| *limit > 0).map(|limit| limit as usize);
        Concurrency(places.map(|places| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))))
    }

    /// Waits for a place; first come, first served.
    pub async fn place(&self) -> Place {
        match &self.0 {
            None => Place(None),
            // Never closed, so this never fails.
            Some(places) => Place(places.clone().acquire_owned().await.ok()),
        }
    }
}

impl Place {
    /// Keeps the place until the body has been read to its end, or is dropped.
    pub fn hold(self, body: Body) -> Body {
        if self.0.is_none() || body.is_end_stream() { body } else { Body::new(Held { body, place: self }) }
    }
}

struct Held {
    body: Body,
    place: Place,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_))))
            || (polled.is_ready() && self.body.is_end_stream())
        {
            self.place.0 = None;
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_place_is_held_until_the_body_was_read() {
        let places = Concurrency::new(Some(1));
        let mut body = places.place().await.hold(Body::from(String::from("answer")));
        assert!(places.place().now_or_never().is_none(), "the only place is taken");
        body.frame().await.unwrap().unwrap();
        assert!(body.frame().await.is_none());
        assert!(places.place().now_or_never().is_some(), "the body has ended, though it still exists");
    }

    #[tokio::test]
    async fn a_dropped_body_and_an_empty_one_give_their_place_back() {
        let places = Concurrency::new(Some(1));
        drop(places.place().await.hold(Body::from(String::from("answer"))));
        let _empty = places.place().await.hold(Body::empty());
        assert!(places.place().now_or_never().is_some());
    }

    #[tokio::test]
    async fn without_a_limit_nobody_waits() {
        let places = Concurrency::new(None);
        let _held: Vec<_> = [places.place().await, places.place().await].into();
        assert!(Concurrency::new(Some(0)).place().now_or_never().is_some());
    }
}
