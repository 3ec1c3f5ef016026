//! What a client sees of the server end.

use std::future::poll_fn;

use http::StatusCode;
use mecha_base::RetrySafety;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::*;
use crate::tests::{Fields, bytes, expect, pair, rest, soon, texts};

struct Server {
    peer: UnixStream,
    connection: ServerConnection,
}

impl Server {
    fn new() -> Self {
        let (peer, io) = pair();
        let connection = ServerConnection::new(io, BytesMut::new(), Arc::default());
        Server { peer, connection }
    }

    async fn given(text: &str) -> Self {
        let mut server = Server::new();
        server.peer.write_all(text.as_bytes()).await.unwrap();
        server
    }

    async fn next(&mut self) -> Result<Option<Incoming>> {
        soon(poll_fn(|cx| self.connection.poll_request(cx))).await
    }

    async fn request(&mut self) -> Incoming {
        self.next().await.unwrap().unwrap()
    }

    async fn frame(&mut self) -> Result<Option<Frame>> {
        soon(poll_fn(|cx| self.connection.poll_recv(cx))).await
    }

    /// The body, trailers in brackets.
    async fn body(&mut self) -> Result<String> {
        let mut body = String::new();
        while let Some(frame) = self.frame().await? {
            match frame {
                Frame::Data(data) => body.push_str(std::str::from_utf8(&data).unwrap()),
                Frame::Trailers(trailers) => body.push_str(&format!("{:?}", texts(&trailers))),
            }
        }
        Ok(body)
    }

    async fn flush(&mut self) -> Result<()> {
        soon(poll_fn(|cx| self.connection.poll_flush(cx))).await
    }

    async fn answer(&mut self, head: &ResponseHead, length: Length, body: &'static str) -> bool {
        self.connection.send_head(head, length);
        if !body.is_empty() {
            self.connection.send_data(Bytes::from_static(body.as_bytes())).unwrap();
        }
        self.connection.send_end(None).unwrap();
        self.flush().await.unwrap();
        self.connection.finish()
    }

    async fn gone(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.connection.poll_gone(cx).is_ready())).await
    }
}

fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap());
    for (name, value) in fields {
        head.headers.append(name, value.as_bytes()).unwrap();
    }
    head
}

/// The whole response to a request, and whether the connection lives on.
async fn answered(request: &str, head: ResponseHead, length: Length, body: &'static str) -> (String, bool) {
    let mut server = Server::given(request).await;
    server.request().await;
    let kept = server.answer(&head, length, body).await;
    let Server { mut peer, connection } = server;
    drop(connection);
    (rest(&mut peer).await, kept)
}

