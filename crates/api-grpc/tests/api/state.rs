//! State over gRPC.

use std::collections::HashMap;
use std::sync::Arc;

use dapr::dapr::proto::common::v1::state_options::StateConcurrency;
use dapr::dapr::proto::common::v1::{Etag, StateItem, StateOptions};
use dapr::dapr::proto::runtime::v1 as pb;
use mecha_component::state::{
    DeleteRequest, GetRequest, Item, QueryRequest, QueryResponse, SetRequest, StateStore,
};
use mecha_component::{Feature, Features, Properties, Result};
use mecha_config::runtime::Component;
use mecha_runtime::Loaded;
use tonic::Code;

use crate::kit::{Sidecar, details, error_info};

fn item(key: &str, value: &str) -> StateItem {
    StateItem { key: key.to_owned(), value: value.as_bytes().to_vec(), ..Default::default() }
}

fn save(states: Vec<StateItem>) -> pb::SaveStateRequest {
    pb::SaveStateRequest { store_name: "statestore".to_owned(), states }
}

fn get(key: &str) -> pb::GetStateRequest {
    pb::GetStateRequest { store_name: "statestore".to_owned(), key: key.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_was_saved_is_got_by_one_key_and_by_several() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    client.save_state(save(vec![item("a", "1"), item("b", "\"two\"")])).await.unwrap();
    let found = client.get_state(get("b")).await.unwrap().into_inner();
    assert_eq!(found.data, b"\"two\"");
    assert!(!found.etag.is_empty());
    assert_eq!(client.get_state(get("c")).await.unwrap().into_inner(), pb::GetStateResponse::default());

    let keys = ["a", "b", "c"].map(str::to_owned).to_vec();
    let request = pb::GetBulkStateRequest { store_name: "statestore".to_owned(), keys, ..Default::default() };
    let mut items = client.get_bulk_state(request).await.unwrap().into_inner().items;
    items.sort_by(|one, other| one.key.cmp(&other.key));
    let found: Vec<_> = items.iter().map(|item| (item.key.as_str(), item.data.as_slice())).collect();
    assert_eq!(found, [("a", &b"1"[..]), ("b", b"\"two\""), ("c", b"")]);

    let request = pb::DeleteStateRequest {
        store_name: "statestore".to_owned(),
        key: "a".to_owned(),
        ..Default::default()
    };
    client.delete_state(request).await.unwrap();
    let states = vec![item("b", "")];
    let request = pb::DeleteBulkStateRequest { store_name: "statestore".to_owned(), states };
    client.delete_bulk_state(request).await.unwrap();
    for key in ["a", "b"] {
        assert!(client.get_state(get(key)).await.unwrap().into_inner().data.is_empty(), "{key} is gone");
    }
}

#[tokio::test]
async fn a_stale_etag_aborts_and_a_first_write_is_the_first() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    client.save_state(save(vec![item("a", "1")])).await.unwrap();
    let old = client.get_state(get("a")).await.unwrap().into_inner().etag;
    client.save_state(save(vec![item("a", "2")])).await.unwrap();
    let stale = StateItem { etag: Some(Etag { value: old.clone() }), ..item("a", "3") };
    let refused = client.save_state(save(vec![stale])).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    let request = pb::DeleteStateRequest {
        store_name: "statestore".to_owned(),
        key: "a".to_owned(),
        etag: Some(Etag { value: old }),
        ..Default::default()
    };
    assert_eq!(client.delete_state(request).await.unwrap_err().code(), Code::Aborted);

    let concurrency = StateConcurrency::ConcurrencyFirstWrite as i32;
    let options = Some(StateOptions { concurrency, consistency: 0 });
    let second = StateItem { options, ..item("a", "4") };
    assert_eq!(client.save_state(save(vec![second])).await.unwrap_err().code(), Code::Aborted);
    assert_eq!(client.get_state(get("a")).await.unwrap().into_inner().data, b"2");
}

#[tokio::test]
async fn an_item_tells_when_it_expires() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    let metadata = HashMap::from([("ttlInSeconds".to_owned(), "60".to_owned())]);
    client.save_state(save(vec![StateItem { metadata, ..item("a", "1") }])).await.unwrap();
    let found = client.get_state(get("a")).await.unwrap().into_inner();
    assert!(found.metadata.contains_key("ttlExpireTime"), "{:?}", found.metadata);
}

