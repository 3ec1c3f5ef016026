//! Secrets, metadata, health, the end of the process, and what this version does not have.

use http::Request;
use mecha_config::runtime::settings::SecretScope;
use mecha_runtime::Body;
use mecha_runtime::shutdown::Wish;
use serde_json::json;

use super::Fixture;

#[tokio::test]
async fn secrets_are_read_one_by_one_or_all() {
    let api = Fixture::new().await;
    assert_eq!(api.get("/v1.0/secrets/vault/db").await.json(), json!({"user": "me", "password": "s3cret"}));
    let all = api.get("/v1.0/secrets/vault/bulk").await.json();
    assert_eq!(all, json!({"db": {"user": "me", "password": "s3cret"}, "other": {"other": "1"}}));
    let why = "failed getting secret with key nope from secret store vault: no such secret";
    api.get("/v1.0/secrets/vault/nope").await.is_error(500, "ERR_SECRET_GET", why);
    let missing = api.get("/v1.0/secrets/nope/db").await;
    missing.is_error(401, "ERR_SECRET_STORE_NOT_FOUND", "failed finding secret store with key nope");
}

#[tokio::test]
async fn scopes_hide_secrets() {
    let scope =
        SecretScope { store: "vault".to_owned(), denied: vec!["db".to_owned()], ..SecretScope::default() };
    let api = Fixture::with(|config| config.settings.secret_scopes = vec![scope]).await;
    let why = r#"access denied by policy to get "db" from "vault""#;
    api.get("/v1.0/secrets/vault/db").await.is_error(403, "ERR_PERMISSION_DENIED", why);
    assert_eq!(api.get("/v1.0/secrets/vault/bulk").await.json(), json!({"other": {"other": "1"}}));
}

#[tokio::test]
async fn metadata_tells_what_runs_and_what_was_set() {
    let api = Fixture::new().await;
    api.call("PUT", "/v1.0/metadata/who", "me").await.is_empty();
    let told = api.get("/v1.0/metadata").await.json();
    assert_eq!((&told["id"], &told["runtimeVersion"]), (&json!("orders"), &json!("1.2.3")));
    assert_eq!(told["extended"], json!({"who": "me", "daprRuntimeVersion": "1.2.3"}));
    let names: Vec<_> = told["components"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["bus", "mem", "plain", "vault"]);
    let long = api.call("PUT", &format!("/v1.0/metadata/{}", "k".repeat(300)), "x").await;
    assert_eq!((long.status.as_u16(), &long.json()["errorCode"]), (400, &json!("ERR_BAD_REQUEST")));
}

#[tokio::test]
async fn health_is_that_of_runtime_and_application() {
    let api = Fixture::new().await;
    api.get("/v1.0/healthz").await.is_empty();
    api.get("/v1.0/healthz?appid=orders").await.is_empty();
    let other = api.get("/v1.0/healthz?appid=cart").await;
    other.is_error(500, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match");
    api.runtime.health().change(|status| status.app = false);
    let unhealthy = api.get("/v1.0/healthz").await;
    unhealthy.is_error(500, "ERR_HEALTH_NOT_READY", "dapr is not ready");
    api.get("/v1.0/healthz/outbound").await.is_empty();
    api.runtime.health().change(|status| status.outbound = false);
    let unhealthy = api.get("/v1.0/healthz/outbound").await;
    unhealthy.is_error(500, "ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready");
}

#[tokio::test]
async fn the_end_can_be_asked_for() {
    let api = Fixture::new().await;
    api.post("/v1.0/shutdown", "").await.is_empty();
    assert_eq!(api.runtime.shutdown().wanted(Wish::None).await, Wish::Graceful);
    let forced = Request::post("/v1.0/shutdown").header("dapr-force-shutdown", "True");
    api.send(forced.body(Body::empty()).unwrap()).await.is_empty();
    assert_eq!(api.runtime.shutdown().wanted(Wish::Graceful).await, Wish::Forced);
}

#[tokio::test]
async fn features_of_later_versions_say_so() {
    let api = Fixture::new().await;
    for (method, path, feature) in [
        ("POST", "/v1.0/bindings/b", "bindings"),
        ("GET", "/v1.0/configuration/c?key=a", "configuration"),
        ("GET", "/v1.0-alpha1/configuration/c/subscribe", "configuration"),
        ("GET", "/v1.0/configuration/c/7/unsubscribe", "configuration"),
        ("POST", "/v1.0-alpha1/lock/l", "distributed lock"),
        ("POST", "/v1.0-alpha1/unlock/l", "distributed lock"),
        ("PUT", "/v1.0-alpha1/crypto/c/encrypt", "cryptography"),
        ("POST", "/v1.0-alpha1/subtlecrypto/c/sign", "subtle cryptography"),
        ("PUT", "/v1.0/actors/t/1/method/m", "actors"),
        ("POST", "/v1.0/actors/t/1/state", "actors"),
        ("GET", "/v1.0/actors/t/1/state/k", "actors"),
        ("GET", "/v1.0/actors/t/1/reminders/r", "actors"),
        ("DELETE", "/v1.0/actors/t/1/timers/r", "actors"),
        ("POST", "/v1.0/workflows/dapr/w/start", "workflows"),
        ("GET", "/v1.0-beta1/workflows/dapr/7", "workflows"),
        ("POST", "/v1.0-alpha1/workflows/dapr/7/raiseEvent/e", "workflows"),
        ("POST", "/v1.0/jobs/j", "jobs"),
        ("DELETE", "/v1.0-alpha1/jobs/j", "jobs"),
        ("POST", "/v1.0-alpha2/conversation/c/converse", "conversation"),
    ] {
        let why = format!("The {feature} API is not available in this version of Mecha");
        api.call(method, path, "{}").await.is_error(501, "ERR_API_UNIMPLEMENTED", &why);
    }
}
