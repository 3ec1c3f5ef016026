//! Who is let in, and what is answered for what is not there.

use dapr::dapr::proto::common::v1::StateItem;
use dapr::dapr::proto::runtime::v1 as pb;
use http::{StatusCode, header};
use mecha_config::runtime::settings::ApiRule;
use tonic::{Code, Request};
use tower::ServiceExt;

use crate::kit::{Sidecar, error_info};

fn with_token<T>(message: T, token: &'static str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("dapr-api-token", token.parse().unwrap());
    request
}

#[tokio::test]
async fn a_token_is_asked_for() {
    let sidecar = Sidecar::with(|config| config.apis.token = Some("secret".to_owned())).await;
    let mut client = sidecar.client();
    let missing = client.get_metadata(pb::GetMetadataRequest {}).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);
    assert_eq!(missing.message(), "missing api token in request metadata");
    assert_eq!(error_info(&missing).metadata["http.code"], "401");
    let wrong = client.get_metadata(with_token(pb::GetMetadataRequest {}, "guess")).await.unwrap_err();
    assert_eq!(wrong.message(), "authentication error: api token mismatch");
    client.get_metadata(with_token(pb::GetMetadataRequest {}, "secret")).await.unwrap();
}

fn rule(name: &str, version: &str) -> ApiRule {
    ApiRule { name: name.to_owned(), version: version.to_owned(), grpc: true }
}

#[tokio::test]
async fn what_is_denied_does_not_exist() {
    let sidecar = Sidecar::with(|config| config.settings.api_denied = vec![rule("state", "v1")]).await;
    let mut client = sidecar.client();
    let refused = client.get_state(pb::GetStateRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.message(), "requested endpoint is not available");
    client.get_metadata(pb::GetMetadataRequest {}).await.unwrap();
    let other_version = client.query_state_alpha1(pb::QueryStateRequest::default()).await.unwrap_err();
    assert_eq!(other_version.code(), Code::InvalidArgument, "alpha1 is a group of its own");
}

#[tokio::test]
async fn a_list_of_what_is_allowed_closes_everything_else() {
    let sidecar = Sidecar::with(|config| {
        let http = ApiRule { grpc: false, ..rule("secrets", "v1") };
        config.settings.api_allowed = vec![rule("metadata", "v1.0"), http];
    })
    .await;
    let mut client = sidecar.client();
    client.get_metadata(pb::GetMetadataRequest {}).await.unwrap();
    for status in [
        client.get_state(pb::GetStateRequest::default()).await.unwrap_err(),
        client.get_secret(pb::GetSecretRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!(status.message(), "requested endpoint is not available");
    }
}

#[tokio::test]
async fn a_feature_of_later_is_named() {
    let sidecar = Sidecar::new().await;
    let refused = sidecar.client().invoke_actor(pb::InvokeActorRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().starts_with("Actors"), "{}", refused.message());
}

#[tokio::test]
async fn a_message_over_the_limit_exhausts_resources() {
    let sidecar = Sidecar::new().await;
    let value = vec![0; sidecar.runtime.config().apis.max_body + 1];
    let states = vec![StateItem { key: "a".to_owned(), value, ..Default::default() }];
    let request = pb::SaveStateRequest { store_name: "statestore".to_owned(), states };
    let refused = sidecar.client().save_state(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_service_without_an_application_is_unknown() {
    let sidecar = Sidecar::new().await;
    let answer = |path: &str, kind: &'static str| {
        let request = http::Request::post(path).header(header::CONTENT_TYPE, kind);
        sidecar.router().oneshot(request.body(axum::body::Body::empty()).unwrap())
    };
    let response = answer("/shop.Orders/Place", "application/grpc").await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "12");
    let message = response.headers()["grpc-message"].to_str().unwrap().replace("%20", " ");
    assert!(message.contains("shop.Orders") && message.contains("dapr-app-id"), "{message}");
    let response = answer("/dapr.proto.runtime.v1.Dapr/Nothing", "application/grpc+proto").await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "12");
    let response = answer("/v1.0/healthz", "application/json").await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
