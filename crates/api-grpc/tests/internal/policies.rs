//! What a configuration says about calls: retries, faults.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use mecha_config::StreamFilter;
use mecha_config::filter::{Fault, FaultAbort};
use mecha_config::route::{HeaderMatch, ValueMatch};
use mecha_config::runtime::Resiliency;
use mecha_config::runtime::resiliency::{Pause, Retry, Target};
use mecha_runtime::{Body, Runtime};

use crate::kit::{callee, get, post, runtime, runtime_in, serve, soon, to_orders};

/// An application that fails so often before it answers what it was sent.
fn failing(times: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let calls = count.clone();
    let answer = move |body: Bytes| {
        let calls = calls.clone();
        async move {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            let status = if call < times { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
            (status, format!("call {call} of {}", String::from_utf8_lossy(&body)))
        }
    };
    (serve(Router::new().fallback(answer)), count)
}

/// The runtime of `shop` with two retries for calls to `orders`.
fn shop(orders: SocketAddr) -> Arc<Runtime> {
    shop_with(orders, None)
}

/// The same with a limit on the time of each try.
fn shop_with(orders: SocketAddr, limit: Option<Duration>) -> Arc<Runtime> {
    let retry = Retry {
        pause: Pause::Constant(Duration::from_millis(1)),
        max_retries: Some(2),
        http_codes: None,
        grpc_codes: None,
    };
    let timeout = limit.map(|_| "short".to_owned());
    let target = Target { retry: Some("twice".to_owned()), timeout, ..Target::default() };
    let policy = Resiliency {
        timeouts: limit.map(|limit| ("short".to_owned(), limit)).into_iter().collect(),
        retries: BTreeMap::from([("twice".to_owned(), retry)]),
        apps: BTreeMap::from([("orders".to_owned(), target)]),
        ..Resiliency::default()
    };
    runtime("shop", move |config| {
        config.process.static_names.insert("orders".to_owned(), vec![orders.to_string()]);
        config.resources.resiliency = vec![policy];
    })
}

async fn text(response: http::Response<Body>) -> String {
    String::from_utf8(soon(response.into_body().read(1 << 10)).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_policy_takes_a_bad_status_for_a_failure_and_sends_the_body_again() {
    let (app, _) = failing(1);
    let shop = shop(callee(Some(app), |_| ()));
    let response = soon(shop.invoke(to_orders(post("/x", Body::from("hello".to_owned()))))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "call 1 of hello");
}

#[tokio::test]
async fn the_last_failure_is_what_the_caller_gets() {
    let (app, count) = failing(usize::MAX);
    let shop = shop(callee(Some(app), |_| ()));
    let response = soon(shop.invoke(to_orders(get("/x")))).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(text(response).await, "call 2 of ");
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_sent_once() {
    let (app, count) = failing(usize::MAX);
    let shop = shop(callee(Some(app), |_| ()));
    let pieces = stream::iter(["hel", "lo"]);
    let frames = futures_util::StreamExt::map(pieces, |piece: &str| {
        Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece.as_bytes())))
    });
    let body = Body::new(StreamBody::new(frames));
    let response = soon(shop.invoke(to_orders(post("/x", body)))).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(text(response).await, "call 0 of hello");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_sent_once_though_the_answer_comes_too_late() {
    let count = Arc::new(AtomicUsize::new(0));
    let calls = count.clone();
    let silent = move |_: Bytes| {
        calls.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>()
    };
    let app = serve(Router::new().fallback(silent));
    let shop = shop_with(callee(Some(app), |_| ()), Some(Duration::from_millis(300)));
    let frames = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"hello")))]);
    let body = Body::new(StreamBody::new(frames));
    let error = soon(shop.invoke(to_orders(post("/x", body)))).await.err().unwrap();
    assert!(error.message().contains("deadline exceeded"), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_fault_of_the_door_holds_for_invocations() {
    let (app, count) = failing(0);
    let orders = callee(Some(app), |_| ());
    let unlucky = HeaderMatch { name: "x-unlucky".to_owned(), value: ValueMatch::Present };
    let fault = Fault {
        abort: Some(FaultAbort { percentage: 100, status: 503 }),
        upstream_cluster: Some("dapr.invoke/orders".to_owned()),
        headers: vec![unlucky],
        ..Fault::default()
    };
    let shop = runtime_in(
        "shop",
        |config| {
            config.process.static_names.insert("orders".to_owned(), vec![orders.to_string()]);
        },
        |model| {
            let door = model.listeners.iter_mut().find(|listener| listener.name == "dapr.invoke").unwrap();
            door.stream_filters = vec![StreamFilter::Fault(fault)];
        },
    );
    let mut request = get("/x");
    request.headers_mut().insert("x-unlucky", "1".parse().unwrap());
    let response = soon(shop.invoke(to_orders(request))).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(text(response).await, "fault injected\n");
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert_eq!(soon(shop.invoke(to_orders(get("/x")))).await.unwrap().status(), 200);
}
