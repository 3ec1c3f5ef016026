//! Heartbeats, idle connections, and both of our ends against each other.

use std::time::Duration;

use bytes::BytesMut;
use mecha_base::Kind;
use tokio::time::Instant;

use super::*;
use crate::client::KeepAlive;
use crate::head::response_head;
use crate::server::ServerConnection;

#[tokio::test]
async fn a_hosts_own_heartbeats_and_requests_are_answered() {
    for protocol in SPOKEN {
        let (mut peer, _connection, _running) = connect(protocol);
        peer.send(
            &[heartbeat(protocol, 31), request(protocol, 32, "back"), one_way(protocol, 33, "x")].concat(),
        )
        .await;
        let frame = peer.frame().await;
        assert_eq!((frame.id, frame.kind), (31, rpc::Kind::HeartbeatAck));
        let frame = peer.frame().await;
        assert_eq!((frame.id, frame.kind), (32, rpc::Kind::Response));
        assert_ne!(frame.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_asked_and_stays_when_it_answers() {
    for protocol in SPOKEN {
        let start = Instant::now();
        let (mut peer, connection, _running) = connect_with(ClientOptions::new(protocol));
        for round in 1..=10 {
            let frame = peer.next().await.unwrap();
            assert_eq!(frame.kind, rpc::Kind::Heartbeat);
            assert_eq!(start.elapsed().as_secs(), 15 * round);
            let mut ack = BytesMut::new();
            protocol.codec().heartbeat_ack(&frame, &mut ack);
            peer.send(&ack).await;
        }
        assert!(connection.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answers_no_heartbeats_is_given_up() {
    let start = Instant::now();
    let (mut peer, connection, running) = connect_with(ClientOptions::new(Protocol::Dubbo));
    let mut stream = connection.send(&call(Protocol::Dubbo, "x")).unwrap();
    assert_eq!(peer.next().await.unwrap().kind, rpc::Kind::Request);
    let failed = poll_fn(|cx| stream.poll_head(cx)).await.err().unwrap();
    assert_eq!(failed.kind(), Kind::UpstreamReset);
    assert_eq!(start.elapsed().as_secs(), 91);
    assert!(running.await.unwrap().unwrap_err().to_string().contains("heartbeats"));
    for _ in 0..6 {
        assert_eq!(peer.next().await.unwrap().kind, rpc::Kind::Heartbeat);
    }
    assert!(peer.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_busy_host_is_not_asked() {
    let keepalive = KeepAlive { interval: Duration::from_secs(4), ..KeepAlive::default() };
    let options = ClientOptions { keepalive: Some(keepalive), ..ClientOptions::new(Protocol::Bolt) };
    let (mut peer, connection, _running) = connect_with(options);
    for _ in 0..5 {
        let mut stream = connection.send(&call(Protocol::Bolt, "x")).unwrap();
        let frame = peer.next().await.unwrap();
        assert_eq!(frame.kind, rpc::Kind::Request);
        tokio::time::advance(Duration::from_secs(3)).await;
        peer.send(&response(Protocol::Bolt, frame.id, "x")).await;
        poll_fn(|cx| stream.poll_head(cx)).await.unwrap();
    }
    assert_eq!(peer.next().await.unwrap().kind, rpc::Kind::Heartbeat);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_ends_whatever_its_heartbeats() {
    let start = Instant::now();
    let idle = Some(Duration::from_secs(40));
    let (mut peer, connection, running) =
        connect_with(ClientOptions { idle, ..ClientOptions::new(Protocol::Bolt) });
    let mut stream = connection.send(&call(Protocol::Bolt, "x")).unwrap();
    let id = peer.next().await.unwrap().id;
    let host = async {
        let mut heartbeats = 0;
        while let Some(frame) = peer.next().await {
            assert_eq!(frame.kind, rpc::Kind::Heartbeat);
            let mut wire = BytesMut::new();
            Protocol::Bolt.codec().heartbeat_ack(&frame, &mut wire);
            heartbeats += 1;
            if heartbeats == 4 {
                wire.extend_from_slice(&response(Protocol::Bolt, id, "x"));
            }
            peer.send(&wire).await;
        }
        start.elapsed().as_secs()
    };
    let answered = async {
        poll_fn(|cx| stream.poll_head(cx)).await.unwrap();
        start.elapsed().as_secs()
    };
    assert_eq!(tokio::join!(answered, host), (60, 100));
    running.await.unwrap().unwrap();
    assert!(!connection.is_open());
}

#[tokio::test]
async fn both_ends_carry_a_thousand_calls_at_once() {
    for protocol in SPOKEN {
        let (left, right) = tokio::net::UnixStream::pair().unwrap();
        let (connection, driver) = ClientConnection::new(left.into(), quiet(protocol));
        let running = tokio::spawn(driver);
        let mut server = ServerConnection::new(right.into(), BytesMut::new(), protocol, Limits::default());
        let host = poll_fn(|cx| {
            while let std::task::Poll::Ready(accepted) = server.poll_accept(cx) {
                let Some((head, mut stream)) = accepted? else {
                    return std::task::Poll::Ready(Ok::<_, mecha_base::Error>(()));
                };
                let frame = head.rpc.unwrap();
                let text = String::from_utf8_lossy(frame.payload()).into_owned();
                let at = text.find("call").unwrap_or_default();
                let text: String = text[at..].chars().take(9).collect();
                let (envelope, fields) = parse(protocol, &response(protocol, 1, &text));
                stream.send_head(response_head(envelope, fields), Length::Empty)?;
            }
            let _ = server.poll_flush(cx)?;
            std::task::Poll::Pending
        });
        let calls = async {
            for round in 0..3 {
                let mut streams: Vec<_> = (0..1000)
                    .map(|at| connection.send(&call(protocol, &format!("call {round}{at:03}"))).unwrap())
                    .collect();
                for (at, stream) in streams.iter_mut().enumerate() {
                    let head = poll_fn(|cx| stream.poll_head(cx)).await.unwrap().0;
                    assert!(is_about(&head, &format!("call {round}{at:03}")), "{head:?}");
                }
            }
            connection.close();
        };
        let (served, ()) = soon(async { tokio::join!(host, calls) }).await;
        served.unwrap();
        soon(running).await.unwrap().unwrap();
        assert_eq!(connection.in_flight(), 0);
    }
}
