//! The body of a call that streams, over tries that did not reach the callee. What was taken of it by then is little (the
//! exchange takes no more than it has room for) and kept; once the callee answers, or more was taken, nothing is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use crate::body::{Body, BodyError};

/// Most bytes that are kept.
const MOST_KEPT: usize = 64 << 10;
/// Most pieces that are kept.
const MOST_PIECES: usize = 64;

/// A body that begins anew for each try while it can.
pub(super) struct Opening(Arc<Mutex<Tape>>);

struct Tape {
    source: Body,
    pieces: Vec<Bytes>,
    bytes: usize,
    keeping: bool,
    /// The source has ended.
    over: bool,
    /// Which try has it.
    turn: u32,
}

impl Opening {
    pub(super) fn new(source: Body) -> Self {
        let tape = Tape { source, pieces: Vec::new(), bytes: 0, keeping: true, over: false, turn: 0 };
        Opening(Arc::new(Mutex::new(tape)))
    }

    /// Whether another try would get all of it.
    pub(super) fn lasts(&self) -> bool {
        self.0.lock().keeping
    }

    /// Keeps nothing from now on.
    pub(super) fn release(&self) {
        self.0.lock().keeping = false;
    }

    /// The body for the next try; the one before gets no more.
    pub(super) fn take(&self) -> Body {
        let mut tape = self.0.lock();
        tape.turn += 1;
        let lent = Lent { tape: self.0.clone(), turn: tape.turn, next: 0 };
        drop(tape);
        Body::new(lent)
    }
}

impl Tape {
    fn keep(&mut self, piece: &Bytes) {
        self.bytes += piece.len();
        self.keeping &= self.bytes <= MOST_KEPT && self.pieces.len() < MOST_PIECES;
        if self.keeping {
            self.pieces.push(piece.clone());
        }
    }
}

/// The body as one try has it.
struct Lent {
    tape: Arc<Mutex<Tape>>,
    turn: u32,
    next: usize,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let tape = &mut *this.tape.lock();
        if tape.turn != this.turn {
            return Poll::Ready(Some(Err("another try has the body".into())));
        }
        if let Some(piece) = tape.pieces.get(this.next) {
            this.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if !tape.keeping {
            tape.pieces = Vec::new();
            this.next = 0;
        }
        if tape.over {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut tape.source).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(piece) if tape.keeping => {
                    tape.keep(piece);
                    this.next = tape.pieces.len();
                }
                Some(_) => {}
                None => tape.keeping = false,
            },
            Poll::Ready(Some(Err(_))) => tape.keeping = false,
            Poll::Ready(None) => tape.over = true,
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        let tape = self.tape.lock();
        let left: usize = tape.pieces.iter().skip(self.next).map(Bytes::len).sum();
        tape.source.length().map_or_else(SizeHint::default, |rest| SizeHint::with_exact(rest + left as u64))
    }

    fn is_end_stream(&self) -> bool {
        let tape = self.tape.lock();
        self.next >= tape.pieces.len() && (tape.over || tape.source.is_end_stream())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    fn body(pieces: Vec<Bytes>) -> Body {
        Body::new(StreamBody::new(stream::iter(
            pieces.into_iter().map(|p| Ok::<_, BodyError>(Frame::data(p))),
        )))
    }

    #[tokio::test]
    async fn a_try_gets_what_the_one_before_took_and_that_one_no_more() {
        let opening = Opening::new(body(vec!["ab".into(), "cd".into(), "ef".into()]));
        let mut first = opening.take();
        assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert!(opening.lasts());
        let second = opening.take();
        assert!(first.frame().await.unwrap().is_err());
        opening.release();
        assert_eq!(second.read(64).await.unwrap(), "abcdef");
        assert!(!opening.lasts());
    }

    #[tokio::test]
    async fn a_body_of_which_much_was_taken_is_not_kept() {
        let opening = Opening::new(body(vec![vec![0; MOST_KEPT].into(), "x".into(), "y".into()]));
        let mut first = opening.take();
        first.frame().await.unwrap().unwrap();
        assert!(opening.lasts());
        first.frame().await.unwrap().unwrap();
        assert!(!opening.lasts());
        assert_eq!(first.read(64).await.unwrap(), "y");
    }
}
