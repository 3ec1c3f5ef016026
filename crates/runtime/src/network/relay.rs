//! A call from another thread: a task on the worker makes it and hands the response's frames over. Dropping the
//! response ends the task.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use mecha_base::{Error, Kind, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::{Entrance, stream};
use crate::body::{Body, BodyError};

/// Frames that wait for their reader; the exchange waits when they are so many.
const AHEAD: usize = 4;

pub(super) async fn call(
    entrance: Entrance,
    door: String,
    request: http::Request<Body>,
) -> Result<http::Response<Body>> {
    let (tell_head, head) = oneshot::channel();
    let (tell_frame, frames) = mpsc::channel(AHEAD);
    let Entrance { worker, tasks } = entrance;
    let task = tasks.spawn(async move {
        let response = match stream::call(&worker, &door, request).await {
            Ok(response) => response,
            Err(error) => {
                let _ = tell_head.send(Err(error));
                return;
            }
        };
        let (parts, mut body) = response.into_parts();
        let (length, ended) = (body.size_hint(), body.is_end_stream());
        if tell_head.send(Ok((parts, length, ended))).is_err() {
            return;
        }
        while let Some(frame) = body.frame().await {
            if tell_frame.send(frame).await.is_err() {
                return;
            }
        }
    });
    let guard = Abort(task.abort_handle());
    let gone = |_| Err(Error::local(Kind::Shutdown, "the worker ended"));
    let (parts, length, ended) = head.await.unwrap_or_else(gone)?;
    let body = if ended { Body::empty() } else { Body::new(Frames { frames, length, _guard: guard }) };
    Ok(http::Response::from_parts(parts, body))
}

/// Ends the task when nobody reads any more.
struct Abort(AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Frames {
    frames: mpsc::Receiver<std::result::Result<Frame<Bytes>, BodyError>>,
    length: SizeHint,
    _guard: Abort,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, BodyError>>> {
        self.frames.poll_recv(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.length
    }
}
