//! How connections end, and what becomes of the requests on them.

use std::time::Duration;

use mecha_base::{Kind, RetrySafety};
use tokio::io::AsyncWriteExt;

use super::*;

/// Kind and retry rule of a failed request.
async fn failure(stream: &mut ClientStream) -> (Kind, RetrySafety) {
    let error = answer(stream).await.expect_err("a failure");
    (error.kind(), error.retry())
}

/// One call that is answered.
async fn round(peer: &mut Peer, connection: &ClientConnection, protocol: Protocol) {
    let mut stream = connection.send(&call(protocol, "round")).unwrap();
    let id = peer.frame().await.id;
    peer.send(&response(protocol, id, "ok")).await;
    answer(&mut stream).await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_fails_its_requests_only() {
    for protocol in SPOKEN {
        let (mut peer, connection, running) = connect(protocol);
        let (mut other_peer, other, _other_running) = connect(protocol);
        let mut lost = connection.send(&call(protocol, "a")).unwrap();
        let mut answered = connection.send(&call(protocol, "b")).unwrap();
        let mut kept = other.send(&call(protocol, "c")).unwrap();
        peer.frame().await;
        let id = peer.frame().await.id;
        peer.send(&response(protocol, id, "in time")).await;
        drop(peer);
        assert!(is_about(&answer(&mut answered).await.unwrap(), "in time"));
        assert_eq!(failure(&mut lost).await, (Kind::UpstreamReset, RetrySafety::Policy));
        assert!(soon(running).await.unwrap().is_err());
        assert!(!connection.is_open());
        let refused = connection.send(&call(protocol, "d")).err().unwrap();
        assert_eq!((refused.kind(), refused.retry()), (Kind::ConnectFailed, RetrySafety::Safe));
        let id = other_peer.frame().await.id;
        other_peer.send(&response(protocol, id, "alive")).await;
        assert!(is_about(&answer(&mut kept).await.unwrap(), "alive"));
    }
}

#[tokio::test]
async fn a_request_that_was_not_written_is_safe_to_send_again() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    let large = call(Protocol::Bolt, &"x".repeat(1 << 20));
    let mut partly = connection.send(&large).unwrap();
    let mut not_at_all = connection.send(&call(Protocol::Bolt, "x")).unwrap();
    let mut neither = connection.send(&tell(Protocol::Bolt, "x")).unwrap();
    soon(peer.socket.readable()).await.unwrap();
    peer.socket.shutdown().await.unwrap();
    assert_eq!(failure(&mut partly).await, (Kind::UpstreamReset, RetrySafety::Policy));
    assert_eq!(failure(&mut not_at_all).await, (Kind::UpstreamReset, RetrySafety::Safe));
    assert_eq!(failure(&mut neither).await, (Kind::UpstreamReset, RetrySafety::Safe));
    assert_eq!(connection.in_flight(), 0);
}

#[tokio::test]
async fn a_reused_connection_that_dies_without_a_word_is_a_race() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    round(&mut peer, &connection, Protocol::Bolt).await;
    let mut streams: Vec<_> = (0..2).map(|_| connection.send(&call(Protocol::Bolt, "x")).unwrap()).collect();
    peer.frame().await;
    peer.frame().await;
    drop(peer);
    for stream in &mut streams {
        assert_eq!(failure(stream).await, (Kind::UpstreamReset, RetrySafety::ReusedOnly));
    }
}

#[tokio::test]
async fn a_host_that_dies_long_after_the_request_came_is_no_race() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    round(&mut peer, &connection, Protocol::Bolt).await;
    let mut lost = connection.send(&call(Protocol::Bolt, "x")).unwrap();
    peer.frame().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    drop(peer);
    assert_eq!(failure(&mut lost).await, (Kind::UpstreamReset, RetrySafety::Policy));
}

