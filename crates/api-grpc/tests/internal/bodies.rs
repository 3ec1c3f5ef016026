//! Bodies that stream, are long, are answered early, or break off.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body as AppBody;
use axum::extract::Request;
use axum::routing::any;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use mecha_runtime::Body;
use tokio::sync::mpsc;

use crate::kit::{callee, caller, get, post, serve, soon, to_orders};

const MIB: usize = 1 << 20;

/// Sends every piece back as it comes.
async fn echo(request: Request) -> Response<AppBody> {
    Response::new(request.into_body())
}

/// Answers without a look at the body.
async fn refuse() -> Response<AppBody> {
    let mut response = Response::new(AppBody::from("no"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Breaks off in the middle.
async fn cut() -> Response<AppBody> {
    let broken = stream::once(async {
        // What was said before leaves meanwhile.
        tokio::task::yield_now().await;
        Err("the end of it")
    });
    let pieces = stream::iter([Ok(Bytes::from_static(b"the beginning"))]).chain(broken);
    Response::new(AppBody::from_stream(pieces))
}

fn orders() -> std::net::SocketAddr {
    let app = Router::new().route("/echo", any(echo)).route("/refuse", any(refuse)).route("/cut", any(cut));
    callee(Some(serve(app)), |_| ())
}

/// A body of unknown length, and where its pieces come from.
fn streamed() -> (mpsc::Sender<Bytes>, Body) {
    let (send, pieces) = mpsc::channel(1);
    let frames = stream::unfold(pieces, |mut pieces: mpsc::Receiver<Bytes>| async {
        let piece = pieces.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(piece)), pieces))
    });
    (send, Body::new(StreamBody::new(frames)))
}

async fn next(body: &mut Body) -> Bytes {
    soon(body.frame()).await.unwrap().unwrap().into_data().unwrap()
}

#[tokio::test]
async fn a_piece_is_there_before_the_next_one_is_sent() {
    let shop = caller(orders());
    let (send, body) = streamed();
    send.send(Bytes::from_static(b"one")).await.unwrap();
    let mut answer = soon(shop.invoke(to_orders(post("/echo", body)))).await.unwrap().into_body();
    assert_eq!(next(&mut answer).await, "one");
    send.send(Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(next(&mut answer).await, "two");
    drop(send);
    assert!(soon(answer.frame()).await.is_none());
}

#[tokio::test]
async fn ten_mebibytes_go_and_come_back() {
    let shop = caller(orders());
    let sent: Bytes = (0..10 * MIB).map(|n| (n / 7) as u8).collect();
    let whole = Body::from(sent.clone());
    let answer = soon(shop.invoke(to_orders(post("/echo", whole)))).await.unwrap();
    assert!(soon(answer.into_body().read(10 * MIB)).await.unwrap() == sent);

    let pieces: Vec<_> = sent.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let frames = stream::iter(pieces).map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let body = Body::new(StreamBody::new(frames));
    let answer = soon(shop.invoke(to_orders(post("/echo", body)))).await.unwrap();
    assert!(soon(answer.into_body().read(10 * MIB)).await.unwrap() == sent);
}

#[tokio::test]
async fn what_the_application_does_not_read_is_not_piled_up() {
    let shop = caller(orders());
    let (send, body) = streamed();
    let mut answer = Box::pin(shop.invoke(to_orders(post("/echo", body))));
    let piece = Bytes::from(vec![7; 64 << 10]);
    // The answer comes back, and nobody takes it: at some piece the way is full.
    let mut taken = 0;
    let full = async {
        let response = loop {
            tokio::select! {
                response = &mut answer => break response.unwrap(),
                sent = send.send(piece.clone()) => { sent.unwrap(); taken += piece.len(); }
            }
        };
        let mut body = response.into_body();
        let mut pieces = 0;
        // What moves, moves while the answer is read; one piece is read for many that are offered.
        while taken < 64 * MIB && pieces < 8 {
            tokio::select! {
                biased;
                sent = send.send(piece.clone()) => { sent.unwrap(); taken += piece.len(); }
                read = body.frame() => { read.unwrap().unwrap(); pieces += 1; }
            }
        }
        drop(body);
    };
    soon(full).await;
    assert!(taken < 32 * MIB, "{taken} bytes were taken while the answer stood still");
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_ended() {
    let shop = caller(orders());
    let (send, body) = streamed();
    send.send(Bytes::from_static(b"more will follow")).await.unwrap();
    let answer = soon(shop.invoke(to_orders(post("/refuse", body)))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(soon(answer.into_body().read(64)).await.unwrap(), "no");
    // The same connection serves on.
    assert_eq!(soon(shop.invoke(to_orders(get("/refuse")))).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_a_whole_one() {
    let shop = caller(orders());
    let mut answer = soon(shop.invoke(to_orders(get("/cut")))).await.unwrap().into_body();
    assert_eq!(next(&mut answer).await, "the beginning");
    assert!(soon(answer.frame()).await.unwrap().is_err());
}
