//! The server's end against a peer that writes frames of its own.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use mecha_base::{Error, Kind, Result};
use mecha_codec::rpc::{self, Limits, Protocol};
use mecha_http::{Length, RequestHead, ResponseHead, StatusCode};

use super::{ServerConnection, ServerStream};
use crate::head::response_head;
use crate::tests::{Peer, SPOKEN, heartbeat, one_way, parse, request, response, says, soon};

const LIMITS: Limits = Limits { frame: 2 << 20 };

fn serve(protocol: Protocol) -> (Peer, ServerConnection) {
    let (peer, io) = Peer::pair(protocol);
    (peer, ServerConnection::new(io, BytesMut::new(), protocol, LIMITS))
}

/// The next request, as an owner gets it: what is queued is written while nothing comes.
async fn accept(connection: &mut ServerConnection) -> Result<Option<(RequestHead, ServerStream)>> {
    let next = poll_fn(|cx| {
        let accepted = connection.poll_accept(cx);
        let _ = connection.poll_flush(cx);
        accepted
    });
    soon(next).await
}

async fn take(connection: &mut ServerConnection) -> (RequestHead, ServerStream) {
    accept(connection).await.unwrap().unwrap()
}

async fn flush(connection: &mut ServerConnection) {
    soon(poll_fn(|cx| connection.poll_flush(cx))).await.unwrap();
}

/// An answer that came from elsewhere under another number.
fn answer(protocol: Protocol, text: &str) -> ResponseHead {
    let (envelope, fields) = parse(protocol, &response(protocol, 990_099, text));
    response_head(envelope, fields)
}

fn send(stream: &mut ServerStream, head: ResponseHead) {
    stream.send_head(head, Length::Empty).unwrap();
    assert!(stream.is_answered());
}

#[tokio::test]
async fn requests_are_answered_in_any_order_under_their_numbers() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let wire: Vec<u8> = (0..3).flat_map(|id| request(protocol, 70_000 + id, "hello")).collect();
        peer.send(&wire).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let (head, stream) = take(&mut connection).await;
            assert_eq!((head.authority.as_ref(), head.path()), ("org.example.Greeter", "/"));
            assert_eq!(head.headers.get_str("color"), Some("red"));
            streams.push(stream);
        }
        assert_eq!(connection.in_flight(), 3);
        for mut stream in streams.into_iter().rev() {
            let text = format!("answer {}", stream.request().id);
            send(&mut stream, answer(protocol, &text));
        }
        assert!(!connection.is_idle());
        flush(&mut connection).await;
        assert!(connection.is_idle());
        for id in [70_002, 70_001, 70_000] {
            let frame = peer.frame().await;
            assert_eq!((frame.id, frame.kind, frame.status), (id, rpc::Kind::Response, 200));
            assert!(says(&frame, &format!("answer {id}")));
        }
        let (read, written) = connection.take_traffic();
        assert_eq!((read, written > 0), (wire.len() as u64, true));
        assert_eq!(connection.take_traffic(), (0, 0));
    }
}

#[tokio::test]
async fn an_answer_is_forwarded_byte_for_byte_unless_its_fields_were_changed() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        peer.send(&request(protocol, 5, "a")).await;
        let (_, mut stream) = take(&mut connection).await;
        send(&mut stream, answer(protocol, "same"));
        drop(stream);
        flush(&mut connection).await;
        assert_eq!(peer.frame().await.raw, response(protocol, 5, "same"));

        peer.send(&request(protocol, 6, "b")).await;
        let (_, mut stream) = take(&mut connection).await;
        let mut head = answer(protocol, "other");
        head.headers.append("x-added", b"yes").unwrap();
        send(&mut stream, head);
        flush(&mut connection).await;
        let frame = peer.frame().await;
        assert!(says(&frame, "x-added") && says(&frame, "other"), "{frame:?}");
        assert_eq!(frame.id, 6);
    }
}

