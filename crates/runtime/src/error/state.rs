//! Errors of the state API. Codes, texts, reasons and the order of details are Dapr's (reference 1.3): clients and
//! tests compare them.

use mecha_component::Error;

use super::component::{text, write_status};
use super::{ApiError, Detail, GrpcCode};

const KIND: &str = "state";

impl ApiError {
    /// No state store is loaded at all.
    pub fn state_not_configured(store: &str, app_id: &str) -> Self {
        let message = format!("state store {store} is not configured");
        Self::new("ERR_STATE_STORE_NOT_CONFIGURED", 500, GrpcCode::FailedPrecondition, message)
            .reason("DAPR_STATE_NOT_CONFIGURED", &of_app(app_id))
    }

    /// There are state stores, but none of that name.
    pub fn state_not_found(store: &str, app_id: &str) -> Self {
        let message = format!("state store {store} is not found");
        Self::new("ERR_STATE_STORE_NOT_FOUND", 400, GrpcCode::InvalidArgument, message)
            .reason("DAPR_STATE_NOT_FOUND", &of_app(app_id))
    }

    /// A key that can't be stored, and why.
    pub fn state_illegal_key(store: &str, key: &str, message: &str) -> Self {
        Self::new("ERR_MALFORMED_REQUEST", 400, GrpcCode::InvalidArgument, message)
            .with(Detail::BadRequest(vec![(key.to_owned(), message.to_owned())]))
            .resource(KIND, store)
            .reason("DAPR_STATE_ILLEGAL_KEY", &[])
    }

    /// An item without a key.
    pub fn state_key_missing() -> Self {
        let message = r#""key" is a required field"#;
        Self::new("ERR_MALFORMED_REQUEST", 400, GrpcCode::InvalidArgument, message)
    }

    /// An item could not be read.
    pub fn state_get(store: &str, key: &str, error: &Error) -> Self {
        let message = format!("fail to get {key} from state store {store}: {}", text(error));
        Self::new("ERR_STATE_GET", 500, GrpcCode::Internal, message)
    }

    /// Nothing of several items could be read.
    pub fn state_bulk_get(error: &Error) -> Self {
        Self::new("ERR_STATE_BULK_GET", 500, GrpcCode::Internal, text(error))
    }

    /// Items could not be stored.
    pub fn state_save(store: &str, error: &Error) -> Self {
        let message = format!("failed saving state in state store {store}: {}", text(error));
        let (http, grpc) = write_status(error);
        Self::new("ERR_STATE_SAVE", http, grpc, message)
    }

    /// An item could not be removed.
    pub fn state_delete(key: &str, error: &Error) -> Self {
        let message = format!("failed deleting state with key {key}: {}", text(error));
        let (http, grpc) = write_status(error);
        Self::new("ERR_STATE_DELETE", http, grpc, message)
    }

    /// Several items could not be removed.
    pub fn state_bulk_delete(store: &str, error: &Error) -> Self {
        let message = format!("failed deleting state in state store {store}: {}", text(error));
        let (http, grpc) = write_status(error);
        Self::new("ERR_STATE_BULK_DELETE", http, grpc, message)
    }

    /// A transaction failed. Etags make no difference here.
    pub fn state_transaction(error: &Error) -> Self {
        let message = format!("error while executing state transaction: {}", text(error));
        Self::new("ERR_STATE_TRANSACTION", 500, GrpcCode::Internal, message)
    }

    /// An operation of a transaction that is neither `upsert` nor `delete`.
    pub fn state_operation_unknown(operation: &str) -> Self {
        let message = format!("operation type {operation} not supported");
        Self::new("ERR_NOT_SUPPORTED_STATE_OPERATION", 400, GrpcCode::Unimplemented, message)
    }

    /// The store has no transactions.
    pub fn state_transactions_unsupported(store: &str) -> Self {
        let message = format!("state store {store} doesn't support transactions");
        let help = (
            "Check the list of state stores and the features they support".to_owned(),
            "https://docs.dapr.io/reference/components-reference/supported-state-stores/".to_owned(),
        );
        Self::new("ERR_STATE_STORE_NOT_SUPPORTED", 500, GrpcCode::Unimplemented, message)
            .with(Detail::Help(vec![help]))
            .resource(KIND, store)
            .reason("DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", &[])
    }

    /// A transaction has more operations than the store takes.
    pub fn state_too_many_operations(store: &str, count: usize, most: usize) -> Self {
        let message = format!(
            "the transaction contains {count} operations, which is more than what the state store supports: {most}"
        );
        let (count, most) = (count.to_string(), most.to_string());
        Self::new("ERR_STATE_STORE_TOO_MANY_TRANSACTIONS", 400, GrpcCode::InvalidArgument, message)
            .resource(KIND, store)
            .reason(
                "DAPR_STATE_TOO_MANY_TRANSACTIONS",
                &[("currentOpsTransaction", &count), ("maxOpsPerTransaction", &most)],
            )
    }

    /// The store has no queries.
    pub fn state_query_unsupported(store: &str) -> Self {
        let message = "state store does not support querying";
        Self::new("ERR_STATE_STORE_NOT_SUPPORTED", 500, GrpcCode::Internal, message)
            .resource(KIND, store)
            .reason("DAPR_STATE_QUERYING_NOT_SUPPORTED", &[])
    }

    /// A query failed.
    pub fn state_query_failed(store: &str, detail: &str) -> Self {
        let message = format!("state store {store} query failed: {detail}");
        Self::new("ERR_STATE_QUERY", 500, GrpcCode::Internal, message)
            .resource(KIND, store)
            .reason("DAPR_STATE_QUERY_FAILED", &[])
    }
}

fn of_app(app_id: &str) -> Vec<(&str, &str)> {
    if app_id.is_empty() { Vec::new() } else { vec![("appID", app_id)] }
}
