//! State: items of a store, one by one, several at once, in transactions and by query.

mod body;

use http::StatusCode;
use http::header::{ETAG, HeaderValue, IF_MATCH};
use mecha_component::state::{BulkItem, DeleteRequest, GetRequest, Item, Metadata, TransactionRequest};
use mecha_runtime::ApiError;
use mecha_runtime::json::from_slice;
use mecha_runtime::state::{concurrency, consistency};

use crate::call::{Call, malformed};
use crate::reply::{Outcome, empty, json, raw_json, with_metadata};
use body::{BulkGet, BulkGot, Found, QueryResult, SaveItem, Transaction};

const STORE: &str = "storeName";
const KEY: &str = "key";

/// `GET /v1.0/state/{store}/{key}`: the value as it is stored.
pub(crate) async fn get(call: Call) -> Outcome {
    let store = call.runtime.state(call.param(STORE))?;
    let request = GetRequest {
        key: call.param(KEY).to_owned(),
        // What is no consistency counts as none: no store looks at it.
        consistency: consistency(&call.query("consistency").unwrap_or_default()).unwrap_or_default(),
        metadata: call.metadata(),
    };
    let Some(Item { value, etag, metadata, .. }) = store.get(request).await? else { return Ok(empty()) };
    let mut reply = with_metadata(raw_json(StatusCode::OK, value), &metadata);
    if let Some(Ok(etag)) = etag.map(HeaderValue::try_from) {
        reply.headers_mut().insert(ETAG, etag);
    }
    Ok(reply)
}

/// `POST /v1.0/state/{store}`: the body is an array of items. Metadata of the query wins over that of an item.
pub(crate) async fn save(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let store = call.runtime.state(call.param(STORE))?;
    let items: Vec<SaveItem> = from_slice(&body).map_err(|error| malformed(&error.to_string()))?;
    if items.is_empty() {
        return Ok(empty());
    }
    let failed = |error| ApiError::state_save(store.name(), &error);
    let mut requests = Vec::with_capacity(items.len());
    for item in items {
        let mut request = item.into_request().map_err(failed)?;
        request.metadata.extend(call.metadata());
        requests.push(request);
    }
    store.save(requests).await?;
    Ok(empty())
}

/// `DELETE /v1.0/state/{store}/{key}`: `If-Match` is the etag.
pub(crate) async fn delete(call: Call) -> Outcome {
    let store = call.runtime.state(call.param(STORE))?;
    let key = call.param(KEY).to_owned();
    let etag = call.header(IF_MATCH.as_str());
    let etag = (!etag.is_empty()).then(|| etag.to_owned());
    let failed = |error| ApiError::state_delete(&key, &error);
    let concurrency = concurrency(&call.query("concurrency").unwrap_or_default()).map_err(failed)?;
    let consistency = consistency(&call.query("consistency").unwrap_or_default()).map_err(failed)?;
    let metadata = call.metadata();
    store.delete(DeleteRequest { key, etag, concurrency, consistency, metadata }).await?;
    Ok(empty())
}

/// `POST /v1.0/state/{store}/bulk`: the body names the keys.
pub(crate) async fn get_many(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let store = call.runtime.state(call.param(STORE))?;
    let BulkGet { keys, parallelism, metadata } =
        from_slice(&body).map_err(|error| malformed(&error.to_string()))?;
    let mut metadata = metadata.unwrap_or_default();
    metadata.extend(call.metadata());
    let request = |key| GetRequest { key, metadata: metadata.clone(), ..GetRequest::default() };
    let requests = keys.unwrap_or_default().into_iter().map(request).collect();
    let got = store.get_many(requests, usize::try_from(parallelism).unwrap_or(0)).await?;
    let got: Vec<_> = got.into_iter().map(|BulkItem { key, item }| BulkGot::new(key, item)).collect();
    Ok(json(StatusCode::OK, &got))
}

/// `POST /v1.0/state/{store}/transaction`: all operations or none.
pub(crate) async fn transact(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let store = call.runtime.state(call.param(STORE))?;
    store.check_transactions()?;
    let Transaction { operations, metadata } =
        from_slice(&body).map_err(|error| malformed(&error.to_string()))?;
    let Some(operations) = operations.filter(|operations| !operations.is_empty()) else { return Ok(empty()) };
    let mut metadata: Metadata = metadata.unwrap_or_default();
    metadata.extend(call.metadata());
    let read = |operation: body::Step| operation.into_operation(&metadata);
    let operations = operations.into_iter().map(read).collect::<Result<_, ApiError>>()?;
    store.transact(TransactionRequest { operations, metadata }).await?;
    Ok(empty())
}

/// `POST /v1.0-alpha1/state/{store}/query`: the body is the query.
pub(crate) async fn query(mut call: Call) -> Outcome {
    let body = call.bytes().await?;
    let store = call.runtime.state(call.param(STORE))?;
    let found = store.query(&body, call.metadata()).await?;
    if found.results.is_empty() {
        return Ok(empty());
    }
    let results = found.results.into_iter().map(|(key, item)| Found::new(key, item)).collect();
    let result = QueryResult { results, token: found.token, metadata: found.metadata };
    Ok(json(StatusCode::OK, &result))
}
