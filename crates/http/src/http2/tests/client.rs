//! The client end against a bare server: resets, GOAWAY, informational heads, early answers.

use h2::Reason;
use mecha_base::{Error, Kind, RetrySafety};

use super::*;
use crate::http2::reason_for;

fn get(connection: &mut ClientConnection) -> ClientStream {
    connection.send_head(request(Method::GET, &[]), Length::Empty).unwrap()
}

fn verdict(error: &Error) -> (Kind, RetrySafety) {
    (error.kind(), error.retry())
}

#[tokio::test]
async fn only_what_the_server_says_it_did_not_process_is_safe_to_send_again() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut answers = Vec::new();
    for reason in [Reason::REFUSED_STREAM, Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let stream = get(&mut connection);
        let (_, mut respond) = accept(&mut server).await;
        respond.send_reset(reason);
        answers.push((stream, reason));
    }
    drive(server);
    for (mut stream, reason) in answers {
        let error = head(&mut stream).await.unwrap_err();
        let retry = if reason == Reason::REFUSED_STREAM { RetrySafety::Safe } else { RetrySafety::Policy };
        assert_eq!(verdict(&error), (Kind::UpstreamReset, retry), "{reason}");
    }
}

#[tokio::test]
async fn a_stream_that_goaway_leaves_out_is_safe_to_send_again_and_others_are_not() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut first = get(&mut connection);
    let (_request, _respond) = accept(&mut server).await;
    server.abrupt_shutdown(Reason::NO_ERROR);
    // On its way while the server says good-bye.
    let mut second = get(&mut connection);
    let server = drive(server);
    assert_eq!(verdict(&head(&mut second).await.unwrap_err()), (Kind::UpstreamReset, RetrySafety::Safe));
    assert_eq!(verdict(&head(&mut first).await.unwrap_err()), (Kind::UpstreamReset, RetrySafety::Policy));
    soon(server).await.unwrap();
    let error = soon(poll_fn(|cx| connection.poll_ready(cx))).await.unwrap_err();
    assert_eq!(verdict(&error), (Kind::ConnectFailed, RetrySafety::Safe));
    let error = connection.send_head(request(Method::GET, &[]), Length::Empty).map(drop).unwrap_err();
    assert_eq!(verdict(&error), (Kind::ConnectFailed, RetrySafety::Safe));
}

#[tokio::test]
async fn a_graceful_goaway_lets_the_open_streams_finish() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut stream = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    server.graceful_shutdown();
    let server = drive(server);
    // The handle says so as soon as it knows.
    soon(async {
        while poll_fn(|cx| connection.poll_ready(cx)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"bye"), true).unwrap();
    head(&mut stream).await.unwrap();
    assert_eq!(stream.body().await.unwrap().0, b"bye");
    drop((stream, body, respond));
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_is_a_reset_that_a_policy_decides_on() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut stream = get(&mut connection);
    accept(&mut server).await;
    drop(server);
    assert_eq!(verdict(&head(&mut stream).await.unwrap_err()), (Kind::UpstreamReset, RetrySafety::Policy));
    assert!(soon(poll_fn(|cx| connection.poll_ready(cx))).await.is_err());
}

#[tokio::test]
async fn a_reset_in_the_middle_is_told_and_passed_on() {
    for (reason, passed) in [
        (Reason::CANCEL, Reason::CANCEL),
        (Reason::ENHANCE_YOUR_CALM, Reason::ENHANCE_YOUR_CALM),
        // A part of the response is out: "not processed" and "no error" would be lies.
        (Reason::REFUSED_STREAM, Reason::INTERNAL_ERROR),
        (Reason::NO_ERROR, Reason::INTERNAL_ERROR),
    ] {
        let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
        let mut stream = get(&mut connection);
        let (_, mut respond) = accept(&mut server).await;
        let mut body = respond.send_response(http::Response::new(()), false).unwrap();
        drive(server);
        assert_eq!(head(&mut stream).await.unwrap().1, Length::Unknown);
        body.send_reset(reason);
        let error = stream.body().await.unwrap_err();
        assert_eq!(verdict(&error), (Kind::UpstreamReset, RetrySafety::Policy));
        assert_eq!(reason_for(&error), passed);
    }
}

