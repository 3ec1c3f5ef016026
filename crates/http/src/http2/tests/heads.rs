//! Heads on the wire: what an HTTP/2 client may say, what an HTTP/1 request becomes.

use h2::Reason;
use tokio::sync::mpsc;

use super::*;

/// What our server end makes of a request; or the reason it was reset with.
async fn received(request: http::Request<()>) -> std::result::Result<(RequestHead, Length), Option<Reason>> {
    let (peer, io) = pair();
    let (tell, mut told) = mpsc::unbounded_channel();
    serve(io, options(), move |head, length, mut stream| {
        tell.send((head, length)).unwrap();
        stream.send_head(response(200, &[]), Length::Empty).unwrap();
        async {}
    });
    let mut send = bare_client(peer, &h2::client::Builder::new()).await;
    let (answer, _) = send.send_request(request, true).unwrap();
    match soon(answer).await {
        Ok(_) => Ok(soon(told.recv()).await.unwrap()),
        Err(error) => Err(error.reason()),
    }
}

#[tokio::test]
async fn a_request_becomes_one_that_http1_could_carry() {
    let request = http::Request::post("http://a:1/p%20q?r=%2F")
        .header("cookie", "a=1")
        .header("host", "elsewhere")
        .header("x-one", "1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (head, length) = received(request).await.unwrap();
    assert_eq!((head.version, &*head.authority, &*head.target), (Version::Http2, "a:1", "/p%20q?r=%2F"));
    assert_eq!(length, Length::Empty);
    let mut fields = texts(&head.headers);
    fields.sort();
    assert_eq!(fields, ["cookie=a=1; b=2", "te=trailers", "x-one=1"]);
}

#[tokio::test]
async fn a_host_field_stands_in_for_a_missing_authority() {
    let with = |host: &str| {
        let mut request = http::Request::get("/").header("host", host).body(()).unwrap();
        // Without an authority, `h2` takes it as one that comes from HTTP/1.
        *request.version_mut() = http::Version::HTTP_11;
        request
    };
    let (head, _) = received(with("a:1")).await.unwrap();
    assert_eq!((&*head.authority, head.headers.len()), ("a:1", 0));
    assert_eq!(&*received(with("")).await.unwrap().0.authority, "");
    for host in ["a b", "a/b", "u@a", "a\tb"] {
        assert_eq!(received(with(host)).await.unwrap_err(), Some(Reason::PROTOCOL_ERROR), "{host:?}");
    }
    let mut twice = with("a");
    twice.headers_mut().append("host", "b".parse().unwrap());
    assert_eq!(received(twice).await.unwrap_err(), Some(Reason::PROTOCOL_ERROR));
}

#[tokio::test]
async fn what_http1_would_not_let_through_does_not_come_by_http2() {
    for uri in ["http://user@a/", "http://u:p@a:1/x", "http://a?no-path"] {
        let request = http::Request::get(uri).body(()).unwrap();
        assert_eq!(received(request).await.unwrap_err(), Some(Reason::PROTOCOL_ERROR), "{uri}");
    }
    let asterisk = |method: &str| {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(http::uri::Scheme::HTTP);
        parts.authority = Some("a".parse().unwrap());
        parts.path_and_query = Some("*".parse().unwrap());
        http::Request::builder().method(method).uri(http::Uri::from_parts(parts).unwrap()).body(()).unwrap()
    };
    assert_eq!(&*received(asterisk("OPTIONS")).await.unwrap().0.target, "*");
    assert_eq!(received(asterisk("GET")).await.unwrap_err(), Some(Reason::PROTOCOL_ERROR));
}

/// What a bare server makes of a request that our client end sends.
async fn sent(head: RequestHead, length: Length) -> http::request::Parts {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let _stream = connection.send_head(head, length).unwrap();
    accept(&mut server).await.0.into_parts().0
}

fn fields(parts: &http::request::Parts) -> Vec<String> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}={}", value.to_str().unwrap())
    };
    let mut fields: Vec<_> = parts.headers.iter().map(field).collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn a_request_from_http1_leaves_its_connection_behind() {
    let head = request(
        Method::POST,
        &[
            ("Host", "h:1"),
            ("Connection", "x"),
            ("Upgrade", "websocket"),
            ("Keep-Alive", "5"),
            ("HTTP2-Settings", "x"),
            ("Transfer-Encoding", "chunked"),
            ("TE", "gzip"),
            ("Content-Length", "7"),
            ("X-One", "1"),
        ],
    );
    let parts = sent(head.clone(), Length::Known(5)).await;
    assert_eq!(parts.uri.to_string(), "http://h:1/p?q");
    assert_eq!(fields(&parts), ["content-length=5", "x-one=1"]);
    assert_eq!(fields(&sent(head.clone(), Length::Unknown).await), ["x-one=1"]);
    assert_eq!(fields(&sent(head, Length::Empty).await), ["x-one=1"]);
}

#[tokio::test]
async fn a_request_without_an_authority_can_be_sent() {
    let mut head = request(Method::GET, &[]);
    head.authority = ByteString::new();
    head.version = Version::Http10;
    let parts = sent(head, Length::Empty).await;
    assert_eq!((parts.uri.authority(), parts.uri.path()), (None, "/p"));
}

#[tokio::test]
async fn fields_that_http2_forbids_can_not_be_added() {
    let request = http::Request::get("http://a/").body(()).unwrap();
    let (mut head, _) = received(request).await.unwrap();
    for (name, value) in
        [("connection", "close"), ("upgrade", "x"), ("transfer-encoding", "chunked"), ("te", "gzip")]
    {
        assert!(head.headers.append(name, value.as_bytes()).is_err(), "{name}");
        assert!(head.headers.set(name, value.as_bytes()).is_err(), "{name}");
    }
    assert!(head.headers.append("te", b"trailers").is_ok());
    assert_eq!(fields(&sent(head, Length::Empty).await), ["te=trailers"]);
}
