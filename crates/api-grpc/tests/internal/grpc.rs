//! gRPC: applications that answer by it, and calls that pass as they are.

use std::sync::Arc;

use axum::Router;
use axum::body::Body as AppBody;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use mecha_config::runtime::{AppProtocol, Subscription};
use mecha_runtime::channel::{
    AppChannel, AppConfig, BulkTopicEvent, GrpcAnswer, TopicEvent, TypeUrl, Verdict,
};
use mecha_runtime::{ApiError, Body};

use crate::kit::{callee_with, caller, post, serve, soon, to_orders};

/// An application that answers every invocation so.
struct Answers(GrpcAnswer);

impl AppChannel for Answers {
    fn invoke(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, ApiError>> {
        let mut response = Response::new(Body::from("said".to_owned()));
        response.headers_mut().insert("content-type", "application/x-protobuf".parse().unwrap());
        response.extensions_mut().insert(self.0.clone());
        if let Some(url) = request.extensions().get::<TypeUrl>() {
            response.extensions_mut().insert(TypeUrl(format!("{}Reply", url.0)));
        }
        Box::pin(async move { Ok(response) })
    }

    fn topic_event(&self, _: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        Box::pin(async { Ok(Verdict::Drop) })
    }

    fn bulk_topic_event(
        &self,
        _: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<std::collections::BTreeMap<String, Verdict>, ApiError>> {
        Box::pin(async { Ok(Default::default()) })
    }

    fn subscriptions(&self) -> BoxFuture<'_, Result<Vec<Subscription>, ApiError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn config(&self) -> BoxFuture<'_, Result<AppConfig, ApiError>> {
        Box::pin(async { Ok(AppConfig::Null) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async { Ok(()) })
    }
}

async fn answered(answer: GrpcAnswer) -> http::Response<Body> {
    // The address is never used: the channel answers by itself.
    let app = Some(([127, 0, 0, 1], 9).into());
    let orders = callee_with(app, |_| (), |_| Arc::new(Answers(answer)));
    let mut request = post("/do", Body::from("x".to_owned()));
    request.extensions_mut().insert(TypeUrl("type.test/Ask".to_owned()));
    soon(caller(orders).invoke(to_orders(request))).await.unwrap()
}

#[tokio::test]
async fn a_failure_of_a_grpc_application_is_told_both_ways() {
    let failed =
        GrpcAnswer { code: 5, message: "no such order: 100% \u{fc}".to_owned(), ..GrpcAnswer::default() };
    let response = answered(failed.clone()).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.extensions().get::<GrpcAnswer>(), Some(&failed));
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("x-mecha-")));
    let body: serde_json::Value =
        serde_json::from_slice(&soon(response.into_body().read(256)).await.unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({ "code": 5, "message": "no such order: 100% \u{fc}" }));
}

#[tokio::test]
async fn the_answer_of_a_grpc_application_keeps_its_type_and_trailers() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-after", "1".parse().unwrap());
    let answer = GrpcAnswer { trailers, ..GrpcAnswer::default() };
    let response = answered(answer.clone()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.extensions().get::<GrpcAnswer>(), Some(&answer));
    assert_eq!(response.extensions().get(), Some(&TypeUrl("type.test/AskReply".to_owned())));
    assert_eq!(soon(response.into_body().read(64)).await.unwrap(), "said");
}

/// Echoes messages and says in trailers who called.
async fn service(request: Request) -> Response<AppBody> {
    let (parts, body) = request.into_parts();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-caller", parts.headers["dapr-caller-app-id"].clone());
    trailers.insert("x-path", parts.uri.path().parse().unwrap());
    trailers.insert("x-token", parts.headers["dapr-api-token"].clone());
    // Servers of grpcio take no call without it.
    trailers.insert("x-authority", parts.uri.authority().unwrap().as_str().parse().unwrap());
    let frames = futures_util::StreamExt::chain(
        futures_util::StreamExt::map(body.into_data_stream(), |data| data.map(Frame::data)),
        futures_util::stream::iter([Ok(Frame::trailers(trailers))]),
    );
    let mut response = Response::new(AppBody::new(StreamBody::new(frames)));
    response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    response
}

#[tokio::test]
async fn a_call_of_another_service_passes_as_it_is() {
    let app = serve(Router::new().fallback(service));
    let orders = callee_with(
        Some(app),
        |config| {
            (config.app.protocol, config.app.token) = (AppProtocol::Grpc, Some("secret".into()));
        },
        |_| Arc::new(Answers(GrpcAnswer::default())),
    );
    let shop = caller(orders);
    let mut request = post("/shop.Orders/Place", Body::from(Bytes::from_static(b"\0\0\0\0\x02hi")));
    request.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    request.headers_mut().insert("dapr-app-id", "orders".parse().unwrap());
    let response = soon(shop.proxy_grpc("orders", request)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let collected = soon(response.into_body().collect()).await.unwrap();
    let trailers = collected.trailers().unwrap().clone();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["x-caller"]),
        (&"0".parse().unwrap(), &"shop".parse().unwrap())
    );
    assert_eq!(trailers["x-path"], "/shop.Orders/Place");
    assert_eq!(trailers["x-token"], "secret");
    assert!(trailers["x-authority"].to_str().unwrap().starts_with("127.0.0.1:"), "{trailers:?}");
    assert_eq!(collected.to_bytes(), &b"\0\0\0\0\x02hi"[..]);
}
