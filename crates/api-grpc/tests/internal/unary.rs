//! `CallLocal`, and methods that are not there.

use axum::Router;
use axum::body::Body as AppBody;
use axum::extract::Request;
use bytes::BytesMut;
use http::Response;
use http_body_util::BodyExt as _;
use mecha_codec::dapr::{
    Any, CALL_LOCAL, HttpExtension, InternalInvokeRequest, InternalInvokeResponse, InvokeRequest, SERVICE,
    Verb,
};
use mecha_codec::grpc::{Messages, put_message};
use mecha_runtime::channel::http::HttpChannel;
use prost::Message as _;
use tower::ServiceExt as _;

use crate::kit::{runtime, serve, soon};

async fn shout(request: Request) -> Response<AppBody> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64).await.unwrap().to_ascii_uppercase();
    Response::builder().status(201).header("x-path", parts.uri.path()).body(body.into()).unwrap()
}

/// Calls a method of the service on a runtime whose application shouts back.
async fn call(method: &str, message: &[u8]) -> Response<AppBody> {
    let app = serve(Router::new().fallback(shout));
    let orders = runtime("orders", |config| config.app.port = Some(app.port()));
    orders.set_channel(std::sync::Arc::new(HttpChannel::new(&orders)));
    let mut framed = BytesMut::new();
    put_message(&mut framed, message.len(), |out| out.extend_from_slice(message));
    let request = Request::post(method).header("content-type", "application/grpc");
    let request = request.body(AppBody::from(framed.freeze())).unwrap();
    soon(mecha_api_grpc::internal_router(orders).oneshot(request)).await.unwrap()
}

#[tokio::test]
async fn a_call_in_one_message_is_answered_in_one() {
    let message = InternalInvokeRequest {
        ver: 1,
        message: Some(InvokeRequest {
            method: "speak/up".to_owned(),
            data: Some(Any { value: "hello".into(), ..Any::default() }),
            content_type: "text/plain".to_owned(),
            http_extension: Some(HttpExtension { verb: Verb::Put as i32, querystring: String::new() }),
        }),
        ..InternalInvokeRequest::default()
    };
    let collected =
        soon(call(CALL_LOCAL, &message.encode_to_vec()).await.into_body().collect()).await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    let mut messages = Messages::new(1 << 20);
    messages.push(collected.to_bytes());
    let answer = InternalInvokeResponse::decode(messages.next_message().unwrap().unwrap()).unwrap();
    assert_eq!(answer.status.unwrap().code, 201);
    assert_eq!(answer.headers["X-Path"].values, ["/speak/up"]);
    assert_eq!(answer.message.unwrap().data.unwrap().value, "HELLO");
}

/// What the application's runtime does with a method that another runtime did not clean.
async fn called(method: &str) -> Response<AppBody> {
    let message = InvokeRequest { method: method.to_owned(), ..InvokeRequest::default() };
    let message = InternalInvokeRequest { message: Some(message), ..InternalInvokeRequest::default() };
    call(CALL_LOCAL, &message.encode_to_vec()).await
}

#[tokio::test]
async fn a_method_is_cleaned_before_the_application_gets_it() {
    let collected = soon(called("public/../admin//now").await.into_body().collect()).await.unwrap();
    let mut messages = Messages::new(1 << 20);
    messages.push(collected.to_bytes());
    let answer = InternalInvokeResponse::decode(messages.next_message().unwrap().unwrap()).unwrap();
    assert_eq!(answer.headers["X-Path"].values, ["/admin/now"]);
    let refused = called("a?b").await;
    assert_ne!(refused.headers()["grpc-status"], "0");
}

#[tokio::test]
async fn what_is_no_call_and_what_is_not_there_is_told() {
    for (method, message, code) in
        [(CALL_LOCAL.to_owned(), &b""[..], "3"), (format!("{SERVICE}CallActor"), &b""[..], "12")]
    {
        let response = call(&method, message).await;
        assert_eq!(response.headers()["grpc-status"], code, "{method}");
        assert_eq!(response.status(), 200);
    }
}
