//! The client's end against a peer that writes frames of its own, and against the server's end.

mod end;
mod life;

use std::future::poll_fn;

use mecha_base::Result;
use mecha_codec::rpc::{self, Limits, Protocol};
use mecha_http::{Length, RequestHead, ResponseHead};
use tokio::task::JoinHandle;

use super::{ClientConnection, ClientOptions, ClientStream};
use crate::head::request_head;
use crate::tests::{Peer, SPOKEN, heartbeat, one_way, parse, request, response, says, soon};

type Running = JoinHandle<Result<()>>;

/// Limits, and no keep-alive.
fn quiet(protocol: Protocol) -> ClientOptions {
    ClientOptions { keepalive: None, limits: Limits { frame: 2 << 20 }, ..ClientOptions::new(protocol) }
}

fn connect_with(options: ClientOptions) -> (Peer, ClientConnection, Running) {
    let (peer, io) = Peer::pair(options.protocol);
    let (connection, driver) = ClientConnection::new(io, options);
    (peer, connection, tokio::spawn(driver))
}

fn connect(protocol: Protocol) -> (Peer, ClientConnection, Running) {
    connect_with(quiet(protocol))
}

/// A request as it came from elsewhere.
fn call(protocol: Protocol, text: &str) -> RequestHead {
    let (envelope, fields) = parse(protocol, &request(protocol, 7, text));
    request_head(envelope, fields)
}

fn tell(protocol: Protocol, text: &str) -> RequestHead {
    let (envelope, fields) = parse(protocol, &one_way(protocol, 7, text));
    request_head(envelope, fields)
}

async fn answer(stream: &mut ClientStream) -> Result<ResponseHead> {
    soon(poll_fn(|cx| stream.poll_head(cx))).await.map(|(head, length)| {
        assert_eq!(length, Length::Empty);
        assert!(stream.is_received());
        head
    })
}

fn is_about(head: &ResponseHead, text: &str) -> bool {
    head.rpc.as_ref().is_some_and(|frame| says(frame, text))
}

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    for protocol in SPOKEN {
        let (mut peer, connection, _running) = connect(protocol);
        let mut streams: Vec<_> =
            (0..1000).map(|at| connection.send(&call(protocol, &format!("call {at}"))).unwrap()).collect();
        assert_eq!(connection.in_flight(), 1000);
        let mut frames = Vec::new();
        for at in 0..1000 {
            let frame = peer.frame().await;
            assert!(says(&frame, &format!("call {at}")) && frame.kind == rpc::Kind::Request);
            frames.push((frame.id, format!("answer {at}.")));
        }
        // Neither the order in which they came nor its reverse.
        frames.sort_by_key(|(id, _)| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for (id, text) in &frames {
            peer.send(&response(protocol, *id, text)).await;
        }
        for (at, stream) in streams.iter_mut().enumerate() {
            let head = answer(stream).await.unwrap();
            assert!(is_about(&head, &format!("answer {at}.")), "{head:?}");
            assert_eq!(head.headers.get_str("color"), Some("blue"));
        }
        assert_eq!((connection.in_flight(), connection.strays()), (0, 0));
        let (read, written) = connection.traffic().take();
        assert!(read > 20_000 && written > 20_000);
    }
}

#[tokio::test]
async fn a_request_goes_out_as_it_came_but_for_its_number() {
    for protocol in SPOKEN {
        let (mut peer, connection, _running) = connect(protocol);
        let _first = connection.send(&call(protocol, "same")).unwrap();
        let frame = peer.frame().await;
        assert_eq!(frame.raw, request(protocol, frame.id, "same"));
        let mut head = call(protocol, "other");
        head.headers.set("color", b"green").unwrap();
        let _second = connection.send(&head).unwrap();
        let frame = peer.frame().await;
        assert!(says(&frame, "green") && !says(&frame, "red") && says(&frame, "other"));
    }
}

