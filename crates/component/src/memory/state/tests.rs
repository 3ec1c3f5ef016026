//! What the store in memory does beyond the conformance suite: expiry frees memory, values own their bytes, failed
//! transactions leave no trace.

use std::time::Duration;

use super::*;
use crate::conformance::state::{Options, check};
use crate::state::{Concurrency, DynStateStore, TTL_KEY};

fn store() -> Arc<MemoryState> {
    MemoryState::start(&Handle::current())
}

fn set(key: &str, value: &str) -> SetRequest {
    SetRequest { key: key.to_owned(), value: Bytes::copy_from_slice(value.as_bytes()), ..Default::default() }
}

fn expiring(key: &str, seconds: u64) -> SetRequest {
    SetRequest { metadata: [(TTL_KEY.to_owned(), seconds.to_string())].into(), ..set(key, "x") }
}

#[tokio::test(start_paused = true)]
async fn conforms() {
    let report = check(store(), Options::default()).await;
    for case in ["etag", "first-write", "transaction", "ttl", "delete-with-prefix", "keys-like"] {
        assert!(report.ran.contains(&case), "{case} did not run");
    }
}

#[tokio::test(start_paused = true)]
async fn expired_items_leave_memory() {
    let store = store();
    for index in 0..1000 {
        StateStore::set(&*store, expiring(&format!("k{index}"), 5)).await.unwrap();
    }
    StateStore::set(&*store, set("stays", "x")).await.unwrap();
    StateStore::set(&*store, expiring("later", 3600)).await.unwrap();
    assert_eq!(store.map.read().len(), 1002);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(store.map.read().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_ends_with_the_store() {
    let before = Handle::current().metrics().num_alive_tasks();
    let store = store();
    StateStore::set(&*store, expiring("a", 3600)).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before + 1);
    drop(store);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test]
async fn a_failed_transaction_leaves_versions_alone() {
    let store = store();
    StateStore::set(&*store, set("a", "1")).await.unwrap();
    let get = |key: &str| GetRequest { key: key.to_owned(), ..Default::default() };
    let before = StateStore::get(&*store, get("a")).await.unwrap();
    let first = SetRequest { concurrency: Concurrency::FirstWrite, ..set("a", "3") };
    let operations = vec![
        Operation::Upsert(set("a", "2")),
        Operation::Upsert(set("b", "2")),
        Operation::Delete(DeleteRequest { key: "a".to_owned(), ..Default::default() }),
        Operation::Upsert(set("a", "4")),
        Operation::Upsert(first),
    ];
    let request = TransactionRequest { operations, ..Default::default() };
    StateStore::transact(&*store, request).await.unwrap_err();
    assert_eq!(StateStore::get(&*store, get("a")).await.unwrap(), before);
    assert_eq!(StateStore::get(&*store, get("b")).await.unwrap(), None);
}

#[tokio::test]
async fn a_value_does_not_hold_the_body_it_came_in() {
    let store = store();
    let body = Bytes::from(vec![7; 1 << 20]);
    let request = SetRequest { key: "a".to_owned(), value: body.slice(10..20), ..Default::default() };
    StateStore::set(&*store, request).await.unwrap();
    assert!(body.is_unique());
}

#[tokio::test]
async fn etags_differ_from_those_of_an_earlier_life() {
    let etag = async |store: Arc<MemoryState>| {
        StateStore::set(&*store, set("a", "1")).await.unwrap();
        let request = GetRequest { key: "a".to_owned(), ..Default::default() };
        StateStore::get(&*store, request).await.unwrap().unwrap().etag
    };
    let first = etag(store()).await;
    let started = ttl::now();
    while ttl::now() == started {
        std::hint::spin_loop();
    }
    assert_ne!(etag(store()).await, first);
}

#[tokio::test]
async fn the_registered_driver_makes_a_store() {
    let context = crate::Context {
        name: "store".to_owned(),
        app_id: "app".to_owned(),
        namespace: String::new(),
        tasks: Handle::current(),
        data: std::path::PathBuf::new(),
    };
    let made: Arc<dyn DynStateStore> =
        (crate::memory::STATE.connect)(crate::Properties::default(), context).await.unwrap();
    assert!(made.features().has(Feature::Actor));
    assert!(made.get(GetRequest::default()).await.unwrap().is_none());
}
