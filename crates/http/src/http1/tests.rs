//! Both ends against each other: whatever the body and however it comes, it arrives as it was, and neither end
//! holds more than a few buffers.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use http::{Method, StatusCode};
use mecha_net::{Stream, buffer};
use proptest::prelude::*;
use tokio::net::UnixStream;

use super::{ClientConnection, RequestOptions, ServerConnection};
use crate::body::{Frame, Length};
use crate::head::{RequestHead, ResponseHead, Version};
use crate::headers::Headers;
use crate::tests::{bytes, soon};

/// One body.
#[derive(Clone, Debug)]
struct Message {
    pieces: Vec<Bytes>,
    known: bool,
    trailer: bool,
}

impl Message {
    fn whole(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    fn length(&self) -> Length {
        match self.whole().len() {
            0 if self.known || !self.trailer => Length::Empty,
            length if self.known => Length::Known(length as u64),
            _ => Length::Unknown,
        }
    }

    fn trailers(&self) -> Option<Headers> {
        self.trailer.then(|| {
            let mut trailers = Headers::new();
            trailers.append("x-sum", b"1").unwrap();
            trailers
        })
    }

    /// Only chunks have a place for trailers.
    fn wanted(&self) -> (Vec<u8>, bool) {
        (self.whole(), self.trailer && self.length() == Length::Unknown)
    }
}

fn message() -> impl Strategy<Value = Message> {
    let size = prop_oneof![4 => 1..40_usize, 3 => 1..9_000_usize, 1 => 1..200_000_usize];
    (prop::collection::vec(size, 0..12), any::<bool>(), any::<bool>()).prop_map(|(sizes, known, trailer)| {
        Message { pieces: sizes.into_iter().map(bytes).collect(), known, trailer }
    })
}

/// What is left of a body to send, and what came of the other's.
#[derive(Default)]
struct Progress {
    left: Vec<Bytes>,
    trailers: Option<Headers>,
    ended: bool,
    got: Vec<u8>,
    trailed: bool,
    received: bool,
}

impl Progress {
    fn new(message: &Message) -> Self {
        let left = message.pieces.iter().rev().cloned().collect();
        let ended = message.length() == Length::Empty;
        Progress { left, trailers: message.trailers(), ended, ..Progress::default() }
    }

    fn take(&mut self, frame: Option<Frame>) {
        match frame {
            Some(Frame::Data(data)) => {
                assert!(!data.is_empty());
                self.got.extend_from_slice(&data);
            }
            Some(Frame::Trailers(trailers)) => self.trailed = trailers.get("x-sum") == Some(b"1"),
            None => self.received = true,
        }
    }
}

/// Gives an end what it has room for; ready when all of it is written. The two ends have the same methods and no
/// trait in common.
macro_rules! send {
    ($end:expr, $progress:expr, $cx:expr) => {{
        let (end, progress) = (&mut $end, &mut *$progress);
        loop {
            let flushed = end.poll_flush($cx).is_ready();
            if progress.ended || !end.has_room() {
                break flushed && progress.ended;
            }
            match progress.left.pop() {
                Some(piece) => end.send_data(piece).unwrap(),
                None => {
                    end.send_end(progress.trailers.as_ref()).unwrap();
                    progress.ended = true;
                }
            }
        }
    }};
}

/// Takes what has come to an end; one frame at a time, so that the other end has to wait for it.
macro_rules! receive {
    ($end:expr, $progress:expr, $cx:expr) => {{
        let progress = &mut *$progress;
        if !progress.received
            && let Poll::Ready(frame) = $end.poll_recv($cx)
        {
            progress.take(frame.unwrap());
            $cx.waker().wake_by_ref();
        }
        progress.received
    }};
}

/// The most that one direction may hold: what is due to be sent, one more piece, framing.
const MOST_OUT: usize = buffer::LARGE + 200_000 + buffer::LARGE;
/// And the most that is held of what was read: one large buffer, and what it grows to.
const MOST_IN: usize = 3 * buffer::LARGE;

fn request(method: Method) -> RequestHead {
    RequestHead {
        version: Version::Http11,
        method,
        authority: ByteString::from_static("h"),
        target: ByteString::from_static("/"),
        headers: Headers::new(),
        rpc: None,
    }
}

struct Ends {
    client: ClientConnection,
    server: ServerConnection,
}

impl Ends {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let client = ClientConnection::new(Stream::Unix(ours), Arc::default());
        let server = ServerConnection::new(Stream::Unix(theirs), BytesMut::new(), Arc::default());
        Ends { client, server }
    }

    /// One request and its response; what arrived of each body.
    async fn exchange(&mut self, there: &Message, back: &Message) -> (Progress, Progress) {
        let options = RequestOptions { length: there.length(), upgrade: false };
        self.client.send_head(&request(Method::POST), options);
        soon(poll_fn(|cx| self.client.poll_flush(cx))).await;
        let incoming = soon(poll_fn(|cx| self.server.poll_request(cx))).await.unwrap().unwrap();
        assert_eq!(incoming.length, there.length());
        let mut asking = Progress::new(there);
        soon(poll_fn(|cx| {
            let sent = send!(self.client, &mut asking, cx);
            let received = receive!(self.server, &mut asking, cx);
            self.check();
            if sent && received { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
        self.server.send_head(&ResponseHead::new(StatusCode::OK), back.length());
        soon(poll_fn(|cx| self.server.poll_flush(cx))).await.unwrap();
        let (_, length) = soon(poll_fn(|cx| self.client.poll_head(cx))).await.unwrap();
        assert_eq!(length, back.length());
        let mut answering = Progress::new(back);
        soon(poll_fn(|cx| {
            let sent = send!(self.server, &mut answering, cx);
            let received = receive!(self.client, &mut answering, cx);
            self.check();
            if sent && received { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
        (asking, answering)
    }

    fn check(&self) {
        for held in [self.client.transport.held(), self.server.transport.held()] {
            assert!(held.0 <= MOST_IN && held.1 <= MOST_OUT, "{held:?} bytes are held");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn bodies_arrive_as_they_were(exchanges in prop::collection::vec((message(), message()), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut ends = Ends::new();
            for (there, back) in &exchanges {
                let (asking, answering) = ends.exchange(there, back).await;
                for (progress, message) in [(asking, there), (answering, back)] {
                    let (whole, trailed) = message.wanted();
                    assert!(progress.got == whole, "{} of {} bytes", progress.got.len(), whole.len());
                    assert_eq!(progress.trailed, trailed);
                }
                assert!(ends.server.finish());
                assert!(ends.client.is_reusable());
                ends.client.release();
                assert_eq!((ends.client.transport.held(), ends.server.transport.held()), ((0, 0), (0, 0)));
            }
        });
    }
}