#[tokio::test]
async fn requests_that_are_sent_together_leave_together() {
    let (peer, connection, _running) = connect(Protocol::Bolt);
    let length = request(Protocol::Bolt, 0, "x").len();
    let _streams: Vec<_> = (0..50).map(|_| connection.send(&call(Protocol::Bolt, "x")).unwrap()).collect();
    soon(peer.socket.readable()).await.unwrap();
    let mut all = vec![0; 100 * length];
    assert_eq!(peer.socket.try_read(&mut all).unwrap(), 50 * length);
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_dropped() {
    for protocol in SPOKEN {
        let (mut peer, connection, _running) = connect(protocol);
        let given_up = connection.send(&call(protocol, "slow")).unwrap();
        let slow = peer.frame().await.id;
        drop(given_up);
        assert_eq!(connection.in_flight(), 0);
        // All places are taken again, so the number of the slow one would fit another if numbers were places.
        let mut streams = Vec::new();
        for _ in 0..64 {
            streams.push(connection.send(&call(protocol, "next")).unwrap());
            assert_ne!(peer.frame().await.id, slow);
        }
        let last = connection.send(&call(protocol, "last")).unwrap();
        streams.push(last);
        let id = peer.frame().await.id;
        for id in [slow, id, id, 0xffff_ffff, 12_345] {
            peer.send(&response(protocol, id, "late or not")).await;
        }
        assert!(is_about(&answer(streams.last_mut().unwrap()).await.unwrap(), "late or not"));
        peer.send(&heartbeat(protocol, 1)).await;
        assert_eq!(peer.frame().await.kind, rpc::Kind::HeartbeatAck);
        assert_eq!(connection.strays(), 4);
        assert!(connection.is_open());
    }
}

#[tokio::test]
async fn a_request_without_answer_is_done_when_it_is_written() {
    for protocol in SPOKEN {
        let (mut peer, connection, _running) = connect(protocol);
        let mut stream = connection.send(&tell(protocol, "news")).unwrap();
        let head = answer(&mut stream).await.unwrap();
        assert_eq!((head.status.as_u16(), head.rpc.is_none()), (200, true));
        assert_eq!(connection.in_flight(), 0);
        let frame = peer.frame().await;
        assert!(frame.kind == rpc::Kind::OneWay && says(&frame, "news"));
    }
}

#[tokio::test]
async fn a_host_that_reads_slowly_is_not_sent_more_than_it_takes() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    let large = call(Protocol::Bolt, &"x".repeat(1 << 20));
    let mut first = connection.send(&large).unwrap();
    assert!(!connection.has_room());
    assert!(poll_fn(|cx| std::task::Poll::Ready(first.poll_flush(cx).is_pending())).await);
    let _second = connection.send(&large).unwrap();
    let refused = connection.send(&large).err().unwrap();
    assert_eq!(
        (refused.kind(), refused.retry()),
        (mecha_base::Kind::Overflow, mecha_base::RetrySafety::Safe)
    );
    let (frame, ()) = tokio::join!(peer.frame(), async {
        soon(poll_fn(|cx| first.poll_flush(cx))).await;
    });
    peer.frame().await;
    assert!(connection.has_room());
    let text = "y".repeat(1 << 20);
    let wire = response(Protocol::Bolt, frame.id, &text);
    let ((), head) = tokio::join!(peer.send(&wire), answer(&mut first));
    assert!(is_about(&head.unwrap(), &text));
}

#[tokio::test]
async fn what_is_no_request_of_the_protocol_is_not_sent() {
    let (_peer, connection, _running) = connect(Protocol::Bolt);
    let mut head = call(Protocol::Dubbo, "x");
    assert!(connection.send(&head).is_err());
    head.rpc = None;
    assert!(connection.send(&head).is_err());
    assert!(connection.send(&call(Protocol::BoltV2, "x")).is_ok());
}

#[tokio::test]
async fn fields_that_do_not_fit_take_nothing_with_them() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    let mut head = call(Protocol::Bolt, "x");
    head.headers.set("color", "long".repeat(20_000).as_bytes()).unwrap();
    let refused = connection.send(&head).err().unwrap();
    assert_eq!(refused.kind(), mecha_base::Kind::BadRequest(431));
    assert_eq!(connection.in_flight(), 0);
    let _next = connection.send(&call(Protocol::Bolt, "next")).unwrap();
    assert!(says(&peer.frame().await, "next"));
}
