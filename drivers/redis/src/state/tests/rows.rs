//! What is stored, byte for byte.

use mecha_component::state::{Concurrency, DeleteRequest, Operation, TTL_EXPIRE_TIME, TransactionRequest};

use super::*;

#[tokio::test]
async fn an_item_is_a_hash_with_data_and_version() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    store.set(set("app||a", r#"{"x":1}"#)).await.unwrap();
    assert_eq!(server.cli(&["type", "app||a"]), "hash");
    assert_eq!(server.cli(&["hgetall", "app||a"]), "data\n{\"x\":1}\nversion\n1");
    store.set(set("app||a", "2")).await.unwrap();
    assert_eq!(server.cli(&["hmget", "app||a", "data", "version"]), "2\n2");
    assert_eq!(get(&*store, "app||a").await.unwrap().unwrap().etag.as_deref(), Some("2"));

    let first = SetRequest { concurrency: Concurrency::FirstWrite, ..set("app||first", "1") };
    store.set(first).await.unwrap();
    assert_eq!(server.cli(&["hgetall", "app||first"]), "data\n1\nfirst-write\n0\nversion\n1");

    store.delete(DeleteRequest { key: "app||a".to_owned(), ..Default::default() }).await.unwrap();
    assert_eq!(server.cli(&["exists", "app||a"]), "0");
}

#[tokio::test]
async fn what_others_wrote_is_read() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    server.cli(&["hset", "app||dapr", "data", "from dapr", "version", "7"]);
    let item = get(&*store, "app||dapr").await.unwrap().unwrap();
    assert_eq!((&item.value[..], item.etag.as_deref()), (&b"from dapr"[..], Some("7")));
    let next = SetRequest { etag: Some("7".to_owned()), ..set("app||dapr", "ours") };
    store.set(next).await.unwrap();
    assert_eq!(server.cli(&["hget", "app||dapr", "version"]), "8");

    // From the time before etags.
    server.cli(&["set", "app||old", "plain"]);
    let old = get(&*store, "app||old").await.unwrap().unwrap();
    assert_eq!((&old.value[..], old.etag), (&b"plain"[..], None));
    store.set(set("app||old", "new")).await.unwrap();
    assert_eq!(server.cli(&["hget", "app||old", "data"]), "new");

    server.cli(&["rpush", "app||list", "1"]);
    let error = get(&*store, "app||list").await.unwrap_err();
    assert!(error.message().contains("`app||list` is no item"), "{error}");
}

#[tokio::test]
async fn expiry_is_that_of_the_key() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[("ttlInSeconds", "500")]).await.unwrap();
    let left = |key: &str| server.cli(&["ttl", key]).parse::<i64>().unwrap();
    store.set(set("default", "1")).await.unwrap();
    assert!((490..=500).contains(&left("default")), "{}", left("default"));
    store.set(with_ttl("own", "1", "100")).await.unwrap();
    assert!((90..=100).contains(&left("own")), "{}", left("own"));
    let told = get(&*store, "own").await.unwrap().unwrap().metadata[TTL_EXPIRE_TIME].clone();
    let millis: u64 = server.cli(&["pexpiretime", "own"]).parse().unwrap();
    assert_eq!(told, date(millis / 1000));
    store.set(with_ttl("own", "1", "-1")).await.unwrap();
    assert_eq!(left("own"), -1);
    let error = store.set(with_ttl("own", "1", "999999999999999")).await.unwrap_err();
    assert!(error.message().starts_with("ttlInSeconds:"), "{error}");
}

/// The time that `date` prints for seconds since the epoch.
fn date(seconds: u64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    store.set(set("b", "1")).await.unwrap();
    let upsert = |key: &str, etag: Option<&str>| {
        Operation::Upsert(SetRequest { etag: etag.map(str::to_owned), ..set(key, "2") })
    };
    let operations = vec![upsert("a", None), upsert("b", Some("9"))];
    let error = store.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap_err();
    assert!(error.message().contains("b: another version is stored"), "{error}");
    assert_eq!(server.cli(&["exists", "a"]), "0");
    // Later operations see what earlier ones did.
    let operations = vec![upsert("b", Some("1")), upsert("b", Some("2"))];
    store.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap();
    assert_eq!(server.cli(&["hget", "b", "version"]), "3");
}

#[tokio::test]
async fn a_server_that_forgot_the_script_learns_it_again() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    store.set(set("a", "1")).await.unwrap();
    server.cli(&["script", "flush"]);
    store.set(set("a", "2")).await.unwrap();
    server.cli(&["script", "flush"]);
    store.bulk_set((0..600).map(|number| set(&format!("k{number}"), "1")).collect()).await.unwrap();
    assert_eq!(server.cli(&["dbsize"]), "601");
    assert_eq!(server.cli(&["hget", "a", "data"]), "2");
}