#[tokio::test]
async fn a_request_in_pieces_is_one_request() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let wire = request(protocol, 9, "pieces");
        for byte in &wire {
            assert!(poll_fn(|cx| Poll::Ready(connection.poll_accept(cx).is_pending())).await);
            peer.send(&[*byte]).await;
        }
        let (head, _stream) = take(&mut connection).await;
        assert_eq!(head.rpc.unwrap().raw, wire);
    }
}

#[tokio::test]
async fn what_was_read_before_comes_first() {
    let (mut peer, io) = Peer::pair(Protocol::Bolt);
    let wire = request(Protocol::Bolt, 3, "prefix");
    let mut connection = ServerConnection::new(io, wire[..7].into(), Protocol::Bolt, LIMITS);
    peer.send(&wire[7..]).await;
    assert_eq!(take(&mut connection).await.1.request().id, 3);
}

#[tokio::test]
async fn heartbeats_are_answered_and_what_servers_say_is_passed_over() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let mut wire = BytesMut::new();
        wire.extend_from_slice(&heartbeat(protocol, 41));
        wire.extend_from_slice(&response(protocol, 1, "stray"));
        assert!(protocol.codec().go_away(2, &mut wire));
        let (beat, _) = parse(protocol, &heartbeat(protocol, 42));
        protocol.codec().heartbeat_ack(&beat, &mut wire);
        wire.extend_from_slice(&request(protocol, 43, "after"));
        peer.send(&wire).await;
        assert_eq!(take(&mut connection).await.1.request().id, 43);
        flush(&mut connection).await;
        let frame = peer.frame().await;
        assert_eq!((frame.id, frame.kind), (41, rpc::Kind::HeartbeatAck));
    }
}

#[tokio::test]
async fn one_way_requests_get_nothing() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        peer.send(
            &[one_way(protocol, 1, "a"), one_way(protocol, 2, "b"), one_way(protocol, 3, "c")].concat(),
        )
        .await;
        let (_, mut first) = take(&mut connection).await;
        send(&mut first, answer(protocol, "unwanted"));
        let (_, mut second) = take(&mut connection).await;
        send(&mut second, ResponseHead::new(StatusCode::NOT_FOUND));
        drop((first, second, take(&mut connection).await));
        assert!(connection.is_idle());
        soon(poll_fn(|cx| connection.poll_shutdown(cx))).await.unwrap();
        peer.end().await;
    }
}

#[tokio::test]
async fn answers_of_our_own_making_carry_status_and_text() {
    let (mut peer, mut connection) = serve(Protocol::Dubbo);
    let wire: Vec<u8> = (1..=4).flat_map(|id| request(Protocol::Dubbo, id, "x")).collect();
    peer.send(&wire).await;
    // Status and body.
    let (_, mut stream) = take(&mut connection).await;
    stream.send_head(ResponseHead::new(StatusCode::SERVICE_UNAVAILABLE), Length::Known(8)).unwrap();
    stream.send_data(Bytes::from_static(b"too "), false);
    stream.send_data(Bytes::from_static(b"much"), true);
    // Status alone.
    let (_, mut stream) = take(&mut connection).await;
    stream.send_head(ResponseHead::new(StatusCode::GATEWAY_TIMEOUT), Length::Empty).unwrap();
    // An exchange that was cut.
    let (_, mut stream) = take(&mut connection).await;
    stream.reset(&Error::upstream(Kind::UpstreamReset, ""));
    stream.reset(&Error::upstream(Kind::Timeout, ""));
    // An exchange that just ended.
    drop(take(&mut connection).await);
    flush(&mut connection).await;
    for (id, code, text) in [
        (1, 40, "503|too much"),
        (2, 30, "504|Gateway Timeout"),
        (3, 70, "502|upstream reset"),
        (4, 70, "500|"),
    ] {
        let frame = peer.frame().await;
        // 502 has a status of its own in the table (MOSN reference 2.3).
        let code = if id == 3 { 60 } else { code };
        assert_eq!((frame.id, frame.code), (id, code), "{frame:?}");
        assert!(says(&frame, text), "{frame:?}");
    }
}

