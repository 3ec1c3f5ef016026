//! The server end against a bare client: resets, bodies that must not be, GOAWAY.

use h2::Reason;
use mecha_base::Kind;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::*;
use crate::tests::Fields;

/// A bare client, and the streams that it opens at our end.
async fn connected() -> (h2::client::SendRequest<Bytes>, mpsc::UnboundedReceiver<(RequestHead, ServerStream)>)
{
    let (peer, io) = pair();
    let (tell, told) = mpsc::unbounded_channel();
    serve(io, options(), move |head, _, stream| {
        tell.send((head, stream)).unwrap();
        async {}
    });
    (bare_client(peer, &h2::client::Builder::new()).await, told)
}

fn post() -> http::Request<()> {
    http::Request::post("http://h:1/").body(()).unwrap()
}

#[tokio::test]
async fn a_client_that_resets_is_gone_before_and_after_the_head() {
    let (mut send, mut told) = connected().await;
    for head_first in [false, true] {
        let (_answer, mut body) = send.send_request(post(), false).unwrap();
        let (_, mut stream) = soon(told.recv()).await.unwrap();
        assert!(poll_fn(|cx| std::task::Poll::Ready(stream.poll_gone(cx).is_pending())).await);
        if head_first {
            stream.send_head(response(200, &[]), Length::Unknown).unwrap();
        }
        body.send_reset(Reason::CANCEL);
        soon(poll_fn(|cx| stream.poll_gone(cx))).await;
        assert_eq!(stream.body().await.unwrap_err().kind(), Kind::ClientGone);
        assert_eq!(stream.send_head(response(200, &[]), Length::Empty).unwrap_err().kind(), Kind::ClientGone);
    }
}

#[tokio::test]
async fn a_reset_reaches_the_client_with_its_reason() {
    let (mut send, mut told) = connected().await;
    let (answer, _) = send.send_request(post(), true).unwrap();
    soon(told.recv()).await.unwrap().1.reset(Reason::REFUSED_STREAM);
    assert_eq!(soon(answer).await.unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
    let (answer, _) = send.send_request(post(), true).unwrap();
    let (_, mut stream) = soon(told.recv()).await.unwrap();
    stream.send_head(response(200, &[]), Length::Unknown).unwrap();
    let mut body = soon(answer).await.unwrap().into_body();
    stream.reset(Reason::ENHANCE_YOUR_CALM);
    assert_eq!(soon(body.data()).await.unwrap().unwrap_err().reason(), Some(Reason::ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn a_response_without_a_body_by_nature_drops_one() {
    #[rustfmt::skip]
    let cases: &[(&str, u16, Fields, Length, Option<&str>)] = &[
        ("HEAD", 200, &[], Length::Known(5), Some("5")),
        ("HEAD", 200, &[("content-length", "7")], Length::Empty, Some("7")),
        ("GET", 204, &[("content-length", "0")], Length::Known(5), None),
        ("GET", 304, &[("content-length", "7")], Length::Empty, Some("7")),
        ("GET", 200, &[("content-length", "7")], Length::Empty, None),
    ];
    let (mut send, mut told) = connected().await;
    for (method, status, fields, length, announced) in cases {
        let request = http::Request::builder().method(*method).uri("http://h:1/").body(()).unwrap();
        let (answer, _) = send.send_request(request, true).unwrap();
        let (_, mut stream) = soon(told.recv()).await.unwrap();
        stream.send_head(response(*status, fields), *length).unwrap();
        stream.send_data(Bytes::from_static(b"hello"), true);
        soon(poll_fn(|cx| stream.poll_flush(cx))).await.unwrap();
        let answer = soon(answer).await.unwrap();
        let said = answer.headers().get("content-length").map(|said| said.to_str().unwrap());
        assert_eq!(said, *announced, "{method} {status}");
        assert!(answer.body().is_end_stream());
    }
}

#[tokio::test]
async fn an_early_answer_tells_the_client_to_stop_without_an_error() {
    let (mut send, mut told) = connected().await;
    let (answer, mut body) = send.send_request(post(), false).unwrap();
    let (_, mut stream) = soon(told.recv()).await.unwrap();
    stream.send_head(response(413, &[]), Length::Empty).unwrap();
    soon(poll_fn(|cx| stream.poll_flush(cx))).await.unwrap();
    drop(stream);
    assert_eq!(soon(answer).await.unwrap().status(), 413);
    assert_eq!(soon(poll_fn(|cx| body.poll_reset(cx))).await.unwrap(), Reason::NO_ERROR);
}

#[tokio::test]
async fn informational_heads_come_before_the_response() {
    let (mut send, mut told) = connected().await;
    let (mut answer, _) = send.send_request(post(), true).unwrap();
    let (_, mut stream) = soon(told.recv()).await.unwrap();
    stream.send_informational(response(103, &[("link", "</a>"), ("content-length", "0")]));
    stream.send_head(response(200, &[]), Length::Empty).unwrap();
    let interim = soon(poll_fn(|cx| answer.poll_informational(cx))).await.unwrap().unwrap();
    assert_eq!((interim.status().as_u16(), interim.headers().len()), (103, 1));
    assert_eq!(soon(answer).await.unwrap().status(), 200);
}

#[tokio::test]
async fn draining_refuses_new_streams_and_finishes_old_ones() {
    let (peer, io) = pair();
    let asking = tokio::spawn(async move {
        let mut send = bare_client(peer, &h2::client::Builder::new()).await;
        let (answer, _) = send.send_request(post(), true).unwrap();
        (send, answer)
    });
    let mut connection = ServerConnection::handshake(io, BytesMut::new(), &options()).await.unwrap();
    let accepted = soon(poll_fn(|cx| connection.poll_accept(cx))).await;
    let (_, _, mut stream) = accepted.unwrap().unwrap();
    connection.shut_down_gracefully();
    let over = tokio::spawn(async move {
        let more = poll_fn(|cx| connection.poll_accept(cx)).await;
        assert!(more.unwrap().is_none());
    });
    let (mut send, answer) = soon(asking).await.unwrap();
    soon(async {
        while poll_fn(|cx| send.poll_ready(cx)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stream.send_head(response(200, &[]), Length::Empty).unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 200);
    drop((stream, send));
    soon(over).await.unwrap();
}

#[tokio::test]
async fn what_detection_has_read_comes_first_and_is_counted() {
    let (mut peer, io) = pair();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    peer.write_all(&preface[10..]).await.unwrap();
    peer.write_all(&settings).await.unwrap();
    let prefix = BytesMut::from(&preface[..10]);
    let mut connection = soon(ServerConnection::handshake(io, prefix, &options())).await.unwrap();
    peer.shutdown().await.unwrap();
    let over = soon(poll_fn(|cx| connection.poll_accept(cx))).await;
    assert!(matches!(over, Ok(None)) || over.is_err_and(|error| error.kind() == Kind::ClientGone));
    let (read, written) = connection.traffic().take();
    assert_eq!(read, (preface.len() + settings.len()) as u64);
    assert!(written > 0);
}