#[tokio::test]
async fn a_transaction_does_all_or_nothing() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    client.save_state(save(vec![item("old", "1")])).await.unwrap();
    let operation = |kind: &str, request| pb::TransactionalStateOperation {
        operation_type: kind.to_owned(),
        request: Some(request),
    };
    let request = |operations| pb::ExecuteStateTransactionRequest {
        store_name: "statestore".to_owned(),
        operations,
        ..Default::default()
    };
    let both = vec![operation("upsert", item("new", "2")), operation("delete", item("old", ""))];
    client.execute_state_transaction(request(both)).await.unwrap();
    assert_eq!(client.get_state(get("new")).await.unwrap().into_inner().data, b"2");
    assert!(client.get_state(get("old")).await.unwrap().into_inner().data.is_empty());

    let unknown = vec![operation("upsert", item("new", "3")), operation("increment", item("n", ""))];
    let refused = client.execute_state_transaction(request(unknown)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(refused.message(), "operation type increment not supported");
    assert_eq!(client.get_state(get("new")).await.unwrap().into_inner().data, b"2");
}

/// A store that finds the same for every query.
struct Finder;

impl StateStore for Finder {
    fn features(&self) -> Features {
        Features::of(&[Feature::QueryApi])
    }

    async fn get(&self, _: GetRequest) -> Result<Option<Item>> {
        Ok(None)
    }

    async fn set(&self, _: SetRequest) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: DeleteRequest) -> Result<()> {
        Ok(())
    }

    async fn query(&self, request: QueryRequest) -> Result<QueryResponse> {
        assert_eq!(request.query.pointer("/filter/EQ/n"), Some(&2.into()));
        let item = Item { value: r#"{"n":2}"#.into(), etag: Some("e".to_owned()), ..Item::default() };
        let metadata = [("cost".to_owned(), "1".to_owned())].into();
        Ok(QueryResponse {
            results: vec![("orders||b".to_owned(), item)],
            token: "next".to_owned(),
            metadata,
        })
    }
}

#[tokio::test]
async fn a_query_answers_keys_and_values() {
    let sidecar = Sidecar::new().await;
    sidecar.runtime.components().change(|snapshot| {
        let config = Component::new("finder", "state.test");
        let loaded = Loaded { config, properties: Properties::default(), driver: Arc::new(Finder) as _ };
        snapshot.state.insert("finder".to_owned(), Arc::new(loaded));
    });
    let query = |store: &str| pb::QueryStateRequest {
        store_name: store.to_owned(),
        query: r#"{"filter":{"EQ":{"n":2}}}"#.to_owned(),
        ..Default::default()
    };
    let found = sidecar.client().query_state_alpha1(query("finder")).await.unwrap().into_inner();
    let [result] = found.results.as_slice() else { panic!("{found:?}") };
    assert_eq!((result.key.as_str(), result.etag.as_str()), ("b", "e"));
    assert_eq!(result.data, br#"{"n":2}"#);
    assert_eq!((found.token.as_str(), found.metadata["cost"].as_str()), ("next", "1"));

    let refused = sidecar.client().query_state_alpha1(query("statestore")).await.unwrap_err();
    assert_eq!(error_info(&refused).reason, "DAPR_STATE_QUERYING_NOT_SUPPORTED");
}

#[tokio::test]
async fn errors_carry_googles_details() {
    let sidecar = Sidecar::new().await;
    let mut client = sidecar.client();
    let request = pb::GetStateRequest { store_name: "nowhere".to_owned(), ..get("a") };
    let refused = client.get_state(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "state store nowhere is not found");
    let info = error_info(&refused);
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("DAPR_STATE_NOT_FOUND", "dapr.io"));

    let refused = client.save_state(save(vec![item("a||b", "1")])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = details(&refused);
    let kinds: Vec<_> = details.details.iter().map(|any| any.type_url.rsplit('.').next().unwrap()).collect();
    assert_eq!(kinds, ["BadRequest", "ResourceInfo", "ErrorInfo"]);
}
