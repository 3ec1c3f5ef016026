//! What needs more than a call and its answer: streams, real sockets, the pipeline, the metrics page.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mecha_base::drain::{self, Mode};
use mecha_config::runtime::settings::Handler;
use mecha_config::runtime::{Component, Property, PropertySource};
use mecha_net::{Address, Listener, listener};
use mecha_runtime::Body;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tower::ServiceExt;

use super::Fixture;
use crate::{ServeOptions, metrics_router, serve};

#[tokio::test]
async fn an_invocation_streams_both_ways_at_once() {
    let api = Fixture::new().await;
    let (send, receive) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let pieces = futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|piece| (piece, receive))
    });
    let request = Request::post("/v1.0/invoke/orders/method/stream").header("accept", "text/event-stream");
    let request = request.body(Body::new(StreamBody::new(pieces))).unwrap();
    let answer: Response<Body> = api.api().oneshot(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let mut body = answer.into_body();
    for piece in ["data: 1\n\n", "data: 2\n\n"] {
        send.send(Ok(Frame::data(Bytes::from(piece)))).await.unwrap();
        // The request has not ended yet.
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), piece);
    }
    drop(send);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn the_api_is_served_over_either_version() {
    let api = Fixture::new().await;
    let bound = listener::bind_tcp("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let Address::Tcp(address) = bound.address().unwrap() else { panic!("not TCP") };
    let (trigger, watch) = drain::new();
    let socket = Listener::start(bound).unwrap();
    let server = tokio::spawn(serve(api.api(), socket, ServeOptions::default(), watch));
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut http1, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let body = Full::new(Bytes::from(r#"[{"key":"a","value":"over the wire"}]"#));
    let save = Request::post("/v1.0/state/mem").header("host", "x").body(body).unwrap();
    let saved = http1.send_request(save).await.unwrap();
    assert_eq!((saved.status().as_u16(), saved.headers().get("content-length")), (204, None));
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut http2, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let get = Request::get(format!("http://{address}/v1.0/state/mem/a")).body(Full::<Bytes>::default());
    let got = http2.send_request(get.unwrap()).await.unwrap();
    assert_eq!(got.headers()["content-length"], "15");
    assert_eq!(got.into_body().collect().await.unwrap().to_bytes(), r#""over the wire""#);
    trigger.start(Mode::Graceful);
    server.await.unwrap();
}

/// With one middleware of this type and property.
async fn behind(kind: &str, name: &str, value: &str) -> Fixture {
    let kind = format!("middleware.http.{kind}");
    let source = PropertySource::Value(value.to_owned());
    Fixture::with(|config| {
        let mut only = Component::new("only", &kind);
        only.properties = vec![Property { name: name.to_owned(), source }];
        config.resources.components.push(only);
        config.settings.http_pipeline = vec![Handler { name: "only".to_owned(), kind }];
    })
    .await
}

#[tokio::test]
async fn the_pipeline_sees_the_path_that_is_routed_by() {
    let api = behind("routerchecker", "rule", "^/v1.0/(invoke|metadata)").await;
    assert_eq!(api.get("/v1.0//metadata").await.status.as_u16(), 200);
    assert_eq!(api.get("/v1.0/invoke/../state/mem/a").await.status.as_u16(), 400);
    assert_eq!(api.get("/v1.0/invoke/../state/mem/a://").await.status.as_u16(), 400);
    assert_eq!(api.get("/v1.0/invoke/orders/method/a/../m").await.status.as_u16(), 201);
    let (asked, _) = api.app.asked.lock().pop().unwrap();
    assert_eq!(asked.uri.path(), "/m");
}

#[tokio::test]
async fn the_pipeline_may_change_what_the_route_is() {
    let api = behind("routeralias", "routes", r#"{"/carts/{key}":"/v1.0/state/mem/{key}"}"#).await;
    api.post("/v1.0/state/mem", r#"[{"key":"7","value":1}]"#).await.is_empty();
    assert_eq!(api.get("/carts/7").await.text(), "1");
}

async fn metrics(api: &Fixture) -> String {
    let page =
        metrics_router(api.runtime.clone()).oneshot(Request::get("/").body(()).unwrap()).await.unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    String::from_utf8(page.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn calls_and_errors_are_counted() {
    let api = Fixture::with(|config| config.settings.metrics.record_error_codes = true).await;
    api.get("/v1.0/state/mem/some-key").await.is_empty();
    api.get("/v1.0/secrets/nope/db").await;
    let text = metrics(&api).await;
    for line in [
        r#"dapr_http_server_request_count{app_id="orders",method="GET",path="/v1.0/state/mem",status="204"} 1"#,
        r#"dapr_http_server_request_count{app_id="orders",method="GET",path="/v1.0/secrets/nope",status="401"} 1"#,
        r#"error_code="ERR_SECRET_STORE_NOT_FOUND"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let low = Fixture::with(|config| config.settings.metrics.increased_cardinality = false).await;
    low.get("/v1.0/invoke/orders/method/m").await;
    let line = r#"{app_id="orders",method="InvokeService/orders",path="",status="201"} 1"#;
    assert!(metrics(&low).await.contains(line));
}
