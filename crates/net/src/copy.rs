//! The two-way copy between two streams, with half-close, an idle limit and byte counts. `tcp_proxy`
//! uses it; each direction has one buffer that grows while the traffic fills it.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use mecha_base::timer::LazyTimer;
use tokio::time::Instant;

use crate::{Stream, buffer};

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides have ended their sending.
    Closed,
    /// Nothing moved for the idle limit.
    Idle,
    /// The first side failed.
    FirstFailed,
    /// The second side failed.
    SecondFailed,
}

/// A copy in progress; poll it until it is done.
pub struct Copy {
    there: Direction,
    back: Direction,
    idle: Option<Duration>,
    timer: LazyTimer,
}

struct Direction {
    buffer: BytesMut,
    room: usize,
    moved: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Copying,
    Ending,
    Done(Ended),
}

/// How a direction ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// By the end of what was to be read.
    Whole,
    /// The reading side failed.
    Unreadable,
    /// The writing side takes no more.
    Unwritable,
}

impl Copy {
    /// A copy whose first-to-second direction starts with bytes that were read already.
    pub fn new(first: BytesMut, idle: Option<Duration>) -> Self {
        let mut copy = Copy {
            there: Direction::new(first),
            back: Direction::new(BytesMut::new()),
            idle,
            timer: LazyTimer::new(),
        };
        copy.touch();
        copy
    }

    /// Bytes that went from the first to the second, and back.
    pub fn moved(&self) -> (u64, u64) {
        (self.there.moved, self.back.moved)
    }

    fn touch(&mut self) {
        self.timer.set(self.idle.map(|idle| Instant::now() + idle));
    }

    /// Moves what can be moved; ready when the copy has ended. A side that reads no more ends its own direction only:
    /// what it sent before is still brought to the other.
    pub fn poll(&mut self, cx: &mut Context<'_>, first: &mut Stream, second: &mut Stream) -> Poll<End> {
        let before = self.moved();
        let there = self.there.poll(cx, first, second);
        let back = self.back.poll(cx, second, first);
        if self.moved() != before {
            self.touch();
        }
        match (there, back) {
            (Poll::Ready(Ended::Unreadable), _) => Poll::Ready(End::FirstFailed),
            (_, Poll::Ready(Ended::Unreadable)) => Poll::Ready(End::SecondFailed),
            (Poll::Ready(there), Poll::Ready(back)) => Poll::Ready(match (there, back) {
                (Ended::Unwritable, _) => End::SecondFailed,
                (_, Ended::Unwritable) => End::FirstFailed,
                _ => End::Closed,
            }),
            _ => self.timer.poll_expired(cx).map(|()| End::Idle),
        }
    }
}