#[tokio::test]
async fn the_text_of_an_answer_is_bounded() {
    let (mut peer, mut connection) = serve(Protocol::Dubbo);
    peer.send(&request(Protocol::Dubbo, 1, "x")).await;
    let (_, mut stream) = take(&mut connection).await;
    stream.send_head(ResponseHead::new(StatusCode::BAD_GATEWAY), Length::Unknown).unwrap();
    for _ in 0..100 {
        stream.send_data(Bytes::from(vec![b'x'; 10_000]), false);
    }
    stream.send_end();
    drop(stream);
    let (frame, ()) = tokio::join!(peer.frame(), flush(&mut connection));
    assert!((60_000..70_000).contains(&frame.raw.len()));
}

#[tokio::test]
async fn an_answer_of_another_protocol_is_a_bad_gateway() {
    let (mut peer, mut connection) = serve(Protocol::Bolt);
    peer.send(&request(Protocol::Bolt, 1, "x")).await;
    let (_, mut stream) = take(&mut connection).await;
    send(&mut stream, answer(Protocol::Dubbo, "what"));
    flush(&mut connection).await;
    assert_eq!(peer.frame().await.raw.len(), 20);
}

#[tokio::test]
async fn a_client_that_ends_between_frames_gets_its_answers() {
    let (mut peer, mut connection) = serve(Protocol::Bolt);
    peer.send(&request(Protocol::Bolt, 1, "x")).await;
    let (_, mut stream) = take(&mut connection).await;
    tokio::io::AsyncWriteExt::shutdown(&mut peer.socket).await.unwrap();
    assert!(accept(&mut connection).await.unwrap().is_none());
    assert!(accept(&mut connection).await.unwrap().is_none());
    send(&mut stream, answer(Protocol::Bolt, "late"));
    flush(&mut connection).await;
    assert!(says(&peer.frame().await, "late"));
}

#[tokio::test]
async fn a_cut_inside_a_frame_is_a_client_that_is_gone() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let wire = request(protocol, 1, "x");
        peer.send(&wire[..wire.len() - 1]).await;
        drop(peer);
        assert_eq!(accept(&mut connection).await.err().map(|error| error.kind()), Some(Kind::ClientGone));
        assert!(accept(&mut connection).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn sending_to_a_client_that_is_gone_fails() {
    let (mut peer, mut connection) = serve(Protocol::Bolt);
    peer.send(&[request(Protocol::Bolt, 1, "x"), request(Protocol::Bolt, 2, "y")].concat()).await;
    let (_, mut first) = take(&mut connection).await;
    let (_, mut second) = take(&mut connection).await;
    drop(peer);
    send(&mut first, answer(Protocol::Bolt, "nobody"));
    let failed = soon(poll_fn(|cx| connection.poll_flush(cx))).await;
    assert_eq!(failed.err().map(|error| error.kind()), Some(Kind::ClientGone));
    assert!(second.send_head(answer(Protocol::Bolt, "nobody"), Length::Empty).is_err());
    assert!(poll_fn(|cx| second.poll_flush(cx)).await.is_err());
}

#[tokio::test]
async fn what_wants_no_answer_needs_no_client() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let wires = [one_way(protocol, 1, "a"), request(protocol, 2, "b")];
        peer.send(&wires.concat()).await;
        let (_, mut told) = take(&mut connection).await;
        let (_, mut asked) = take(&mut connection).await;
        assert_eq!((connection.one_ways(), connection.held()), (1, wires.concat().len()));
        drop(peer);
        send(&mut asked, answer(protocol, "nobody"));
        assert!(soon(poll_fn(|cx| connection.poll_flush(cx))).await.is_err());
        assert!(poll_fn(|cx| asked.poll_flush(cx)).await.is_err());
        poll_fn(|cx| told.poll_flush(cx)).await.unwrap();
        send(&mut told, answer(protocol, "unwanted"));
        drop((told, asked));
        assert_eq!((connection.one_ways(), connection.held()), (0, 0));
    }
}

