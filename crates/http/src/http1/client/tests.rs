//! What a server sees of the client end, and what comes of its answers.

use std::future::poll_fn;

use bytestring::ByteString;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::*;
use crate::tests::{Fields, bytes, expect, pair, soon, texts};

struct Client {
    peer: UnixStream,
    connection: ClientConnection,
}

impl Client {
    fn new() -> Self {
        let (peer, io) = pair();
        Client { peer, connection: ClientConnection::new(io, Arc::default()) }
    }

    /// One that has sent a request.
    async fn asked(method: Method, length: Length) -> Self {
        let mut client = Client::new();
        client.ask(method, length, false).await;
        client
    }

    async fn ask(&mut self, method: Method, length: Length, upgrade: bool) {
        self.connection.send_head(&request(method, &[]), RequestOptions { length, upgrade });
        soon(poll_fn(|cx| self.connection.poll_flush(cx))).await;
    }

    async fn says(&mut self, text: &str) {
        self.peer.write_all(text.as_bytes()).await.unwrap();
    }

    async fn head(&mut self) -> Result<(ResponseHead, Length)> {
        soon(poll_fn(|cx| self.connection.poll_head(cx))).await
    }

    /// The body, trailers in brackets.
    async fn body(&mut self) -> Result<String> {
        let mut body = String::new();
        while let Some(frame) = soon(poll_fn(|cx| self.connection.poll_recv(cx))).await? {
            match frame {
                Frame::Data(data) => body.push_str(std::str::from_utf8(&data).unwrap()),
                Frame::Trailers(trailers) => body.push_str(&format!("{:?}", texts(&trailers))),
            }
        }
        Ok(body)
    }
}

fn request(method: Method, fields: &[(&str, &str)]) -> RequestHead {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    RequestHead {
        version: Version::Http11,
        method,
        authority: ByteString::from_static("h:1"),
        target: ByteString::from_static("/p?q"),
        headers,
        rpc: None,
    }
}

#[tokio::test]
async fn every_request_says_where_it_ends() {
    let five: Fields = &[("content-length", "5")];
    let zero: Fields = &[("content-length", "0")];
    let hops: Fields = &[("Transfer-Encoding", "gzip"), ("Connection", "x"), ("Upgrade", "y"), ("X", "1")];
    #[rustfmt::skip]
    let cases: &[(Method, Fields, Length, &str)] = &[
        (Method::GET, &[], Length::Empty, "GET /p?q HTTP/1.1\r\nhost: h:1\r\n\r\n"),
        (Method::GET, &[("Host", "h:1")], Length::Empty, "GET /p?q HTTP/1.1\r\nHost: h:1\r\n\r\n"),
        (Method::GET, &[("Host", "h:1"), ("host", "x")], Length::Empty, "GET /p?q HTTP/1.1\r\nHost: h:1\r\n\r\n"),
        // Announced by a client that then ended its HTTP/2 stream at once, say; the upstream would wait for it.
        (Method::GET, five, Length::Empty, "GET /p?q HTTP/1.1\r\nhost: h:1\r\n\r\n"),
        (Method::DELETE, zero, Length::Empty, "DELETE /p?q HTTP/1.1\r\nhost: h:1\r\ncontent-length: 0\r\n\r\n"),
        (Method::POST, &[], Length::Empty, "POST /p?q HTTP/1.1\r\nhost: h:1\r\ncontent-length: 0\r\n\r\n"),
        (Method::POST, five, Length::Known(5), "POST /p?q HTTP/1.1\r\nhost: h:1\r\ncontent-length: 5\r\n\r\n"),
        (Method::POST, zero, Length::Known(5), "POST /p?q HTTP/1.1\r\nhost: h:1\r\ncontent-length: 5\r\n\r\n"),
        (Method::POST, five, Length::Unknown, "POST /p?q HTTP/1.1\r\nhost: h:1\r\ntransfer-encoding: chunked\r\n\r\n"),
        (Method::GET, hops, Length::Empty, "GET /p?q HTTP/1.1\r\nhost: h:1\r\nX: 1\r\n\r\n"),
        (Method::GET, &[("te", "trailers")], Length::Empty, "GET /p?q HTTP/1.1\r\nhost: h:1\r\nte: trailers\r\nconnection: te\r\n\r\n"),
        (Method::CONNECT, five, Length::Tunnel, "CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n"),
    ];
    for (method, fields, length, wanted) in cases {
        let mut client = Client::new();
        let options = RequestOptions { length: *length, upgrade: false };
        client.connection.send_head(&request(method.clone(), fields), options);
        soon(poll_fn(|cx| client.connection.poll_flush(cx))).await;
        soon(poll_fn(|cx| client.connection.poll_shutdown(cx))).await;
        assert_eq!(crate::tests::rest(&mut client.peer).await, *wanted, "{fields:?} {length:?}");
    }
}

