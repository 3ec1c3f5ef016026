//! State (reference 1.4, 2.1): messages into the runtime's requests and back.

use std::sync::Arc;

use mecha_component::state::{
    BulkItem, Concurrency, Consistency, DeleteRequest, GetRequest, Item, Operation, SetRequest,
    TransactionRequest,
};
use mecha_runtime::{ApiError, Runtime};
use tonic::{Request, Response};

use crate::dispatch::Answer;
use crate::proto::common::state_options::{StateConcurrency, StateConsistency};
use crate::proto::common::{Etag, StateItem, StateOptions};
use crate::proto::{hashed, ordered, pb};
use crate::status::refuse;

pub(crate) async fn get(
    runtime: Arc<Runtime>,
    request: Request<pb::GetStateRequest>,
) -> Answer<pb::GetStateResponse> {
    let request = request.into_inner();
    let wanted = GetRequest {
        key: request.key,
        consistency: consistency(request.consistency),
        metadata: ordered(request.metadata),
    };
    let found = async { runtime.state(&request.store_name)?.get(wanted).await };
    let item = found.await.map_err(|error| refuse(&runtime, &error))?.unwrap_or_default();
    let Item { value, etag, metadata, content_type: _ } = item;
    Ok(Response::new(pb::GetStateResponse {
        data: value.into(),
        etag: etag.unwrap_or_default(),
        metadata: hashed(metadata),
    }))
}

pub(crate) async fn get_bulk(
    runtime: Arc<Runtime>,
    request: Request<pb::GetBulkStateRequest>,
) -> Answer<pb::GetBulkStateResponse> {
    let request = request.into_inner();
    let metadata = ordered(request.metadata);
    let each = |key| GetRequest { key, metadata: metadata.clone(), ..GetRequest::default() };
    let wanted = request.keys.into_iter().map(each).collect();
    let parallelism = usize::try_from(request.parallelism).unwrap_or_default();
    let found = async { runtime.state(&request.store_name)?.get_many(wanted, parallelism).await };
    let items = found.await.map_err(|error| refuse(&runtime, &error))?;
    Ok(Response::new(pb::GetBulkStateResponse { items: items.into_iter().map(bulk_item).collect() }))
}

pub(crate) async fn save(runtime: Arc<Runtime>, request: Request<pb::SaveStateRequest>) -> Answer<()> {
    let request = request.into_inner();
    let items = request.states.into_iter().map(set_request).collect();
    let saved = async { runtime.state(&request.store_name)?.save(items).await };
    saved.await.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

pub(crate) async fn delete(runtime: Arc<Runtime>, request: Request<pb::DeleteStateRequest>) -> Answer<()> {
    let request = request.into_inner();
    let (concurrency, consistency) = options(request.options);
    let wanted = DeleteRequest {
        key: request.key,
        etag: etag(request.etag),
        concurrency,
        consistency,
        metadata: ordered(request.metadata),
    };
    let deleted = async { runtime.state(&request.store_name)?.delete(wanted).await };
    deleted.await.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

pub(crate) async fn delete_bulk(
    runtime: Arc<Runtime>,
    request: Request<pb::DeleteBulkStateRequest>,
) -> Answer<()> {
    let request = request.into_inner();
    let items = request.states.into_iter().map(delete_request).collect();
    let deleted = async { runtime.state(&request.store_name)?.delete_many(items).await };
    deleted.await.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

pub(crate) async fn transact(
    runtime: Arc<Runtime>,
    request: Request<pb::ExecuteStateTransactionRequest>,
) -> Answer<()> {
    let request = request.into_inner();
    let done = async {
        let state = runtime.state(&request.store_name)?;
        state.check_transactions()?;
        let operations = request.operations.into_iter().map(operation).collect::<Result<_, _>>()?;
        state.transact(TransactionRequest { operations, metadata: ordered(request.metadata) }).await
    };
    done.await.map(Response::new).map_err(|error| refuse(&runtime, &error))
}

pub(crate) async fn query(
    runtime: Arc<Runtime>,
    request: Request<pb::QueryStateRequest>,
) -> Answer<pb::QueryStateResponse> {
    let request = request.into_inner();
    let metadata = ordered(request.metadata);
    let found = async { runtime.state(&request.store_name)?.query(request.query.as_bytes(), metadata).await };
    let found = found.await.map_err(|error| refuse(&runtime, &error))?;
    let each = |(key, item): (String, Item)| pb::QueryStateItem {
        key,
        data: item.value.into(),
        etag: item.etag.unwrap_or_default(),
        error: String::new(),
    };
    Ok(Response::new(pb::QueryStateResponse {
        results: found.results.into_iter().map(each).collect(),
        token: found.token,
        metadata: hashed(found.metadata),
    }))
}

fn bulk_item(entry: BulkItem) -> pb::BulkStateItem {
    let key = entry.key;
    match entry.item {
        Ok(item) => {
            let Item { value, etag, metadata, content_type: _ } = item.unwrap_or_default();
            pb::BulkStateItem {
                key,
                data: value.into(),
                etag: etag.unwrap_or_default(),
                error: String::new(),
                metadata: hashed(metadata),
            }
        }
        Err(error) => pb::BulkStateItem { key, error: error.to_string(), ..pb::BulkStateItem::default() },
    }
}

fn set_request(item: StateItem) -> SetRequest {
    let (concurrency, consistency) = options(item.options);
    SetRequest {
        key: item.key,
        value: item.value.into(),
        etag: etag(item.etag),
        concurrency,
        consistency,
        metadata: ordered(item.metadata),
        content_type: None,
    }
}

fn delete_request(item: StateItem) -> DeleteRequest {
    let (concurrency, consistency) = options(item.options);
    DeleteRequest {
        key: item.key,
        etag: etag(item.etag),
        concurrency,
        consistency,
        metadata: ordered(item.metadata),
    }
}

fn operation(operation: pb::TransactionalStateOperation) -> Result<Operation, ApiError> {
    let item = operation.request.unwrap_or_default();
    match operation.operation_type.as_str() {
        "upsert" => Ok(Operation::Upsert(set_request(item))),
        "delete" => Ok(Operation::Delete(delete_request(item))),
        other => Err(ApiError::state_operation_unknown(other)),
    }
}

fn etag(etag: Option<Etag>) -> Option<String> {
    etag.map(|etag| etag.value)
}

fn options(options: Option<StateOptions>) -> (Concurrency, Consistency) {
    let options = options.unwrap_or_default();
    let concurrency = match options.concurrency() {
        StateConcurrency::ConcurrencyFirstWrite => Concurrency::FirstWrite,
        StateConcurrency::ConcurrencyUnspecified | StateConcurrency::ConcurrencyLastWrite => {
            Concurrency::LastWrite
        }
    };
    (concurrency, consistency(options.consistency))
}

/// Numbers that nobody defined count as unspecified.
fn consistency(number: i32) -> Consistency {
    if number == StateConsistency::ConsistencyStrong as i32 {
        Consistency::Strong
    } else {
        Consistency::Eventual
    }
}