#[tokio::test]
async fn what_is_no_frame_is_a_bad_request() {
    let dubbo = request(Protocol::Dubbo, 1, "x");
    for wire in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &dubbo] {
        let (mut peer, mut connection) = serve(Protocol::Bolt);
        peer.send(wire).await;
        assert_eq!(
            accept(&mut connection).await.err().map(|error| error.kind()),
            Some(Kind::BadRequest(400))
        );
    }
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_before_it_came() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        let mut wire = request(protocol, 77, "x");
        let length_at = match protocol {
            Protocol::Bolt => 18,
            Protocol::BoltV2 => 20,
            _ => 12,
        };
        wire[length_at..length_at + 4].copy_from_slice(&(LIMITS.frame as u32).to_be_bytes());
        peer.send(&wire[..24]).await;
        let error = accept(&mut connection).await.err().expect("refused");
        assert_eq!(error.kind(), Kind::BadRequest(413));
        soon(poll_fn(|cx| connection.poll_shutdown(cx))).await.unwrap();
        let frame = peer.frame().await;
        assert_eq!((frame.id, frame.kind), (77, rpc::Kind::Response));
        peer.end().await;
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_read_no_further() {
    let protocol = Protocol::Bolt;
    let (mut peer, mut connection) = serve(protocol);
    let large = answer(protocol, &"x".repeat(1 << 20));
    peer.send(&(0..4).flat_map(|id| request(protocol, id, "x")).collect::<Vec<_>>()).await;
    let (_, mut first) = take(&mut connection).await;
    let (_, mut second) = take(&mut connection).await;
    send(&mut first, large.clone());
    assert!(connection.is_full() && !second.has_room());
    // Nothing is accepted while what waits can't be written, and who has answered waits.
    poll_fn(|cx| {
        assert!(connection.poll_accept(cx).is_pending());
        assert!(first.poll_flush(cx).is_pending() && second.poll_flush(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    // As soon as the client reads, those who waited hear of it.
    let (mut frames, mut third) = (0, None);
    let done = async {
        let reader = async {
            while frames < 1 {
                peer.frame().await;
                frames += 1;
            }
        };
        let owner = poll_fn(|cx| {
            if third.is_none() {
                third = match connection.poll_accept(cx) {
                    Poll::Ready(accepted) => accepted.unwrap(),
                    Poll::Pending => None,
                };
            }
            let flushed = connection.poll_flush(cx);
            if third.is_some() && flushed.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        });
        let waiting = poll_fn(|cx| first.poll_flush(cx));
        tokio::join!(reader, owner, waiting).2
    };
    soon(done).await.unwrap();
    assert!(second.has_room());
}

#[tokio::test]
async fn a_million_bytes_come_and_go() {
    for protocol in [Protocol::Bolt, Protocol::BoltV2] {
        let (mut peer, mut connection) = serve(protocol);
        let text = "0123456789abcdef".repeat(1 << 16);
        let wire = request(protocol, 1, &text);
        let (_, taken) = tokio::join!(peer.send(&wire), take(&mut connection));
        let (head, mut stream) = taken;
        assert_eq!(head.rpc.as_ref().map(|frame| &frame.raw[..]), Some(&wire[..]));
        send(&mut stream, answer(protocol, &text));
        let (frame, ()) = tokio::join!(peer.frame(), flush(&mut connection));
        assert_eq!(frame.raw, response(protocol, 1, &text));
    }
}

#[tokio::test]
async fn going_away_is_said_in_the_protocols_words() {
    for protocol in SPOKEN {
        let (mut peer, mut connection) = serve(protocol);
        assert!(connection.go_away());
        peer.send(&request(protocol, 8, "still")).await;
        let (_, mut stream) = take(&mut connection).await;
        send(&mut stream, answer(protocol, "served"));
        flush(&mut connection).await;
        assert_eq!(peer.frame().await.kind, rpc::Kind::GoAway);
        assert!(says(&peer.frame().await, "served"));
    }
}
