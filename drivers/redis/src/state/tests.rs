//! The store against its suite on real servers, and what it stores against `redis-cli`: other programs must find what the
//! layout promises.

mod cluster;
mod failures;
mod modules;
mod rows;
mod sentinel;

use std::sync::Arc;

use bytes::Bytes;
use mecha_component::Result;
use mecha_component::conformance::state::{Options as Suite, check};
use mecha_component::state::{DynStateStore, GetRequest, Item, SetRequest, TTL_KEY};

use crate::testing::{Server, context, eventually, properties};

/// Etags are versions.
const SUITE: Suite = Suite { numeric_etags: true, only_json: false };

async fn open(host: &str, more: &[(&str, &str)]) -> Result<Arc<dyn DynStateStore>> {
    (crate::STATE.connect)(properties(host, more), context()).await
}

fn set(key: &str, value: &str) -> SetRequest {
    SetRequest { key: key.to_owned(), value: Bytes::copy_from_slice(value.as_bytes()), ..Default::default() }
}

fn with_ttl(key: &str, value: &str, ttl: &str) -> SetRequest {
    SetRequest { metadata: [(TTL_KEY.to_owned(), ttl.to_owned())].into(), ..set(key, value) }
}

async fn get(store: &dyn DynStateStore, key: &str) -> Result<Option<Item>> {
    store.get(GetRequest { key: key.to_owned(), ..Default::default() }).await
}

async fn text(store: &dyn DynStateStore, key: &str) -> Option<String> {
    let item = get(store, key).await.unwrap();
    item.map(|item| String::from_utf8(item.value.to_vec()).unwrap())
}

#[tokio::test]
async fn conforms_on_a_node() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    let report = check(Arc::clone(&store), SUITE).await;
    for case in ["etag", "etag-bulk", "first-write", "transaction", "ttl", "keys-like"] {
        assert!(report.ran.contains(&case), "{case} did not run");
    }
    assert_eq!(report.refused, ["query", "delete-with-prefix"]);
    store.close().await;
    assert_eq!(get(&*store, "a").await.unwrap_err().message(), "the component is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_requests_share_one_connection() {
    let server = Server::start(&[]);
    let store = open(&server.host(), &[]).await.unwrap();
    let writes = (0..5000).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.set(set(&format!("many||{number}"), "1")).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(server.cli(&["dbsize"]), "5000");
    // The asking redis-cli is the second.
    let clients = || server.cli(&["client", "list"]).lines().count();
    assert_eq!(clients(), 2);
    store.close().await;
    eventually("a closed store has no connection", async || clients() == 1).await;
}