#[tokio::test]
async fn a_reused_connection_that_dies_at_work_is_none() {
    let (mut peer, connection, _running) = connect(Protocol::Bolt);
    round(&mut peer, &connection, Protocol::Bolt).await;
    let mut lost = connection.send(&call(Protocol::Bolt, "x")).unwrap();
    peer.frame().await;
    round(&mut peer, &connection, Protocol::Bolt).await;
    drop(peer);
    assert_eq!(failure(&mut lost).await, (Kind::UpstreamReset, RetrySafety::Policy));
}

#[tokio::test]
async fn a_cut_inside_an_answer_fails_its_request() {
    for protocol in SPOKEN {
        let (mut peer, connection, running) = connect(protocol);
        let mut stream = connection.send(&call(protocol, "x")).unwrap();
        let id = peer.frame().await.id;
        let wire = response(protocol, id, "cut");
        peer.send(&wire[..wire.len() - 1]).await;
        drop(peer);
        assert_eq!(failure(&mut stream).await, (Kind::UpstreamReset, RetrySafety::Policy));
        assert!(soon(running).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn what_is_no_answer_fails_all_requests() {
    for (protocol, wire) in [
        (Protocol::Bolt, b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice()),
        (Protocol::Dubbo, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (Protocol::Bolt, &response(Protocol::Dubbo, 0, "other")),
    ] {
        let (mut peer, connection, running) = connect(protocol);
        let mut streams: Vec<_> = (0..3).map(|_| connection.send(&call(protocol, "x")).unwrap()).collect();
        for _ in 0..3 {
            peer.frame().await;
        }
        peer.send(wire).await;
        for stream in &mut streams {
            assert_eq!(failure(stream).await, (Kind::UpstreamProtocol, RetrySafety::Policy));
        }
        let error = soon(running).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::UpstreamProtocol);
    }
}

#[tokio::test]
async fn a_host_that_goes_away_finishes_its_requests() {
    for protocol in SPOKEN {
        let (mut peer, connection, running) = connect(protocol);
        let mut stream = connection.send(&call(protocol, "x")).unwrap();
        let id = peer.frame().await.id;
        let mut wire = bytes::BytesMut::new();
        protocol.codec().go_away(1, &mut wire);
        wire.extend_from_slice(&heartbeat(protocol, 2));
        peer.send(&wire).await;
        assert_eq!(peer.frame().await.kind, rpc::Kind::HeartbeatAck);
        assert!(!connection.is_open());
        let refused = connection.send(&call(protocol, "y")).err().unwrap();
        assert_eq!(refused.retry(), RetrySafety::Safe);
        peer.send(&response(protocol, id, "last")).await;
        assert!(is_about(&answer(&mut stream).await.unwrap(), "last"));
        soon(running).await.unwrap().unwrap();
        peer.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_was_let_go_of_ends_with_its_last_answer() {
    for close in [true, false] {
        let (mut peer, connection, running) = connect(Protocol::Bolt);
        let mut stream = connection.send(&call(Protocol::Bolt, "x")).unwrap();
        let other = connection.clone();
        if close {
            connection.close();
            assert!(!other.is_open());
        }
        drop(connection);
        assert_eq!(other.is_open(), !close);
        drop(other);
        let id = peer.frame().await.id;
        peer.send(&response(Protocol::Bolt, id, "last")).await;
        answer(&mut stream).await.unwrap();
        soon(running).await.unwrap().unwrap();
        peer.end().await;
    }
}

#[tokio::test]
async fn a_host_that_closes_an_unused_connection_is_no_failure() {
    let (mut peer, connection, running) = connect(Protocol::Dubbo);
    round(&mut peer, &connection, Protocol::Dubbo).await;
    drop(peer);
    soon(running).await.unwrap().unwrap();
    assert!(!connection.is_open());
}

#[tokio::test]
async fn a_driver_that_is_given_up_fails_its_requests() {
    let (mut peer, connection, running) = connect(Protocol::Bolt);
    let mut stream = connection.send(&call(Protocol::Bolt, "x")).unwrap();
    peer.frame().await;
    running.abort();
    assert_eq!(failure(&mut stream).await, (Kind::UpstreamReset, RetrySafety::Policy));
}