#[tokio::test]
async fn every_response_ends_where_it_says_and_the_connection_with_it_where_it_must() {
    #[rustfmt::skip]
    let cases: &[(Method, &str, Length, &str, bool)] = &[
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Length::Known(5), "hello", true),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", Length::Known(5), "hello", false),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Length::Empty, "", true),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Length::Empty, "", false),
        (Method::GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: 1\r\n\r\n", Length::Unknown, "hello[\"X=1\"]", true),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n", Length::Empty, "", true),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Length::Empty, "", true),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Length::Empty, "", true),
        (Method::GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", Length::Known(5), "hello", false),
        (Method::GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", Length::Known(5), "hello", true),
        (Method::CONNECT, "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello", Length::Known(5), "hello", true),
    ];
    for (method, response, length, body, reusable) in cases {
        let mut client = Client::asked(method.clone(), Length::Empty).await;
        client.says(response).await;
        assert_eq!(client.head().await.unwrap().1, *length, "{response}");
        assert_eq!(client.body().await.unwrap(), *body, "{response}");
        assert!(client.connection.is_received());
        assert_eq!(client.connection.is_reusable(), *reusable, "{response}");
    }
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    let mut client = Client::asked(Method::GET, Length::Empty).await;
    client.says("HTTP/1.1 200 Fine\r\n\r\nhello").await;
    client.peer.shutdown().await.unwrap();
    let (head, length) = client.head().await.unwrap();
    assert_eq!((head.reason.as_deref(), length), (Some(&b"Fine"[..]), Length::Unknown));
    assert_eq!(client.body().await.unwrap(), "hello");
    assert!(!client.connection.is_reusable());
}

#[tokio::test]
async fn a_response_that_is_cut_is_an_error() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n",
    ] {
        let mut client = Client::asked(Method::GET, Length::Empty).await;
        client.says(response).await;
        client.peer.shutdown().await.unwrap();
        client.head().await.unwrap();
        assert_eq!(client.body().await.unwrap_err().kind(), Kind::UpstreamReset, "{response}");
    }
}

