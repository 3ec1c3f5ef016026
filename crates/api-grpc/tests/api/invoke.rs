//! `InvokeService` and services that are proxied, to the own application.

use bytes::Bytes;
use dapr::dapr::proto::common::v1::http_extension::Verb;
use dapr::dapr::proto::common::v1::{HttpExtension, InvokeRequest};
use dapr::dapr::proto::runtime::v1 as pb;
use dapr::dapr::proto::runtime::v1::app_callback_client::AppCallbackClient;
use futures_util::future::BoxFuture;
use http::StatusCode;
use mecha_config::runtime::Subscription;
use mecha_runtime::channel::{AppChannel, AppConfig, BulkTopicEvent, TopicEvent, Verdict};
use mecha_runtime::{ApiError, Body};
use prost_types::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use tonic::{Code, Request};

use crate::app::App;
use crate::kit::{Sidecar, error_info, soon};

fn call(method: &str, data: &str) -> pb::InvokeServiceRequest {
    let data = Any { value: data.as_bytes().to_vec(), type_url: "type.googleapis.com/shop.Order".to_owned() };
    pb::InvokeServiceRequest {
        id: "orders".to_owned(),
        message: Some(InvokeRequest {
            method: method.to_owned(),
            data: Some(data),
            content_type: "application/x-protobuf".to_owned(),
            http_extension: Some(HttpExtension { verb: Verb::Post as i32, querystring: "a=b".to_owned() }),
        }),
    }
}

#[tokio::test]
async fn a_grpc_application_is_called_by_a_message_and_answers_by_one() {
    let app = App::start().await;
    let sidecar = Sidecar::before(app.address, |_| ()).await;
    let mut request = Request::new(call("orders/new one", "7"));
    request.metadata_mut().insert("x-mine", "1".parse().unwrap());
    let response = soon(sidecar.client().invoke_service(request)).await.unwrap();
    assert_eq!(response.metadata().get("x-answer").unwrap(), "yes");
    let answer = response.into_inner();
    let data = answer.data.unwrap();
    assert_eq!((data.value.as_slice(), answer.content_type.as_str()), (&b"got 7"[..], "text/plain"));
    assert_eq!(data.type_url, "type.googleapis.com/shop.Order", "the type of a message stays with it");
    let (told, metadata) = app.told.invoked.lock().pop().unwrap();
    assert_eq!(
        (told.method.as_str(), told.http_extension.unwrap().querystring.as_str()),
        ("orders/new one", "a=b")
    );
    assert_eq!(metadata.get("x-mine").unwrap(), "1");
    assert_eq!(metadata.get("dapr-caller-app-id").unwrap(), "orders");

    let refused = soon(sidecar.client().invoke_service(call("missing", ""))).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "no such order"));
    assert_eq!(refused.details(), b"\x08\x05");
}

/// An application that answers by HTTP: the path's number is the status.
struct HttpApp;

impl AppChannel for HttpApp {
    fn invoke(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, ApiError>> {
        Box::pin(async move {
            let status = request.uri().path().trim_start_matches('/').parse().unwrap();
            let mut response = http::Response::new(Body::from(Bytes::from_static(b"as it is")));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert("content-type", "text/plain".parse().unwrap());
            Ok(response)
        })
    }

    fn topic_event(&self, _: TopicEvent) -> BoxFuture<'_, Result<Verdict, ApiError>> {
        Box::pin(async { Ok(Verdict::Success) })
    }

    fn bulk_topic_event(
        &self,
        _: BulkTopicEvent,
    ) -> BoxFuture<'_, Result<BTreeMap<String, Verdict>, ApiError>> {
        Box::pin(async { Ok(BTreeMap::new()) })
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

#[tokio::test]
async fn an_http_application_answers_by_its_status() {
    let sidecar = Sidecar::new().await;
    sidecar.runtime.set_channel(Arc::new(HttpApp));
    let response = sidecar.client().invoke_service(call("201", "")).await.unwrap();
    assert_eq!(response.metadata().get("dapr-http-status").unwrap(), "201");
    let answer = response.into_inner();
    assert_eq!(
        (answer.content_type.as_str(), answer.data.unwrap().value),
        ("text/plain", b"as it is".to_vec())
    );
    let refused = sidecar.client().invoke_service(call("404", "")).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "Not Found"));
    assert_eq!(refused.metadata().get("dapr-http-status").unwrap(), "404");
    let info = error_info(&refused);
    assert_eq!((info.reason.as_str(), info.metadata["http.code"].as_str()), ("Not Found", "404"));
    assert_eq!(info.metadata["http.error_message"], "as it is");
}

#[tokio::test]
async fn without_an_application_there_is_an_error() {
    let sidecar = Sidecar::new().await;
    let refused = sidecar.client().invoke_service(call("x", "")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal, "{refused}");
}

#[tokio::test]
async fn another_service_is_passed_on_as_it_is() {
    let app = App::start().await;
    let sidecar = Sidecar::before(app.address, |_| ()).await;
    let mut client = AppCallbackClient::new(sidecar.router());
    let message = InvokeRequest { method: "by itself".to_owned(), ..Default::default() };
    let mut request = Request::new(message);
    request.metadata_mut().insert("dapr-app-id", "orders".parse().unwrap());
    let response = soon(client.on_invoke(request)).await.unwrap();
    assert_eq!(response.metadata().get("x-answer").unwrap(), "yes");
    assert_eq!(response.into_inner().content_type, "text/plain");
    assert_eq!(app.told.invoked.lock().pop().unwrap().0.method, "by itself");

    let mut request = Request::new(InvokeRequest { method: "missing".to_owned(), ..Default::default() });
    request.metadata_mut().insert("dapr-app-id", "orders".parse().unwrap());
    let refused = soon(client.on_invoke(request)).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "no such order"));
}