/// Request, status, fields, length and body of the response; what it looks like and whether the connection lives on.
type Case = (&'static str, u16, Fields, Length, &'static str, &'static str, bool);

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_KEPT: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

#[tokio::test]
async fn every_response_says_where_it_ends() {
    let five: Fields = &[("content-length", "5")];
    let wrong: Fields = &[("Content-Length", "7"), ("content-length", "5")];
    let hops: Fields = &[("Transfer-Encoding", "chunked"), ("Connection", "x"), ("Keep-Alive", "y")];
    #[rustfmt::skip]
    let cases: &[Case] = &[
        (GET, 200, &[], Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\n\r\nhello", true),
        (GET, 200, five, Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\n\r\nhello", true),
        (GET, 200, wrong, Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\n\r\nhello", true),
        (GET, 200, hops, Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\n\r\nhello", true),
        (GET, 200, five, Length::Empty, "", "200 OK\r\ncontent-length: 0\r\n\r\n", true),
        (GET, 200, five, Length::Unknown, "hello", "200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true),
        (GET, 204, five, Length::Empty, "", "204 No Content\r\n\r\n", true),
        (GET, 204, &[], Length::Unknown, "hello", "204 No Content\r\n\r\n", true),
        (GET, 304, five, Length::Empty, "", "304 Not Modified\r\ncontent-length: 5\r\n\r\n", true),
        (GET, 304, &[], Length::Empty, "", "304 Not Modified\r\n\r\n", true),
        (GET, 299, &[("x", "y")], Length::Empty, "", "299 \r\nx: y\r\ncontent-length: 0\r\n\r\n", true),
        (HEAD, 200, five, Length::Empty, "", "200 OK\r\ncontent-length: 5\r\n\r\n", true),
        (HEAD, 200, &[], Length::Empty, "", "200 OK\r\n\r\n", true),
        (HEAD, 200, &[], Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\n\r\n", true),
        (HEAD, 200, &[], Length::Unknown, "hello", "200 OK\r\n\r\n", true),
        (OLD, 200, &[], Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", false),
        (OLD_KEPT, 200, &[], Length::Known(5), "hello", "200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello", true),
        (OLD_KEPT, 200, five, Length::Unknown, "hello", "200 OK\r\nconnection: close\r\n\r\nhello", false),
    ];
    for (request, status, fields, length, body, wanted, kept) in cases {
        let got = answered(request, head(*status, fields), *length, body).await;
        assert_eq!(got, (format!("HTTP/1.1 {wanted}"), *kept), "{request:?} {status} {fields:?} {length:?}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let mut server = Server::given(concat!(
        "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\nX-Sum: 6\r\n\r\n",
        "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ))
    .await;
    for (target, length, body) in [
        ("/1", Length::Known(3), "abc"),
        ("/2", Length::Unknown, "def[\"X-Sum=6\"]"),
        ("/3", Length::Empty, ""),
    ] {
        let incoming = server.request().await;
        assert_eq!((&*incoming.head.target, incoming.length), (target, length));
        assert_eq!(server.body().await.unwrap(), body);
        assert!(!server.gone().await, "more requests are no sign of a client that left");
        let kept = server.answer(&head(200, &[]), Length::Known(2), "ok").await;
        assert_eq!(kept, target != "/3");
        let close = if kept { "" } else { "connection: close\r\n" };
        let wanted = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{close}\r\nok");
        expect(&mut server.peer, &wanted).await;
    }
}

#[tokio::test]
async fn fields_of_the_connection_are_taken_off() {
    let mut server = Server::given(concat!(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Mine, host, content-length\r\nX-Mine: 1\r\n",
        "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: websocket\r\nX-Yours: 2\r\n\r\n",
    ))
    .await;
    let incoming = server.request().await;
    assert_eq!(texts(&incoming.head.headers), ["Host=h", "TE=trailers", "X-Yours=2"]);
    assert!(!incoming.wants_upgrade, "Connection does not name it");
}

#[tokio::test]
async fn an_upgrade_is_passed_on_unless_it_is_to_http2() {
    for (protocol, wanted) in [("websocket", true), ("h2c", false), ("websocket, H2C/1", false)] {
        let text = format!(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nHTTP2-Settings: x\r\n\r\n"
        );
        let mut server = Server::given(&text).await;
        let incoming = server.request().await;
        assert_eq!(incoming.wants_upgrade, wanted, "{protocol}");
        assert_eq!(incoming.head.headers.contains("upgrade"), wanted, "{protocol}");
        assert!(!incoming.head.headers.contains("http2-settings"));
    }
}

#[tokio::test]
async fn the_target_overrides_the_host_field() {
    for (line, host) in [("GET http://a:1/p HTTP/1.1", "a:1"), ("CONNECT b:2 HTTP/1.1", "b:2")] {
        let mut server = Server::given(&format!("{line}\r\nHost: other\r\nX: 1\r\n\r\n")).await;
        let incoming = server.request().await;
        assert_eq!(&*incoming.head.authority, host);
        assert_eq!(texts(&incoming.head.headers), [format!("Host={host}"), "X=1".to_owned()]);
    }
}

#[tokio::test]
async fn an_upgraded_connection_carries_plain_bytes_both_ways() {
    let mut server = Server::given(
        "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly",
    )
    .await;
    assert!(server.request().await.wants_upgrade);
    assert!(!server.gone().await);
    server.connection.send_head(&head(101, &[("Upgrade", "websocket")]), Length::Tunnel);
    server.connection.send_data(Bytes::from_static(b"from the server")).unwrap();
    server.flush().await.unwrap();
    let wanted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\nfrom the server";
    expect(&mut server.peer, wanted).await;
    server.peer.write_all(b" and late").await.unwrap();
    server.peer.shutdown().await.unwrap();
    assert_eq!(server.body().await.unwrap(), "early and late");
    server.connection.send_data(Bytes::from_static(b", bye")).unwrap();
    server.connection.send_end(None).unwrap();
    soon(poll_fn(|cx| server.connection.poll_shutdown(cx))).await;
    assert_eq!(rest(&mut server.peer).await, ", bye");
    assert!(!server.connection.finish());
}

#[tokio::test]
async fn a_refused_connect_ends_the_connection() {
    let request = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let (text, kept) = answered(request, head(403, &[]), Length::Empty, "").await;
    assert_eq!(text, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert!(!kept);
}

#[tokio::test]
async fn an_answer_before_the_whole_request_ends_the_connection() {
    let request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc";
    let (text, kept) = answered(request, head(413, &[]), Length::Empty, "").await;
    assert_eq!(text, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert!(!kept);
}

#[tokio::test]
async fn a_response_that_was_not_sent_whole_ends_the_connection() {
    let mut server = Server::given(GET).await;
    server.request().await;
    server.connection.send_head(&head(200, &[]), Length::Known(5));
    server.flush().await.unwrap();
    assert!(!server.connection.finish());
    server.connection.send_data(Bytes::from_static(b"toolong")).unwrap_err();
    server.connection.send_end(None).unwrap_err();
}

#[tokio::test]
async fn a_malformed_request_after_a_head_is_answered_with_a_body() {
    let mut server = Server::given(&format!("{HEAD}bad\r\n\r\n")).await;
    server.request().await;
    assert!(server.answer(&head(200, &[]), Length::Known(9), "").await);
    let error = server.next().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::BadRequest(400), RetrySafety::No));
    server.connection.close_after();
    assert!(!server.answer(&head(400, &[]), Length::Known(3), "why").await);
    let Server { mut peer, connection } = server;
    drop(connection);
    assert!(rest(&mut peer).await.ends_with("content-length: 3\r\nconnection: close\r\n\r\nwhy"));
}

#[tokio::test]
async fn informational_heads_come_first_but_not_over_http10() {
    let early = || head(103, &[("Link", "</a>"), ("Content-Length", "0")]);
    for (request, wanted) in [(GET, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), (OLD_KEPT, "")] {
        let mut server = Server::given(request).await;
        server.request().await;
        server.connection.send_informational(&early());
        assert!(server.answer(&head(204, &[]), Length::Empty, "").await);
        let Server { mut peer, connection } = server;
        drop(connection);
        let text = rest(&mut peer).await;
        assert!(text.starts_with(&format!("{wanted}HTTP/1.1 204")), "{text}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_it_waits() {
    let mut server = Server::given(GET).await;
    server.request().await;
    assert!(!server.gone().await);
    server.peer.write_all(b"GET /next").await.unwrap();
    assert!(!server.gone().await);
    drop(std::mem::replace(&mut server.peer, pair().0));
    soon(poll_fn(|cx| server.connection.poll_gone(cx))).await;
}

#[tokio::test]
async fn a_client_that_sends_ahead_is_read_no_further_than_a_limit() {
    let mut server = Server::given(GET).await;
    server.request().await;
    let sender = std::mem::replace(&mut server.peer, pair().0);
    let sending = tokio::spawn(async move {
        let (mut sender, ahead) = (sender, bytes(2 << 20));
        sender.write_all(&ahead).await
    });
    // The peer is done when it has sent everything, which it can't; it is given every chance.
    for _ in 0..1000 {
        assert!(!server.gone().await);
        tokio::task::yield_now().await;
    }
    assert!(!sending.is_finished());
    let held = server.connection.transport.input.capacity();
    assert!(held <= 3 * mecha_net::buffer::LARGE, "{held} bytes are held");
    drop(server);
    sending.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_request_that_ends_in_the_middle_is_nobodys_request() {
    let mut server = Server::given("GET / HT").await;
    server.peer.shutdown().await.unwrap();
    assert_eq!(server.next().await.unwrap_err().kind(), Kind::ClientGone);
    let mut server = Server::given("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc").await;
    server.peer.shutdown().await.unwrap();
    server.request().await;
    assert_eq!(server.body().await.unwrap_err().kind(), Kind::ClientGone);
    let mut server = Server::new();
    server.peer.shutdown().await.unwrap();
    assert!(server.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_response_up() {
    let mut server = Server::given(GET).await;
    server.request().await;
    server.connection.send_head(&head(200, &[]), Length::Unknown);
    let piece = bytes(16 << 10);
    let mut given = 0;
    // The kernel takes some of it; then there is no room any more.
    loop {
        let flushed = poll_fn(|cx| Poll::Ready(server.connection.poll_flush(cx).is_ready())).await;
        if !server.connection.has_room() {
            assert!(!flushed);
            break;
        }
        server.connection.send_data(piece.clone()).unwrap();
        given += piece.len();
        assert!(given < 64 << 20, "nothing holds it up");
    }
    server.connection.send_end(None).unwrap();
    let Server { mut peer, mut connection } = server;
    let flush = async move {
        poll_fn(|cx| connection.poll_flush(cx)).await.unwrap();
        assert!(connection.finish());
    };
    let mut got = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut peer, &mut got);
    let (_, read) = soon(async { tokio::join!(flush, read) }).await;
    read.unwrap();
    assert!(got.len() > given);
    assert!(got.ends_with(b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn what_a_client_still_sends_is_dropped_up_to_a_limit() {
    let mut server = Server::given("hello").await;
    server.peer.shutdown().await.unwrap();
    let mut left = 100;
    soon(poll_fn(|cx| server.connection.poll_discard(cx, &mut left))).await;
    assert_eq!(left, 95);
    let mut server = Server::given("hello").await;
    left = 3;
    soon(poll_fn(|cx| server.connection.poll_discard(cx, &mut left))).await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_request_that_fills_the_buffer_leaves_none_behind() {
    // A read that fills its buffer can't tell whether there is more: the next one is made in vain.
    let head_of =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length:04}\r\n\r\n");
    let length = mecha_net::buffer::SMALL - head_of(0).len();
    let mut server = Server::given(&(head_of(length) + &"x".repeat(length))).await;
    server.request().await;
    assert_eq!(server.body().await.unwrap().len(), length);
    assert!(server.answer(&head(204, &[]), Length::Empty, "").await);
    assert!(poll_fn(|cx| Poll::Ready(server.connection.poll_request(cx).is_pending())).await);
    assert_eq!(server.connection.transport.held(), (0, 0));
}

#[tokio::test]
async fn an_idle_connection_is_small_and_holds_no_buffer() {
    let mut server = Server::given(GET).await;
    server.request().await;
    assert!(server.answer(&head(200, &[]), Length::Known(2), "ok").await);
    assert!(poll_fn(|cx| Poll::Ready(server.connection.poll_request(cx).is_pending())).await);
    let transport = &server.connection.transport;
    assert_eq!(transport.input.capacity(), 0);
    assert_eq!(transport.output.held(), 0);
    // Thousands are kept; who adds to it should know.
    assert!(size_of::<ServerConnection>() <= 248, "{} bytes", size_of::<ServerConnection>());
}
