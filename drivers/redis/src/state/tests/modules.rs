//! With the JSON and search modules, which no distribution has: by hand, with `REDIS_MODULES` naming the folder of
//! `rejson.so` and `redisearch.so`.

use mecha_component::state::{DeleteRequest, Metadata, QueryRequest, TTL_EXPIRE_TIME};

use super::*;

fn server() -> Server {
    let folder = std::env::var("REDIS_MODULES")
        .expect("REDIS_MODULES names the folder of rejson.so and redisearch.so");
    let module = |name: &str| format!("{folder}/{name}.so");
    Server::start(&["--loadmodule", &module("redisearch"), "--loadmodule", &module("rejson")])
}

fn json() -> Metadata {
    [("contentType".to_owned(), "application/json".to_owned())].into()
}

#[tokio::test]
#[ignore = "needs the JSON and search modules of Redis: REDIS_MODULES names their folder"]
async fn documents_are_what_dapr_stores() {
    let server = server();
    let store = open(&server.host(), &[]).await.unwrap();
    let mut request = set("app||doc", r#"{"b":1,"a":[true,null]}"#);
    request.metadata = json();
    store.set(request.clone()).await.unwrap();
    assert_eq!(server.cli(&["json.get", "app||doc"]), r#"{"data":{"b":1,"a":[true,null]},"version":1}"#);
    let read =
        || store.get(GetRequest { key: "app||doc".to_owned(), metadata: json(), ..Default::default() });
    let item = read().await.unwrap().unwrap();
    assert_eq!((&item.value[..], item.etag.as_deref()), (&br#"{"b":1,"a":[true,null]}"#[..], Some("1")));

    request.etag = Some("1".to_owned());
    request.metadata.insert(TTL_KEY.to_owned(), "100".to_owned());
    store.set(request.clone()).await.unwrap();
    let item = read().await.unwrap().unwrap();
    assert!(item.metadata.contains_key(TTL_EXPIRE_TIME) && item.etag.as_deref() == Some("2"), "{item:?}");
    assert!(store.set(request.clone()).await.is_err(), "the etag is old");
    request.value = Bytes::from_static(b"no JSON");
    assert!(store.set(request).await.unwrap_err().message().contains("not JSON"));

    let delete = DeleteRequest { key: "app||doc".to_owned(), metadata: json(), ..Default::default() };
    store.delete(delete).await.unwrap();
    assert_eq!(read().await.unwrap(), None);
    assert!(get(&*store, "app||doc").await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs the JSON and search modules of Redis: REDIS_MODULES names their folder"]
async fn conforms_with_queries() {
    let server = server();
    let indexes = r#"[{"name":"qIndx","indexes":[{"key":"person.name","type":"TEXT"},{"key":"person.org","type":"TEXT"},
        {"key":"age","type":"NUMERIC"}]}]"#;
    for _ in 0..2 {
        let store = open(&server.host(), &[("queryIndexes", indexes)]).await.unwrap();
        let report = check(Arc::clone(&store), SUITE).await;
        assert!(report.ran.contains(&"query"));
        let query = serde_json::json!({"filter": {"EQ": {"person.none": "x"}}});
        let metadata = [("queryIndexName".to_owned(), "qIndx".to_owned())].into();
        let error = store.query(QueryRequest { query, metadata, ..Default::default() }).await.unwrap_err();
        assert!(error.message().contains("`person.none` is not indexed"), "{error}");
    }
}
