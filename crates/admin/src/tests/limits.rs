//! What a client may ask of the server, and how the server ends.

use std::time::Duration;

use mecha_base::drain::Mode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Admin;
use super::client::{get, raw, read};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn large_requests_are_refused() {
    let admin = Admin::start();
    let body =
        "POST /api/v1/enable_log HTTP/1.1\r\nhost: a\r\ncontent-length: 1048577\r\nconnection: close\r\n\r\n";
    assert_eq!(raw(admin.address, body).await.status, 413);
    let mut chunks = "POST /api/v1/enable_log HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_owned();
    for _ in 0..3 {
        chunks.push_str(&format!("80000\r\n{}\r\n", "x".repeat(0x80000)));
    }
    assert_eq!(raw(admin.address, &chunks).await.status, 413);
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(128 << 10));
    assert_eq!(raw(admin.address, &head).await.status, 431);
    let fields = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(100));
    assert_eq!(raw(admin.address, &fields).await.status, 431);
    admin.stop().await;
}

#[tokio::test]
async fn more_connections_wait_for_a_place() {
    let admin = Admin::start();
    let mut open = Vec::new();
    for _ in 0..super::super::server::MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(admin.address).await.unwrap();
        stream.write_all(b"GET").await.unwrap();
        open.push(stream);
    }
    let waiting = tokio::spawn(get(admin.address, "/"));
    // The first to finish makes room for the one that waits.
    let mut first = open.swap_remove(0);
    first.write_all(b" / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut first).await.status, 200);
    assert_eq!(timeout(SOON, waiting).await.unwrap().unwrap().status, 200);
    drop(open);
    admin.stop().await;
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_lets_requests_finish() {
    let mut admin = Admin::start();
    let mut idle = TcpStream::connect(admin.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut busy = TcpStream::connect(admin.address).await.unwrap();
    busy.write_all(b"POST /api/v1/enable_log HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n")
        .await
        .unwrap();
    // Both are being served when this one has been answered.
    assert_eq!(get(admin.address, "/").await.status, 200);
    admin.drain.start(Mode::Graceful);
    assert_eq!(read(&mut idle).await.status, 200);
    busy.write_all(b"x").await.unwrap();
    assert_eq!(read(&mut busy).await.status, 400);
    assert!(admin.drain.wait(SOON).await);
    assert!(TcpStream::connect(admin.address).await.is_err());
    admin.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_immediate_end_waits_for_nobody() {
    let mut admin = Admin::start();
    let mut slow = TcpStream::connect(admin.address).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    assert_eq!(get(admin.address, "/").await.status, 200);
    admin.drain.start(Mode::Immediate);
    assert!(admin.drain.wait(SOON).await);
}

/// Time is paused, so it moves on as soon as everybody waits.
#[tokio::test(start_paused = true)]
async fn slow_requests_time_out() {
    let admin = Admin::start();
    let mut body = TcpStream::connect(admin.address).await.unwrap();
    body.write_all(b"POST /api/v1/enable_log HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut body).await.status, 408);
    let mut head = TcpStream::connect(admin.address).await.unwrap();
    head.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut head, &mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
    admin.stop().await;
}
