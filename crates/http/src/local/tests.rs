//! The two ends of a local stream: bounds, wake-ups, ends and cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use mecha_base::{Error, Kind};

use super::*;
use crate::body::Frame;
use crate::head::StatusCode;
use crate::headers::Headers;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rang(&self) -> bool {
        self.0.swap(0, Ordering::Relaxed) > 0
    }
}

/// The ends, and for each the bell that its waiting task would hear.
struct Ends {
    client: Option<ClientStream>,
    server: Option<ServerStream>,
    client_bell: Arc<Bell>,
    server_bell: Arc<Bell>,
}

impl Ends {
    fn new(length: Length) -> Self {
        let (client, server) = pair(length);
        Ends {
            client: Some(client),
            server: Some(server),
            client_bell: Arc::default(),
            server_bell: Arc::default(),
        }
    }

    fn client<T>(&mut self, act: impl FnOnce(&mut ClientStream, &mut Context<'_>) -> T) -> T {
        let waker = Waker::from(self.client_bell.clone());
        act(self.client.as_mut().unwrap(), &mut Context::from_waker(&waker))
    }

    fn server<T>(&mut self, act: impl FnOnce(&mut ServerStream, &mut Context<'_>) -> T) -> T {
        let waker = Waker::from(self.server_bell.clone());
        act(self.server.as_mut().unwrap(), &mut Context::from_waker(&waker))
    }
}

fn bytes(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

fn data(frame: Poll<mecha_base::Result<Option<Frame>>>) -> usize {
    match frame {
        Poll::Ready(Ok(Some(Frame::Data(data)))) => data.len(),
        other => panic!("no data: {other:?}"),
    }
}

fn trailers() -> Headers {
    let mut trailers = Headers::new();
    trailers.append("x-sum", b"7").unwrap();
    trailers
}

#[test]
fn a_request_body_waits_for_its_reader() {
    let mut ends = Ends::new(Length::Unknown);
    assert!(ends.server(|server, cx| server.poll_recv(cx)).is_pending());
    let mut body = bytes(LIMIT + 10);
    assert!(ends.client(|client, cx| client.poll_send(cx, &mut body, true)).is_pending());
    assert_eq!(body.len(), 10, "what is over the limit stays with the caller");
    assert!(ends.server_bell.rang());
    assert!(!ends.client_bell.rang());
    assert_eq!(data(ends.server(|server, cx| server.poll_recv(cx))), LIMIT);
    assert!(ends.client_bell.rang());
    assert!(ends.client(|client, cx| client.poll_send(cx, &mut body, true)).is_ready());
    assert!(!ends.server(|server, _| server.is_received()));
    assert_eq!(data(ends.server(|server, cx| server.poll_recv(cx))), 10);
    assert!(ends.server(|server, _| server.is_received()));
    assert!(matches!(ends.server(|server, cx| server.poll_recv(cx)), Poll::Ready(Ok(None))));
}

#[test]
fn a_body_that_comes_byte_by_byte_is_bounded_too() {
    let mut ends = Ends::new(Length::Unknown);
    let taken = (0..10_000)
        .take_while(|_| ends.client(|client, cx| client.poll_send(cx, &mut bytes(1), false)).is_ready());
    assert_eq!(taken.count(), MAX_PIECES);
}

#[test]
fn a_response_body_waits_for_its_reader() {
    let mut ends = Ends::new(Length::Empty);
    ends.server(|server, _| server.send_head(ResponseHead::new(StatusCode::OK), Length::Unknown)).unwrap();
    assert!(ends.client(|client, cx| client.poll_head(cx)).is_ready());
    assert!(ends.client(|client, cx| client.poll_recv(cx)).is_pending());
    ends.server(|server, _| server.send_data(bytes(LIMIT + 5), true));
    assert!(ends.server(|server, cx| server.poll_flush(cx)).is_pending());
    assert!(!ends.server(|server, _| server.has_room()));
    assert!(ends.client_bell.rang());
    assert_eq!(data(ends.client(|client, cx| client.poll_recv(cx))), LIMIT);
    assert!(ends.server_bell.rang());
    assert!(matches!(ends.server(|server, cx| server.poll_flush(cx)), Poll::Ready(Ok(()))));
    assert_eq!(data(ends.client(|client, cx| client.poll_recv(cx))), 5);
    assert!(ends.client(|client, _| client.is_received()));
}

#[test]
fn informational_heads_come_first_and_are_bounded() {
    let mut ends = Ends::new(Length::Empty);
    for _ in 0..100 {
        ends.server(|server, _| server.send_informational(ResponseHead::new(StatusCode::EARLY_HINTS)));
    }
    ends.server(|server, _| server.send_head(ResponseHead::new(StatusCode::OK), Length::Empty)).unwrap();
    let mut statuses = Vec::new();
    while let Poll::Ready(Ok((head, _))) = ends.client(|client, cx| client.poll_head(cx)) {
        statuses.push(head.status.as_u16());
    }
    assert_eq!(statuses.pop(), Some(200));
    assert_eq!(statuses, vec![103; MAX_INTERIM]);
    assert!(matches!(ends.client(|client, cx| client.poll_recv(cx)), Poll::Ready(Ok(None))));
}

#[test]
fn trailers_follow_what_was_sent() {
    let mut ends = Ends::new(Length::Unknown);
    let sent = ends.client(|client, cx| client.poll_send(cx, &mut bytes(3), false));
    assert!(sent.is_ready());
    ends.client(|client, _| client.send_end(Some(trailers())));
    assert_eq!(data(ends.server(|server, cx| server.poll_recv(cx))), 3);
    let last = ends.server(|server, cx| server.poll_recv(cx));
    assert!(matches!(last, Poll::Ready(Ok(Some(Frame::Trailers(it)))) if it.get("x-sum") == Some(b"7")));

    ends.server(|server, _| {
        server.send_data(bytes(LIMIT + 1), false);
        server.send_end(Some(trailers()));
    });
    assert!(ends.server(|server, cx| server.poll_flush(cx)).is_pending());
    assert_eq!(data(ends.client(|client, cx| client.poll_recv(cx))), LIMIT);
    assert!(ends.server(|server, cx| server.poll_flush(cx)).is_ready());
    assert_eq!(data(ends.client(|client, cx| client.poll_recv(cx))), 1);
    let last = ends.client(|client, cx| client.poll_recv(cx));
    assert!(matches!(last, Poll::Ready(Ok(Some(Frame::Trailers(it)))) if it.get("x-sum") == Some(b"7")));
    assert!(matches!(ends.client(|client, cx| client.poll_recv(cx)), Poll::Ready(Ok(None))));
}

#[test]
fn a_body_must_be_as_long_as_announced() {
    for (sent, last) in [(3, true), (5, false)] {
        let mut ends = Ends::new(Length::Known(4));
        assert!(ends.client(|client, cx| client.poll_send(cx, &mut bytes(sent), last)).is_ready());
        let mut error = None;
        while error.is_none() {
            match ends.server(|server, cx| server.poll_recv(cx)) {
                Poll::Ready(Ok(Some(_))) => assert!(!ends.server(|server, _| server.is_received())),
                Poll::Ready(Err(found)) => error = Some(found),
                other => panic!("{sent} of 4 bytes: {other:?}"),
            }
        }
        assert_eq!(error.unwrap().kind(), Kind::BadRequest(400));
    }
}

#[test]
fn a_caller_that_goes_is_noticed_everywhere() {
    let mut ends = Ends::new(Length::Unknown);
    assert!(ends.server(|server, cx| server.poll_gone(cx)).is_pending());
    ends.client = None;
    assert!(ends.server_bell.rang());
    assert!(ends.server(|server, cx| server.poll_gone(cx)).is_ready());
    let read = ends.server(|server, cx| server.poll_recv(cx));
    assert!(matches!(read, Poll::Ready(Err(error)) if error.kind() == Kind::ClientGone));
    let head = ends.server(|server, _| server.send_head(ResponseHead::new(StatusCode::OK), Length::Unknown));
    assert_eq!(head.unwrap_err().kind(), Kind::ClientGone);
    ends.server(|server, _| server.send_data(bytes(1), true));
    let flushed = ends.server(|server, cx| server.poll_flush(cx));
    assert!(matches!(flushed, Poll::Ready(Err(error)) if error.kind() == Kind::ClientGone));
}

#[test]
fn an_exchange_that_goes_is_noticed_everywhere() {
    let mut ends = Ends::new(Length::Unknown);
    let mut body = bytes(LIMIT + 1);
    assert!(ends.client(|client, cx| client.poll_send(cx, &mut body, false)).is_pending());
    ends.server = None;
    assert!(ends.client_bell.rang());
    assert!(ends.client(|client, cx| client.poll_send(cx, &mut body, false)).is_ready());
    let head = ends.client(|client, cx| client.poll_head(cx));
    assert!(matches!(head, Poll::Ready(Err(error)) if error.kind() == Kind::Internal));
}

#[test]
fn a_cut_response_says_why_after_what_came_before() {
    let mut ends = Ends::new(Length::Empty);
    ends.server(|server, _| server.send_head(ResponseHead::new(StatusCode::OK), Length::Unknown)).unwrap();
    ends.server(|server, _| server.send_data(bytes(2), false));
    assert!(ends.server(|server, cx| server.poll_flush(cx)).is_ready());
    ends.server(|server, _| server.reset(&Error::upstream(Kind::UpstreamReset, "closed inside")));
    ends.server = None;
    assert!(ends.client(|client, cx| client.poll_head(cx)).is_ready());
    assert_eq!(data(ends.client(|client, cx| client.poll_recv(cx))), 2);
    let cut = ends.client(|client, cx| client.poll_recv(cx));
    assert!(matches!(cut, Poll::Ready(Err(error)) if error.kind() == Kind::UpstreamReset));
}