#[tokio::test]
async fn a_response_that_breaks_a_rule_is_the_servers_fault_and_was_processed() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut stream = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    let head = http::Response::builder().header("content-length", "10").body(()).unwrap();
    let mut body = respond.send_response(head, false).unwrap();
    body.send_data(Bytes::from_static(b"short"), true).unwrap();
    drive(server);
    assert_eq!(super::head(&mut stream).await.unwrap().1, Length::Known(10));
    let error = stream.body().await.unwrap_err();
    assert_eq!(verdict(&error), (Kind::UpstreamProtocol, RetrySafety::Policy));
    assert_eq!(reason_for(&error), Reason::INTERNAL_ERROR);
}

#[tokio::test]
async fn letting_go_of_a_stream_cancels_it() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let stream = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    drop(stream);
    drive(server);
    assert_eq!(soon(poll_fn(|cx| respond.poll_reset(cx))).await.unwrap(), Reason::CANCEL);
    let mut stream = get(&mut connection);
    stream.reset(Reason::ENHANCE_YOUR_CALM);
    assert!(head(&mut stream).await.is_err());
}

#[tokio::test]
async fn informational_heads_come_first_and_not_without_end() {
    let interim = |status: u16| {
        let head = http::Response::builder().status(status).header("link", "</a>").body(());
        head.unwrap()
    };
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut stream = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    respond.send_informational(interim(100)).unwrap();
    respond.send_informational(interim(103)).unwrap();
    respond.send_response(http::Response::new(()), true).unwrap();
    let mut flooded = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    for _ in 0..100 {
        respond.send_informational(interim(103)).unwrap();
    }
    let mut switched = get(&mut connection);
    let (_, mut respond) = accept(&mut server).await;
    respond.send_informational(interim(101)).unwrap();
    drive(server);

    for status in [100, 103] {
        let (head, length) = head(&mut stream).await.unwrap();
        assert_eq!((head.status.as_u16(), length), (status, Length::Empty));
        assert_eq!(texts(&head.headers), ["link=</a>"]);
    }
    let (last, length) = head(&mut stream).await.unwrap();
    assert_eq!((last.status.as_u16(), length), (200, Length::Empty));
    assert!(stream.is_received());
    let mut heads = 0;
    let error = loop {
        match head(&mut flooded).await {
            Ok(_) => heads += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), heads), (Kind::UpstreamProtocol, 32));
    assert_eq!(head(&mut switched).await.unwrap_err().kind(), Kind::UpstreamProtocol);
}

#[tokio::test]
async fn an_answer_counts_although_the_server_wants_no_more_of_the_request() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut stream = connection.send_head(request(Method::POST, &[]), Length::Unknown).unwrap();
    let (incoming, mut respond) = accept(&mut server).await;
    stream.send_data(bytes(1 << 20), false);
    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"enough"), true).unwrap();
    // Letting go of all of it resets the stream with NO_ERROR (RFC 9113 section 8.1).
    drop((incoming, respond, body));
    drive(server);
    soon(poll_fn(|cx| stream.poll_flush(cx))).await;
    // What is left of the request goes nowhere, but does not stand still.
    for _ in 0..3 {
        assert!(stream.has_room());
        send_all(&mut stream, bytes(1000), None).await;
    }
    stream.send_end(Some(trailer()));
    soon(poll_fn(|cx| stream.poll_flush(cx))).await;
    assert_eq!(head(&mut stream).await.unwrap().0.status, StatusCode::OK);
    assert_eq!(stream.body().await.unwrap().0, b"enough");
    assert!(stream.is_received());
}

#[tokio::test]
async fn a_connect_becomes_a_tunnel_unless_refused() {
    for (status, tunnel) in [(200, true), (204, true), (403, false)] {
        let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
        let mut stream = connection.send_head(request(Method::CONNECT, &[]), Length::Tunnel).unwrap();
        let (incoming, mut respond) = accept(&mut server).await;
        assert_eq!(incoming.uri().to_string(), "h:1");
        let answer = http::Response::builder().status(status).body(()).unwrap();
        let mut body = respond.send_response(answer, false).unwrap();
        drive(server);
        let (_, length) = head(&mut stream).await.unwrap();
        assert_eq!(length == Length::Tunnel, tunnel, "{status}");
        send_all(&mut stream, Bytes::from_static(b"ping"), None).await;
        assert_eq!(soon(incoming.into_body().data()).await.unwrap().unwrap(), "ping");
        body.send_data(Bytes::from_static(b"pong"), true).unwrap();
        assert_eq!(stream.body().await.unwrap().0, b"pong");
    }
}
