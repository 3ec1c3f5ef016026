//! The state API over a store that keeps what it is told: keys, values and answers as a caller sees them.

mod encrypted;
mod errors;

use mecha_component::state::{
    DeleteRequest, GetRequest, Item, Operation, QueryResponse, SetRequest, TransactionRequest,
};
use mecha_component::{Error, ErrorKind};
use mecha_config::runtime as config;
use serde_json::json;

use crate::testing::{self, Call, Store, runtime_with, runtime_with_config};

fn set(key: &str, value: &str) -> SetRequest {
    SetRequest { key: key.into(), value: value.to_owned().into(), ..Default::default() }
}

fn get(key: &str) -> GetRequest {
    GetRequest { key: key.into(), ..Default::default() }
}

fn delete(key: &str) -> DeleteRequest {
    DeleteRequest { key: key.into(), ..Default::default() }
}

async fn value(runtime: &crate::Runtime, key: &str) -> Option<String> {
    let item = runtime.state("statestore").unwrap().get(get(key)).await.unwrap();
    item.map(|item| String::from_utf8(item.value.to_vec()).unwrap())
}

/// Each strategy of `keyPrefix` and what stands before a key then.
#[tokio::test]
async fn keys_get_the_prefix_that_the_component_asks_for() {
    let cases = [
        ("", "", "orders||a"),
        ("appid", "shop", "orders||a"),
        ("name", "", "statestore||a"),
        ("namespace", "shop", "shop.orders||a"),
        ("namespace", "", "orders||a"),
        ("none", "", "a"),
        ("Common", "", "common||a"),
    ];
    for (strategy, namespace, stored) in cases {
        let mut config = testing::config();
        config.identity.namespace = namespace.into();
        let component = testing::component("statestore", "state.test", &[("keyPrefix", strategy)]);
        let (runtime, store) = runtime_with_config(config, Store::default(), component);
        runtime.state("statestore").unwrap().save(vec![set("a", "1")]).await.unwrap();
        assert!(store.stored(stored).is_some(), "{strategy}: {:?}", store.calls.lock());
        assert_eq!(value(&runtime, "a").await.as_deref(), Some("1"), "{strategy}");
    }
}

#[tokio::test]
async fn one_item_is_set_and_several_are_set_at_once() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    state.save(Vec::new()).await.unwrap();
    state.save(vec![set("a", "1")]).await.unwrap();
    state.save(vec![set("a", "2"), set("b", "3")]).await.unwrap();
    let calls = store.calls.lock().clone();
    assert!(matches!(&calls[0], Call::Set(request) if request.key == "orders||a"), "{calls:?}");
    assert_eq!(calls[1..], [Call::BulkSet(vec!["orders||a".into(), "orders||b".into()])]);
    assert_eq!(value(&runtime, "a").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_set_carries_what_the_request_says() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let mut item = set("a", "{}");
    item.etag = Some(String::new());
    item.metadata.insert("contentType".into(), "application/json".into());
    item.metadata.insert("ttlInSeconds".into(), "5".into());
    runtime.state("statestore").unwrap().save(vec![item]).await.unwrap();
    let Call::Set(asked) = store.calls.lock()[0].clone() else { panic!() };
    assert_eq!(asked.etag, None, "an empty etag is none");
    assert_eq!(asked.content_type.as_deref(), Some("application/json"));
    assert_eq!(asked.ttl().unwrap(), Some(Some(5)));
}

#[tokio::test]
async fn what_is_deleted_is_gone() {
    let (runtime, _) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    state.save(vec![set("a", "1"), set("b", "2"), set("c", "3")]).await.unwrap();
    state.delete(delete("a")).await.unwrap();
    state.delete_many(vec![delete("b"), delete("nothing")]).await.unwrap();
    let left = [value(&runtime, "a").await, value(&runtime, "b").await, value(&runtime, "c").await];
    assert_eq!(left, [None, None, Some("3".into())]);
}

#[tokio::test]
async fn many_items_are_read_in_order_with_the_error_of_each() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    state.save(vec![set("a", "1"), set("b", "2")]).await.unwrap();
    store.calls.lock().clear();
    let keys = ["b", "none", "broken", "a"];
    let found = state.get_many(keys.map(get).to_vec(), 2).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|entry| match &entry.item {
            Ok(item) => format!("{} {:?}", entry.key, item.as_ref().map(|item| &item.value[..])),
            Err(error) => format!("{} {error}", entry.key),
        })
        .collect();
    assert_eq!(told, ["b Some([50])", "none None", "broken disk on fire", "a Some([49])"]);
    let parts = [["orders||b", "orders||none"], ["orders||broken", "orders||a"]];
    let parts = parts.map(|keys| Call::BulkGet(keys.map(str::to_owned).to_vec()));
    assert_eq!(*store.calls.lock(), parts, "two parts at once");
    assert_eq!(state.get_many(Vec::new(), 0).await.unwrap(), []);
}

