//! Heads of requests and responses.

use axum::Router;
use axum::body::Body as AppBody;
use axum::extract::Request;
use http::{Method, Response, StatusCode};
use mecha_runtime::Body;
use serde_json::{Value, json};

use crate::kit::{callee, caller, get, post, serve, soon, to_orders};

/// Answers what it got.
async fn tell(request: Request) -> Response<AppBody> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let fields: Vec<_> =
        parts.headers.iter().map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()])).collect();
    let told = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "fields": fields,
        "body": String::from_utf8_lossy(&body),
    });
    Response::builder()
        .status(StatusCode::IM_A_TEAPOT)
        .header("content-type", "application/json")
        .header("x-two", "1")
        .header("x-two", "2")
        .header("grpc-status", "3")
        .header("x-mecha-rpc-status", "14")
        .body(told.to_string().into())
        .unwrap()
}

async fn told(request: http::Request<Body>) -> (http::response::Parts, Value) {
    let orders = callee(Some(serve(Router::new().fallback(tell))), |_| ());
    let shop = caller(orders);
    let (parts, body) = soon(shop.invoke(to_orders(request))).await.unwrap().into_parts();
    let body = soon(body.read(1 << 20)).await.unwrap();
    (parts, serde_json::from_slice(&body).unwrap())
}

fn field<'v>(told: &'v Value, name: &str) -> Vec<&'v str> {
    let fields = told["fields"].as_array().unwrap().iter();
    fields.filter(|field| field[0] == name).map(|field| field[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_application_gets_the_call_as_it_was_made() {
    let mut request = post("/pay/a%20b//x/../c?q=%2F&r", Body::from("hello".to_owned()));
    *request.method_mut() = Method::PATCH;
    let fields = request.headers_mut();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("x-own", "1"),
        ("x-own", "2"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("dapr-caller-app-id", "somebody-else"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        fields.append(name, value.parse().unwrap());
    }
    let (_, told) = told(request).await;
    assert_eq!(
        (told["method"].as_str(), told["uri"].as_str()),
        (Some("PATCH"), Some("/pay/a%20b/c?q=%2F&r"))
    );
    assert_eq!(told["body"], "hello");
    assert_eq!(field(&told, "content-type"), ["text/plain"]);
    assert_eq!(field(&told, "content-length"), ["5"]);
    assert_eq!(field(&told, "x-own"), ["1", "2"]);
    assert_eq!(field(&told, "x-hop"), [""; 0]);
    assert_eq!(field(&told, "dapr-caller-app-id"), ["shop"]);
    assert_eq!(field(&told, "dapr-caller-namespace"), ["here"]);
    assert_eq!(field(&told, "dapr-callee-app-id"), ["orders"]);
    assert_eq!(field(&told, "destination-app-id"), [""; 0]);
    assert_eq!(field(&told, "x-mecha-cluster"), [""; 0]);
    assert_eq!(field(&told, "x-forwarded-for"), ["10.1.2.3"]);
    assert!(field(&told, "forwarded")[0].starts_with("for=10.1.2.3;by=10.1.2.3;host="), "{told}");
    assert!(field(&told, "traceparent")[0].starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{told}");
}

#[tokio::test]
async fn a_call_without_a_body_has_none_at_the_application() {
    let (_, told) = told(get("/")).await;
    assert_eq!((told["method"].as_str(), told["uri"].as_str()), (Some("GET"), Some("/")));
    assert_eq!(field(&told, "transfer-encoding"), [""; 0]);
    assert_eq!(field(&told, "traceparent").len(), 1, "a call that belongs to no trace begins one");
}

#[tokio::test]
async fn the_caller_gets_the_answer_as_it_is() {
    let (parts, _) = told(get("/")).await;
    assert_eq!(parts.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(parts.headers["content-type"], "application/json");
    assert_eq!(parts.headers.get_all("x-two").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(parts.headers["dapr-grpc-status"], "3");
    for absent in ["content-length", "transfer-encoding", "x-mecha-rpc-status", "grpc-status"] {
        assert!(!parts.headers.contains_key(absent), "{absent}: {:?}", parts.headers);
    }
}
