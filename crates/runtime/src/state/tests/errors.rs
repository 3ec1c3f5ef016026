//! The bodies of errors, exactly: clients compare them.

use mecha_component::state::{DeleteRequest, Operation, SetRequest, TransactionRequest};
use mecha_component::{Error, Features};
use serde_json::json;

use super::{delete, get, set};
use crate::error::GrpcCode;
use crate::testing::{Store, runtime_of, runtime_with};
use crate::{ApiError, testing};

const INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
const RESOURCE: &str = "type.googleapis.com/google.rpc.ResourceInfo";

fn status(error: &ApiError) -> (u16, GrpcCode) {
    (error.http(), error.grpc())
}

#[tokio::test]
async fn a_store_that_is_not_there() {
    let bare = runtime_of(testing::config(), Default::default());
    let error = bare.state("statestore").err().unwrap();
    assert_eq!(status(&error), (500, GrpcCode::FailedPrecondition));
    assert_eq!(
        error.to_json(),
        json!({
            "errorCode": "ERR_STATE_STORE_NOT_CONFIGURED",
            "message": "state store statestore is not configured",
            "details": [{
                "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_NOT_CONFIGURED",
                "metadata": { "appID": "orders" },
            }],
        })
    );
    let (other, _) = runtime_with(Store::default(), &[]);
    let error = other.state("store1").err().unwrap();
    assert_eq!(status(&error), (400, GrpcCode::InvalidArgument));
    assert_eq!(
        error.to_json(),
        json!({
            "errorCode": "ERR_STATE_STORE_NOT_FOUND",
            "message": "state store store1 is not found",
            "details": [{
                "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_NOT_FOUND",
                "metadata": { "appID": "orders" },
            }],
        })
    );
}

#[tokio::test]
async fn a_key_that_is_not_allowed() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    let message = "input key/keyPrefix 'a||b' can't contain '||'";
    let body = json!({
        "errorCode": "ERR_MALFORMED_REQUEST",
        "message": message,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "field_violations": [{ "field": "a||b", "description": message }],
            },
            { "@type": RESOURCE, "resource_type": "state", "resource_name": "statestore" },
            { "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_ILLEGAL_KEY" },
        ],
    });
    let upsert = vec![Operation::Upsert(set("a||b", "1"))];
    let errors = [
        state.get(get("a||b")).await.unwrap_err(),
        state.get_many(vec![get("c"), get("a||b")], 0).await.unwrap_err(),
        state.save(vec![set("c", "1"), set("a||b", "1")]).await.unwrap_err(),
        state.delete(delete("a||b")).await.unwrap_err(),
        state.delete_many(vec![delete("a||b")]).await.unwrap_err(),
        state.transact(TransactionRequest { operations: upsert, ..Default::default() }).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((status(&error), error.to_json()), ((400, GrpcCode::InvalidArgument), body.clone()));
    }
    let missing = state.save(vec![set("", "1")]).await.unwrap_err();
    let body = json!({ "errorCode": "ERR_MALFORMED_REQUEST", "message": "\"key\" is a required field" });
    assert_eq!((missing.http(), missing.to_json()), (400, body));
    assert!(store.calls.lock().is_empty(), "nothing was asked of the store");
}

#[tokio::test]
async fn an_etag_that_is_another_one_or_makes_no_sense() {
    let (runtime, _) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    let save = |etag: &str| state.save(vec![SetRequest { etag: Some(etag.into()), ..set("a", "1") }]);
    let remove = |etag: &str| state.delete(DeleteRequest { etag: Some(etag.into()), ..delete("a") });
    let cases = [
        (
            save("7").await.unwrap_err(),
            (409, GrpcCode::Aborted),
            "ERR_STATE_SAVE",
            "failed saving state in state store statestore: possible etag mismatch. error from state store: \
             orders||a is at 0",
        ),
        (
            save("x").await.unwrap_err(),
            (400, GrpcCode::InvalidArgument),
            "ERR_STATE_SAVE",
            "failed saving state in state store statestore: invalid etag value: not a number",
        ),
        (
            remove("7").await.unwrap_err(),
            (409, GrpcCode::Aborted),
            "ERR_STATE_DELETE",
            "failed deleting state with key a: possible etag mismatch. error from state store: orders||a is at 0",
        ),
        (
            remove("x").await.unwrap_err(),
            (400, GrpcCode::InvalidArgument),
            "ERR_STATE_DELETE",
            "failed deleting state with key a: invalid etag value: not a number",
        ),
    ];
    for (error, expected, code, message) in cases {
        assert_eq!(status(&error), expected);
        assert_eq!(error.to_json(), json!({ "errorCode": code, "message": message }));
    }
}

