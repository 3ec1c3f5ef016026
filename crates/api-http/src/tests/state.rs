//! State.

use http::Request;
use mecha_runtime::Body;
use serde_json::json;

use super::{Answer, Fixture};

async fn etag(api: &Fixture, path: &str) -> String {
    api.get(path).await.headers["etag"].to_str().unwrap().to_owned()
}

async fn delete(api: &Fixture, path: &str, etag: &str) -> Answer {
    let request = Request::delete(path).header("If-Match", etag);
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn what_is_saved_is_read_as_it_was() {
    let api = Fixture::new().await;
    let items = r#"[{"key":"a","value":{"n": 12345678901234567890123}},{"key":"b","value":"text"}]"#;
    api.post("/v1.0/state/mem", items).await.is_empty();
    let a = api.get("/v1.0/state/mem/a").await;
    assert_eq!((a.status.as_u16(), a.text()), (200, r#"{"n":12345678901234567890123}"#));
    assert_eq!(a.headers["content-type"], "application/json");
    assert!(a.headers.contains_key("etag"));
    assert_eq!(api.get("/v1.0/state/mem/b").await.text(), r#""text""#);
    api.get("/v1.0/state/mem/c").await.is_empty();
    api.call("PUT", "/v1.0/state/mem", r#"[{"key":"b","value":null}]"#).await.is_empty();
    assert_eq!(api.get("/v1.0/state/mem/b").await.text(), "null");
    api.call("DELETE", "/v1.0/state/mem/a", "").await.is_empty();
    api.get("/v1.0/state/mem/a").await.is_empty();
    api.post("/v1.0/state/mem", "[]").await.is_empty();
}

#[tokio::test]
async fn keys_may_hold_anything_that_is_escaped() {
    let api = Fixture::new().await;
    api.post("/v1.0/state/mem", r#"[{"key":"a/b c","value":1}]"#).await.is_empty();
    assert_eq!(api.get("/v1.0/state/mem/a%2Fb+c").await.text(), "1");
    assert_eq!(api.get("//v1.0/./state//mem/a%2Fb%20c/").await.text(), "1");
}

#[tokio::test]
async fn etags_guard_writes() {
    let api = Fixture::new().await;
    api.post("/v1.0/state/mem", r#"[{"key":"a","value":1}]"#).await.is_empty();
    let first = etag(&api, "/v1.0/state/mem/a").await;
    let with = |etag: &str| json!([{"key": "a", "value": 2, "etag": etag}]).to_string();
    api.post("/v1.0/state/mem", &with(&first)).await.is_empty();
    let refused = api.post("/v1.0/state/mem", &with(&first)).await;
    assert_eq!(refused.status.as_u16(), 409);
    assert_eq!(refused.json()["errorCode"], "ERR_STATE_SAVE");
    let refused = delete(&api, "/v1.0/state/mem/a", &first).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["errorCode"]), (409, &json!("ERR_STATE_DELETE")));
    let second = etag(&api, "/v1.0/state/mem/a").await;
    delete(&api, "/v1.0/state/mem/a", &second).await.is_empty();
    let create = json!([{"key": "n", "value": 1, "options": {"concurrency": "first-write"}}]).to_string();
    api.post("/v1.0/state/mem", &create).await.is_empty();
    assert_eq!(api.post("/v1.0/state/mem", &create).await.status.as_u16(), 409);
    let odd = json!([{"key": "n", "value": 1, "options": {"concurrency": "odd"}}]).to_string();
    assert_eq!(api.post("/v1.0/state/mem", &odd).await.json()["errorCode"], "ERR_STATE_SAVE");
}

#[tokio::test]
async fn metadata_comes_by_query_and_goes_by_header() {
    let api = Fixture::new().await;
    let item = r#"[{"key":"a","value":1,"metadata":{"ttlInSeconds":"5"}}]"#;
    api.post("/v1.0/state/mem?metadata.ttlInSeconds=1000", item).await.is_empty();
    let read = api.get("/v1.0/state/mem/a?consistency=strong").await;
    let expires = read.headers["metadata.ttlexpiretime"].to_str().unwrap();
    assert!(expires.contains('T') && expires.ends_with('Z'), "{expires}");
    let wrong = api.post("/v1.0/state/mem?metadata.ttlInSeconds=soon", item).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["errorCode"]), (500, &json!("ERR_STATE_SAVE")));
}

#[tokio::test]
async fn several_items_are_read_at_once() {
    let api = Fixture::new().await;
    api.post("/v1.0/state/mem", r#"[{"key":"a","value":{"x":1}},{"key":"b","value":"t"}]"#).await.is_empty();
    let body = r#"{"keys":["a","none","b"],"parallelism":2}"#;
    let got = api.post("/v1.0/state/mem/bulk", body).await;
    assert_eq!(got.status.as_u16(), 200);
    let got = got.json();
    assert_eq!(got[0]["data"], json!({"x": 1}));
    assert!(got[0]["etag"].is_string());
    assert_eq!(got[1], json!({"key": "none"}));
    assert_eq!((&got[2]["key"], &got[2]["data"]), (&json!("b"), &json!("t")));
    assert_eq!(api.post("/v1.0/state/mem/bulk", "{}").await.text(), "[]");
    let down = api.post("/v1.0/state/plain/bulk", r#"{"keys":["a"]}"#).await;
    assert_eq!(down.json(), json!([{"key": "a", "error": "it is down"}]));
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let api = Fixture::new().await;
    api.post("/v1.0/state/mem", r#"[{"key":"old","value":1}]"#).await.is_empty();
    let body = json!({"operations": [
        {"operation": "upsert", "request": {"key": "new", "value": {"a": 1}}},
        {"operation": "delete", "request": {"key": "old"}},
    ]});
    let path = "/v1.0/state/mem/transaction";
    api.post(path, &body.to_string()).await.is_empty();
    assert_eq!(api.get("/v1.0/state/mem/new").await.text(), r#"{"a":1}"#);
    api.get("/v1.0/state/mem/old").await.is_empty();
    api.post(path, r#"{"operations":[]}"#).await.is_empty();
    let odd = r#"{"operations":[{"operation":"swap","request":{"key":"a"}}]}"#;
    api.post(path, odd).await.is_error(
        400,
        "ERR_NOT_SUPPORTED_STATE_OPERATION",
        "operation type swap not supported",
    );
    let failing = json!({"operations": [
        {"operation": "upsert", "request": {"key": "half", "value": 1}},
        {"operation": "delete", "request": {"key": "new", "etag": "999999"}},
    ]});
    let failed = api.post(path, &failing.to_string()).await;
    assert_eq!((failed.status.as_u16(), &failed.json()["errorCode"]), (500, &json!("ERR_STATE_TRANSACTION")));
    api.get("/v1.0/state/mem/half").await.is_empty();
    let plain = api.post("/v1.0/state/plain/transaction", "no json").await;
    assert_eq!(plain.json()["errorCode"], "ERR_STATE_STORE_NOT_SUPPORTED");
}

#[tokio::test]
async fn a_store_without_queries_says_so() {
    let api = Fixture::new().await;
    let plain = api.post("/v1.0-alpha1/state/plain/query", "{}").await;
    plain.is_error(500, "ERR_STATE_STORE_NOT_SUPPORTED", "state store does not support querying");
}

#[tokio::test]
async fn errors_have_the_shape_of_their_generation() {
    let api = Fixture::new().await;
    let missing = api.get("/v1.0/state/nope/a").await;
    missing.is_error(400, "ERR_STATE_STORE_NOT_FOUND", "state store nope is not found");
    let info = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "domain": "dapr.io",
        "reason": "DAPR_STATE_NOT_FOUND",
        "metadata": {"appID": "orders"},
    }]);
    assert_eq!(missing.json()["details"], info);
    let down = api.get("/v1.0/state/plain/a").await;
    down.is_error(500, "ERR_STATE_GET", "fail to get a from state store plain: it is down");
    let illegal = api.get("/v1.0/state/mem/a%7C%7Cb").await;
    let why = "input key/keyPrefix 'a||b' can't contain '||'";
    illegal.is_error(400, "ERR_MALFORMED_REQUEST", why);
    assert_eq!(illegal.json()["details"][1]["resource_name"], "mem");
    let keyless = api.post("/v1.0/state/mem", r#"[{"value":1}]"#).await;
    keyless.is_error(400, "ERR_MALFORMED_REQUEST", "\"key\" is a required field");
    for (path, body) in [("mem", "{"), ("mem/bulk", "\"a\""), ("mem/transaction", "1")] {
        let malformed = api.post(&format!("/v1.0/state/{path}"), body).await;
        assert_eq!(malformed.status.as_u16(), 400, "{path}");
        assert_eq!(malformed.json()["errorCode"], "ERR_MALFORMED_REQUEST");
        let message = malformed.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("failed deserializing HTTP body: "), "{message}");
    }
    let none = Fixture::with(|config| config.resources.components.clear()).await;
    let missing = none.get("/v1.0/state/mem/a").await;
    missing.is_error(500, "ERR_STATE_STORE_NOT_CONFIGURED", "state store mem is not configured");
}
