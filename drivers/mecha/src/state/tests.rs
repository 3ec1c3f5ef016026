//! The store by the suite of its building block, and what the suite does not know of: files, restarts, keyspaces.

use mecha_component::ErrorKind;
use mecha_component::conformance;
use mecha_component::state::{Concurrency, TTL_KEY};

use super::*;
use crate::testing::{Folder, properties};

async fn store(folder: &Folder, name: &str) -> MechaState {
    MechaState::open(&Properties::default(), &folder.context(name)).await.unwrap()
}

fn set(key: &str, value: &str) -> SetRequest {
    SetRequest { key: key.to_owned(), value: Bytes::copy_from_slice(value.as_bytes()), ..Default::default() }
}

async fn get(store: &MechaState, key: &str) -> Option<Item> {
    StateStore::get(store, GetRequest { key: key.to_owned(), ..Default::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_promises_of_a_state_store() {
    let folder = Folder::new();
    let store = (STATE.connect)(Properties::default(), folder.context("statestore")).await.unwrap();
    let options = conformance::state::Options { numeric_etags: true, ..Default::default() };
    let report = conformance::state::check(Arc::clone(&store), options).await;
    assert!(report.refused.is_empty(), "{report:?}");
    store.close().await;
}

#[tokio::test]
async fn items_outlive_the_store() {
    let folder = Folder::new();
    let first = store(&folder, "s").await;
    let ttl = [(TTL_KEY.to_owned(), "600".to_owned())].into();
    let request =
        SetRequest { content_type: Some("application/json".into()), metadata: ttl, ..set("a", "{}") };
    StateStore::set(&first, request).await.unwrap();
    let before = get(&first, "a").await.unwrap();
    assert_eq!(before.content_type.as_deref(), Some("application/json"));
    StateStore::close(&first).await;
    assert_eq!(StateStore::set(&first, set("a", "2")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(get(&store(&folder, "s").await, "a").await, Some(before));
}

#[tokio::test]
async fn components_of_one_directory_have_their_own_keys() {
    let folder = Folder::new();
    let (a, b) = (store(&folder, "a").await, store(&folder, "b").await);
    StateStore::set(&a, set("key", "of a")).await.unwrap();
    assert_eq!(get(&b, "key").await, None);
    let shared = MechaState::open(&properties([("keyspace", "a")]), &folder.context("c")).await.unwrap();
    assert_eq!(get(&shared, "key").await.map(|item| item.value), Some(Bytes::from_static(b"of a")));
}

#[tokio::test]
async fn a_removed_item_has_another_etag_when_it_comes_again() {
    let folder = Folder::new();
    let store = store(&folder, "s").await;
    StateStore::set(&store, set("a", "1")).await.unwrap();
    let etag = get(&store, "a").await.unwrap().etag;
    StateStore::delete(&store, DeleteRequest { key: "a".into(), ..Default::default() }).await.unwrap();
    StateStore::set(&store, set("a", "2")).await.unwrap();
    let stale = SetRequest { etag, concurrency: Concurrency::FirstWrite, ..set("a", "3") };
    assert_eq!(StateStore::set(&store, stale).await.unwrap_err().kind(), ErrorKind::EtagMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_writers_one_wins() {
    let folder = Folder::new();
    let store = Arc::new(store(&folder, "s").await);
    let write = |number: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let request =
                SetRequest { concurrency: Concurrency::FirstWrite, ..set("a", &number.to_string()) };
            StateStore::set(&*store, request).await.is_ok()
        })
    };
    let writers: Vec<_> = (0..64).map(write).collect();
    let mut winners = Vec::new();
    for (number, writer) in writers.into_iter().enumerate() {
        if writer.await.unwrap() {
            winners.push(number.to_string());
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(get(&store, "a").await.unwrap().value, winners[0].as_bytes());
}

#[tokio::test]
async fn wrong_properties_are_named() {
    let folder = Folder::new();
    let open = async |name, value| {
        let opened = MechaState::open(&properties([(name, value)]), &folder.context("s")).await;
        opened.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let long = "x".repeat(256);
    assert!(open("durability", "sometimes").await.starts_with("durability: `sometimes` is none of commit"));
    assert!(open("keyspace", &long).await.starts_with("keyspace:"));
    assert!(open("dataDir", "/dev/null/data").await.contains("/dev/null/data"));
    assert_eq!(open("durability", "20ms").await, "");
}