#[tokio::test]
async fn only_a_reused_connection_that_never_answered_is_a_keep_alive_race() {
    let mut client = Client::asked(Method::GET, Length::Empty).await;
    client.peer.shutdown().await.unwrap();
    let error = client.head().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::UpstreamReset, RetrySafety::Policy));
    for (said, retry) in [
        ("", RetrySafety::ReusedOnly),
        ("HTTP/1.1 2", RetrySafety::Policy),
        ("HTTP/1.1 100 Continue\r\n\r\n", RetrySafety::Policy),
    ] {
        let mut client = Client::asked(Method::GET, Length::Empty).await;
        client.says("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.head().await.unwrap();
        assert!(client.connection.is_reusable());
        client.ask(Method::POST, Length::Empty, false).await;
        client.says(said).await;
        client.peer.shutdown().await.unwrap();
        let error = match client.head().await {
            Ok(_) => client.head().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!((error.kind(), error.retry()), (Kind::UpstreamReset, retry), "{said:?}");
    }
}

#[tokio::test]
async fn an_answer_counts_although_the_upstream_reads_no_more() {
    let mut client = Client::asked(Method::POST, Length::Known(1 << 20)).await;
    expect(&mut client.peer, "POST /p?q HTTP/1.1\r\nhost: h:1\r\ncontent-length: 1048576\r\n\r\n").await;
    client.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    let peer = std::mem::replace(&mut client.peer, pair().0).into_std().unwrap();
    peer.shutdown(std::net::Shutdown::Read).unwrap();
    for piece in 0..16 {
        assert!(client.connection.has_room(), "piece {piece} has to wait");
        client.connection.send_data(bytes(64 << 10)).unwrap();
        soon(poll_fn(|cx| client.connection.poll_flush(cx))).await;
    }
    client.connection.send_end(None).unwrap();
    assert_eq!(client.head().await.unwrap().0.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(client.body().await.unwrap(), "big");
    assert!(!client.connection.is_reusable());
}

#[tokio::test]
async fn a_body_that_upstream_did_not_wait_for_ends_the_connection() {
    let mut client = Client::asked(Method::POST, Length::Unknown).await;
    client.connection.send_data(Bytes::from_static(b"abc")).unwrap();
    client.says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    client.head().await.unwrap();
    assert!(!client.connection.is_reusable());
    client.connection.send_end(None).unwrap();
    assert!(!client.connection.is_reusable(), "it was not written yet");
    soon(poll_fn(|cx| client.connection.poll_flush(cx))).await;
    assert!(client.connection.is_reusable());
    let wanted = "POST /p?q HTTP/1.1\r\nhost: h:1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    expect(&mut client.peer, wanted).await;
}

#[tokio::test]
async fn informational_heads_come_first_and_not_without_end() {
    let mut client = Client::asked(Method::GET, Length::Empty).await;
    client.says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().0.status, StatusCode::CONTINUE);
    let (head, length) = client.head().await.unwrap();
    assert_eq!((head.status.as_u16(), length), (103, Length::Empty));
    assert!(!client.connection.is_received());
    client.says("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().0.status, StatusCode::NO_CONTENT);
    assert!(client.connection.is_reusable());

    client.ask(Method::GET, Length::Empty, false).await;
    client.says(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(100)).await;
    let mut heads = 0;
    let error = loop {
        match client.head().await {
            Ok(_) => heads += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), heads), (Kind::UpstreamProtocol, MOST_INTERIM));
}

#[tokio::test]
async fn a_switch_of_protocols_must_have_been_asked_for() {
    const SWITCH: &str =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi";
    for (length, upgrade, tunnel) in [
        (Length::Empty, true, true),
        (Length::Empty, false, false),
        // Half of the request would become a part of the tunnel.
        (Length::Known(5), true, false),
    ] {
        let mut client = Client::new();
        client.ask(Method::GET, length, upgrade).await;
        client.says(SWITCH).await;
        let answer = client.head().await;
        assert!(!client.connection.is_reusable());
        if !tunnel {
            assert_eq!(answer.unwrap_err().kind(), Kind::UpstreamProtocol);
            continue;
        }
        let (head, length) = answer.unwrap();
        assert_eq!((texts(&head.headers), length), (vec!["Upgrade=websocket".to_owned()], Length::Tunnel));
        client.peer.shutdown().await.unwrap();
        assert_eq!(client.body().await.unwrap(), "hi");
    }
}

#[tokio::test]
async fn a_tunnel_ends_one_half_at_a_time() {
    let mut client = Client::asked(Method::CONNECT, Length::Tunnel).await;
    expect(&mut client.peer, "CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n").await;
    client.says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().1, Length::Tunnel);
    client.connection.send_data(Bytes::from_static(b"ping")).unwrap();
    client.connection.send_end(None).unwrap();
    soon(poll_fn(|cx| client.connection.poll_shutdown(cx))).await;
    assert_eq!(crate::tests::rest(&mut client.peer).await, "ping");
    client.says("longer than what Content-Length said").await;
    client.peer.shutdown().await.unwrap();
    assert_eq!(client.body().await.unwrap(), "longer than what Content-Length said");
    assert!(!client.connection.is_reusable());
}

#[tokio::test]
async fn a_request_must_be_as_long_as_announced() {
    let mut client = Client::asked(Method::POST, Length::Known(5)).await;
    client.connection.send_data(Bytes::from_static(b"abc")).unwrap();
    let error = client.connection.send_end(None).unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::BadRequest(400), RetrySafety::No));
    let mut client = Client::asked(Method::POST, Length::Known(5)).await;
    client.connection.send_data(Bytes::from_static(b"abcdef")).unwrap_err();
}

#[tokio::test]
async fn an_idle_connection_is_small_holds_no_buffer_and_shows_when_it_is_stale() {
    let mut client = Client::asked(Method::GET, Length::Empty).await;
    client.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    client.head().await.unwrap();
    assert_eq!(client.body().await.unwrap(), "ok");
    assert!(client.connection.is_reusable());
    client.connection.release();
    let transport = &client.connection.transport;
    assert_eq!((transport.input.capacity(), transport.output.held()), (0, 0));
    assert!(!client.connection.is_stale());
    client.peer.shutdown().await.unwrap();
    soon(poll_fn(|cx| client.connection.transport.io.poll_readable(cx))).await.unwrap();
    assert!(client.connection.is_stale());
    // Thousands are kept; who adds to it should know.
    assert!(size_of::<ClientConnection>() <= 256, "{} bytes", size_of::<ClientConnection>());
}
