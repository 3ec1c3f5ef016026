//! The request's body over several tries. One that is at hand, or whose length is known and not too large, is kept while
//! it is sent; anything else is sent once and never kept (reference 1.5).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use crate::body::{Body, BodyError};

/// The largest body that is kept, in bytes: the default limit of a request.
const MOST_KEPT: u64 = 4 << 20;

/// A body that can be taken for each try.
pub(super) struct Replay(Kind);

enum Kind {
    Whole(Bytes),
    Kept(Arc<Mutex<Tape>>),
    Once(Mutex<Option<Body>>),
}

/// What came of a body, and where the rest comes from.
struct Tape {
    source: Body,
    pieces: Vec<Bytes>,
    length: u64,
    /// The source has ended.
    over: bool,
    /// It broke off: what there is of it must not pass for the whole.
    broken: bool,
}

impl Replay {
    pub(super) fn new(body: Body) -> Self {
        Replay(match (body.whole(), body.length()) {
            (Some(bytes), _) => Kind::Whole(bytes),
            (None, Some(length)) if length <= MOST_KEPT => {
                let tape = Tape { source: body, pieces: Vec::new(), length, over: false, broken: false };
                Kind::Kept(Arc::new(Mutex::new(tape)))
            }
            _ => Kind::Once(Mutex::new(Some(body))),
        })
    }

    /// Whether it can be taken more than once.
    pub(super) fn lasts(&self) -> bool {
        match &self.0 {
            Kind::Whole(_) => true,
            Kind::Kept(tape) => !tape.lock().broken,
            Kind::Once(_) => false,
        }
    }

    /// The body for the next try; nothing when it went with the one before.
    pub(super) fn take(&self) -> Body {
        match &self.0 {
            Kind::Whole(bytes) => bytes.clone().into(),
            Kind::Kept(tape) => Body::new(Playback { tape: tape.clone(), next: 0, sent: 0 }),
            Kind::Once(body) => body.lock().take().unwrap_or_default(),
        }
    }
}

/// One try's view of the tape: from its beginning, and on from where it ends.
struct Playback {
    tape: Arc<Mutex<Tape>>,
    next: usize,
    sent: u64,
}

impl HttpBody for Playback {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut tape = this.tape.lock();
        loop {
            if let Some(piece) = tape.pieces.get(this.next) {
                this.next += 1;
                this.sent += piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
            }
            if tape.broken {
                return Poll::Ready(Some(Err("the request's body broke off".into())));
            }
            if tape.over {
                return Poll::Ready(None);
            }
            match Pin::new(&mut tape.source).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers mean nothing to a call.
                    if let Ok(data) = frame.into_data() {
                        tape.pieces.push(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    tape.broken = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => tape.over = true,
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.tape.lock().length.saturating_sub(self.sent))
    }

    fn is_end_stream(&self) -> bool {
        self.tape.lock().length == self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    fn pieces(texts: &'static [&'static str]) -> Body {
        let frames =
            texts.iter().map(|text| Ok::<_, BodyError>(Frame::data(Bytes::from_static(text.as_bytes()))));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    /// A stream that says how long it is.
    struct Sized(Body, u64);

    impl HttpBody for Sized {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Pin::new(&mut self.0).poll_frame(cx)
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.1)
        }
    }

    #[tokio::test]
    async fn a_try_begins_where_the_body_does_however_far_the_last_one_came() {
        let replay = Replay::new(Body::new(Sized(pieces(&["ab", "cd", "ef"]), 6)));
        assert!(replay.lasts());
        let mut first = replay.take();
        assert_eq!(first.length(), Some(6));
        assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        drop(first);
        assert_eq!(replay.take().read(64).await.unwrap(), "abcdef");
        assert_eq!(replay.take().read(64).await.unwrap(), "abcdef");
    }

    #[tokio::test]
    async fn a_body_that_broke_off_does_not_pass_for_a_whole_one() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"ab"))), Err(BodyError::from("gone"))];
        let replay = Replay::new(Body::new(Sized(Body::new(StreamBody::new(stream::iter(frames))), 4)));
        assert!(replay.take().read(64).await.is_err());
        assert!(!replay.lasts());
        assert!(replay.take().read(64).await.is_err());
    }

    #[tokio::test]
    async fn a_body_of_unknown_or_great_length_is_sent_once() {
        for body in [pieces(&["ab", "cd"]), Body::new(Sized(pieces(&["ab", "cd"]), MOST_KEPT + 1))] {
            let replay = Replay::new(body);
            assert!(!replay.lasts());
            let sent = replay.take().collect().await.unwrap().to_bytes();
            assert_eq!(sent, "abcd");
            assert_eq!(replay.take().length(), Some(0));
        }
    }
}