impl Direction {
    fn new(buffer: BytesMut) -> Self {
        Direction { buffer, room: buffer::SMALL, moved: 0, state: State::Copying }
    }

    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Stream, to: &mut Stream) -> Poll<Ended> {
        loop {
            let ended = match self.state {
                State::Done(ended) => return Poll::Ready(ended),
                State::Ending => {
                    let _ = ready!(to.poll_shutdown_write(cx));
                    Ended::Whole
                }
                State::Copying => match ready!(self.poll_step(cx, from, to)) {
                    Ok(()) => continue,
                    Err(ended) => ended,
                },
            };
            self.buffer = BytesMut::new();
            self.state = State::Done(ended);
        }
    }

    /// Writes what was read, then reads once more.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Poll<Result<(), Ended>> {
        while !self.buffer.is_empty() {
            match ready!(to.poll_write_slices(cx, &[IoSlice::new(&self.buffer)])) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Ended::Unwritable)),
                Ok(written) => {
                    self.buffer.advance(written);
                    self.moved += written as u64;
                }
            }
        }
        match ready!(self.poll_fill(cx, from)) {
            Ok(0) => self.state = State::Ending,
            Ok(read) => self.room = if read >= self.room { buffer::LARGE } else { buffer::SMALL },
            Err(_) => return Poll::Ready(Err(Ended::Unreadable)),
        }
        Poll::Ready(Ok(()))
    }

    /// Reads into a lent buffer, which goes back while nothing is there to be read.
    fn poll_fill(&mut self, cx: &mut Context<'_>, from: &mut Stream) -> Poll<io::Result<usize>> {
        let read = match from.poll_readable(cx) {
            Poll::Ready(Ok(())) => {
                self.make_room();
                from.poll_read_buf(cx, &mut self.buffer)
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        if read.is_pending() {
            buffer::give(std::mem::take(&mut self.buffer));
        }
        read
    }

    fn make_room(&mut self) {
        if self.buffer.capacity() == 0 && self.room == buffer::SMALL {
            self.buffer = buffer::take();
        }
        self.buffer.clear();
        self.buffer.reserve(self.room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    fn pair() -> (UnixStream, Stream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, Stream::Unix(theirs))
    }

    #[tokio::test]
    async fn a_half_close_travels_and_the_other_half_goes_on() {
        let ((mut client, mut first), (mut server, mut second)) = (pair(), pair());
        let mut copy = Copy::new(BytesMut::from(&b"he"[..]), None);
        let run = tokio::spawn(async move {
            let end = poll_fn(|cx| copy.poll(cx, &mut first, &mut second)).await;
            (end, copy.moved())
        });
        client.write_all(b"llo").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        server.write_all(b"world!").await.unwrap();
        drop(server);
        text.clear();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "world!");
        assert_eq!(run.await.unwrap(), (End::Closed, (5, 6)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it() {
        let ((_client, mut first), (_server, mut second)) = (pair(), pair());
        let mut copy = Copy::new(BytesMut::new(), Some(Duration::from_secs(3)));
        let end = poll_fn(|cx| copy.poll(cx, &mut first, &mut second)).await;
        assert_eq!(end, End::Idle);
    }

    #[tokio::test]
    async fn what_a_side_sent_before_it_stopped_reading_still_arrives() {
        let ((mut client, mut first), (server, mut second)) = (pair(), pair());
        let answer = vec![b'x'; 300 << 10];
        // Reads nothing, answers, and is gone: every further write to it fails.
        let server = tokio::spawn({
            let answer = answer.clone();
            async move {
                let server = server.into_std().unwrap();
                server.shutdown(std::net::Shutdown::Read).unwrap();
                UnixStream::from_std(server).unwrap().write_all(&answer).await.unwrap();
            }
        });
        client.write_all(b"a request that nobody reads").await.unwrap();
        let mut copy = Copy::new(BytesMut::new(), None);
        let run = tokio::spawn(async move { poll_fn(|cx| copy.poll(cx, &mut first, &mut second)).await });
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert!(got == answer, "{} bytes", got.len());
        server.await.unwrap();
        assert_eq!(run.await.unwrap(), End::SecondFailed);
    }

    #[tokio::test]
    async fn a_direction_that_waits_or_is_over_holds_no_buffer() {
        let ((mut client, mut first), (mut server, mut second)) = (pair(), pair());
        let mut copy = Copy::new(BytesMut::new(), None);
        let body = vec![b'x'; 2 << 20];
        let send = async {
            client.write_all(&body).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let receive = server.read_to_end(&mut got);
        let run = poll_fn(|cx| copy.poll(cx, &mut first, &mut second));
        tokio::select! {
            biased;
            _ = run => panic!("the server has not ended its half"),
            (_, received) = async { tokio::join!(send, receive) } => { received.unwrap(); }
        }
        assert_eq!(got.len(), body.len());
        assert_eq!(copy.moved(), (body.len() as u64, 0));
        assert_eq!((copy.there.buffer.capacity(), copy.back.buffer.capacity()), (0, 0));
    }
}
