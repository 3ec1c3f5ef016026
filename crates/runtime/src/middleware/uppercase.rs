//! `middleware.http.uppercase`: the request's body in capital letters. A piece at a time, so that it may be of any length.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Making, Middleware, Next, Request, Response};
use crate::body::{Body, BodyError};

struct Uppercase;

pub(super) fn make(_: &Making<'_>) -> mecha_component::Result<Arc<dyn Middleware>> {
    Ok(Arc::new(Uppercase))
}

impl Middleware for Uppercase {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        let upper = |body: Body| match body.whole() {
            Some(bytes) => Body::from(upper(&bytes)),
            None => Body::new(Upper(body)),
        };
        next.run(request.map(upper))
    }
}

/// ASCII letters only: other letters may change their length, and a piece may end inside one.
fn upper(bytes: &Bytes) -> Bytes {
    bytes.to_ascii_uppercase().into()
}

struct Upper(Body);

impl HttpBody for Upper {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.0).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| upper(&data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