#[tokio::test]
async fn a_transaction_reaches_the_store_whole_and_in_order() {
    let (runtime, store) = runtime_with(Store { most: Some(3), ..Store::default() }, &[]);
    let state = runtime.state("statestore").unwrap();
    let operations = vec![
        Operation::Delete(delete("a")),
        Operation::Upsert(set("a", "1")),
        Operation::Delete(delete("b")),
    ];
    state.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap();
    state.transact(TransactionRequest::default()).await.unwrap();
    let calls = store.calls.lock().clone();
    let [Call::Transact(asked)] = &calls[..] else { panic!("{calls:?}") };
    let keys: Vec<_> = asked.operations.iter().map(Operation::key).collect();
    assert_eq!(keys, ["orders||a", "orders||a", "orders||b"]);
    assert_eq!(value(&runtime, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_query_asks_for_the_applications_own_and_answers_with_its_keys() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let item = Item { value: "{}".into(), ..Item::default() };
    *store.found.lock() =
        QueryResponse { results: vec![("orders||a".into(), item)], token: "2".into(), ..Default::default() };
    let found =
        runtime.state("statestore").unwrap().query(br#"{"page":{"limit":1}}"#, Default::default()).await;
    let found = found.unwrap();
    assert_eq!((found.results[0].0.as_str(), found.token.as_str()), ("a", "2"));
    let calls = store.calls.lock().clone();
    let Call::Query(asked) = &calls[0] else { panic!("{calls:?}") };
    assert_eq!((&asked.query, asked.key_prefix.as_str()), (&json!({ "page": { "limit": 1 } }), "orders||"));
}

#[test]
fn options_are_read() {
    use mecha_component::state::{Concurrency, Consistency};
    assert_eq!(super::concurrency("first-write").unwrap(), Concurrency::FirstWrite);
    assert_eq!(super::concurrency("").unwrap(), Concurrency::LastWrite);
    assert_eq!(super::consistency("strong").unwrap(), Consistency::Strong);
    assert_eq!(super::consistency("eventual").unwrap(), Consistency::Eventual);
    let wrong = super::concurrency("First").unwrap_err();
    assert_eq!(wrong.message(), "unrecognized concurrency model 'First'");
    assert_eq!(super::consistency("x").unwrap_err().message(), "unrecognized consistency model 'x'");
}

/// A policy that tries three times more, without a pause.
fn retried() -> config::Runtime {
    use mecha_config::runtime::resiliency::{ComponentTarget, Pause, Retry, Target};
    let mut config = testing::config();
    let retry = Retry {
        pause: Pause::Constant(std::time::Duration::ZERO),
        max_retries: Some(3),
        http_codes: None,
        grpc_codes: None,
    };
    let outbound = Target { retry: Some("again".into()), ..Default::default() };
    let target = ComponentTarget { outbound, ..Default::default() };
    config.resources.resiliency.push(config::Resiliency {
        name: "r".into(),
        retries: [("again".to_owned(), retry)].into(),
        components: [("statestore".to_owned(), target)].into(),
        ..Default::default()
    });
    config
}

#[tokio::test]
async fn only_the_keys_that_may_succeed_are_tried_again() {
    let component = testing::component("statestore", "state.test", &[]);
    let (runtime, store) = runtime_with_config(retried(), Store::default(), component);
    let down = Error::unavailable("down");
    let stale = Error::new(ErrorKind::EtagMismatch, "stale");
    store.fail(Error::of_keys(vec![("orders||a".into(), down), ("orders||b".into(), stale)]));
    let items = vec![set("a", "1"), set("b", "2"), set("c", "3")];
    let error = runtime.state("statestore").unwrap().save(items).await.unwrap_err();
    let all = ["orders||a", "orders||b", "orders||c"].map(str::to_owned).to_vec();
    assert_eq!(*store.calls.lock(), [Call::BulkSet(all), Call::BulkSet(vec!["orders||a".into()])]);
    assert_eq!(error.http(), 409, "what was lost on the way is told: {error}");
    assert_eq!(
        error.message(),
        "failed saving state in state store statestore: possible etag mismatch. error from state store: b: stale"
    );
    assert_eq!(value(&runtime, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_wrong_etag_is_not() {
    let component = testing::component("statestore", "state.test", &[]);
    let (runtime, store) = runtime_with_config(retried(), Store::default(), component);
    store.fail(Error::unavailable("down"));
    assert_eq!(value(&runtime, "a").await, None);
    assert_eq!(store.calls.lock().len(), 2);
    let item = SetRequest { etag: Some("7".into()), ..set("a", "1") };
    runtime.state("statestore").unwrap().save(vec![item]).await.unwrap_err();
    assert_eq!(store.calls.lock().len(), 3);
}