#[tokio::test]
async fn a_store_that_fails() {
    let (runtime, store) = runtime_with(Store::default(), &[]);
    let state = runtime.state("statestore").unwrap();
    let mut errors = Vec::new();
    for operation in 0..6 {
        store.fail(Error::unavailable("no route to host"));
        let operations = vec![Operation::Upsert(set("a", "1"))];
        errors.push(match operation {
            0 => state.get(get("a")).await.unwrap_err(),
            1 => state.get_many(vec![get("a")], 0).await.unwrap_err(),
            2 => state.save(vec![set("a", "1")]).await.unwrap_err(),
            3 => state.delete(delete("a")).await.unwrap_err(),
            4 => state.delete_many(vec![delete("a")]).await.unwrap_err(),
            _ => state.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap_err(),
        });
    }
    let told: Vec<_> = errors.iter().map(|error| (error.code(), error.message())).collect();
    assert_eq!(
        told,
        [
            ("ERR_STATE_GET", "fail to get a from state store statestore: no route to host"),
            ("ERR_STATE_BULK_GET", "no route to host"),
            ("ERR_STATE_SAVE", "failed saving state in state store statestore: no route to host"),
            ("ERR_STATE_DELETE", "failed deleting state with key a: no route to host"),
            ("ERR_STATE_BULK_DELETE", "failed deleting state in state store statestore: no route to host"),
            ("ERR_STATE_TRANSACTION", "error while executing state transaction: no route to host"),
        ]
    );
    assert!(
        errors.iter().all(|error| status(error) == (500, GrpcCode::Internal) && error.details().is_empty())
    );
}

#[tokio::test]
async fn what_a_store_can_not_do() {
    let (plain, _) = runtime_with(Store { features: Features::default(), ..Store::default() }, &[]);
    let state = plain.state("statestore").unwrap();
    let resource = json!({ "@type": RESOURCE, "resource_type": "state", "resource_name": "statestore" });
    let error = state.transact(TransactionRequest::default()).await.unwrap_err();
    assert_eq!(status(&error), (500, GrpcCode::Unimplemented));
    assert_eq!(
        error.to_json(),
        json!({
            "errorCode": "ERR_STATE_STORE_NOT_SUPPORTED",
            "message": "state store statestore doesn't support transactions",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.Help",
                    "links": [{
                        "description": "Check the list of state stores and the features they support",
                        "url": "https://docs.dapr.io/reference/components-reference/supported-state-stores/",
                    }],
                },
                resource,
                { "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED" },
            ],
        })
    );
    let error = state.query(b"{}", Default::default()).await.unwrap_err();
    assert_eq!(status(&error), (500, GrpcCode::Internal));
    assert_eq!(
        error.to_json(),
        json!({
            "errorCode": "ERR_STATE_STORE_NOT_SUPPORTED",
            "message": "state store does not support querying",
            "details": [
                resource,
                { "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_QUERYING_NOT_SUPPORTED" },
            ],
        })
    );
}

#[tokio::test]
async fn requests_that_a_store_can_not_take() {
    let (runtime, store) = runtime_with(Store { most: Some(1), ..Store::default() }, &[]);
    let state = runtime.state("statestore").unwrap();
    let operations = vec![Operation::Delete(delete("a")), Operation::Delete(delete("b"))];
    let error = state.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap_err();
    let resource = json!({ "@type": RESOURCE, "resource_type": "state", "resource_name": "statestore" });
    assert_eq!(status(&error), (400, GrpcCode::InvalidArgument));
    assert_eq!(
        error.to_json(),
        json!({
            "errorCode": "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS",
            "message": "the transaction contains 2 operations, which is more than what the state store supports: 1",
            "details": [
                resource,
                {
                    "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_TOO_MANY_TRANSACTIONS",
                    "metadata": { "currentOpsTransaction": "2", "maxOpsPerTransaction": "1" },
                },
            ],
        })
    );
    store.fail(Error::invalid("unknown filter"));
    let failed = state.query(b"{}", Default::default()).await.unwrap_err();
    let malformed = state.query(b"{", Default::default()).await.unwrap_err();
    assert_eq!(failed.message(), "state store statestore query failed: unknown filter");
    assert!(
        malformed
            .message()
            .starts_with("state store statestore query failed: failed to parse JSON query body: ")
    );
    assert_eq!(
        failed.to_json()["details"],
        json!([resource, { "@type": INFO, "domain": "dapr.io", "reason": "DAPR_STATE_QUERY_FAILED" }])
    );
    let unknown = ApiError::state_operation_unknown("insert");
    assert_eq!(
        (unknown.http(), unknown.to_json()),
        (
            400,
            json!({
                "errorCode": "ERR_NOT_SUPPORTED_STATE_OPERATION",
                "message": "operation type insert not supported",
            })
        )
    );
}
