//! The JSON of the state API.

use std::collections::BTreeMap;

use bytes::Bytes;
use mecha_component::state::{DeleteRequest, Item, Metadata, Operation, SetRequest};
use mecha_component::{Error, Result};
use mecha_runtime::ApiError;
use mecha_runtime::json::from_slice;
use mecha_runtime::state::{concurrency, consistency};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::malformed;

/// An item to be stored, or, without a value, to be removed.
#[derive(Deserialize)]
pub(super) struct SaveItem {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    options: Option<Options>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    concurrency: Option<String>,
    #[serde(default)]
    consistency: Option<String>,
}

impl SaveItem {
    /// As the runtime takes it.
    pub(super) fn into_request(self) -> Result<SetRequest> {
        let SaveItem { key, value, etag, metadata, options } = self;
        let options = options.unwrap_or_default();
        Ok(SetRequest {
            key,
            value: value.map_or(Bytes::from_static(b"null"), |value| compact(value.get())),
            etag,
            concurrency: concurrency(&options.concurrency.unwrap_or_default())?,
            consistency: consistency(&options.consistency.unwrap_or_default())?,
            metadata: metadata.unwrap_or_default(),
            content_type: None,
        })
    }

    fn into_delete(self) -> Result<DeleteRequest> {
        let SetRequest { key, etag, concurrency, consistency, metadata, .. } = self.into_request()?;
        Ok(DeleteRequest { key, etag, concurrency, consistency, metadata })
    }
}

/// A JSON text without white space between its parts. Numbers stay as they were written: another program's integers may
/// be larger than any type here.
fn compact(json: &str) -> Bytes {
    if !json.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Bytes::copy_from_slice(json.as_bytes());
    }
    let mut kept = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        if in_text {
            (in_text, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_text = byte == b'"';
        }
        kept.push(byte);
    }
    kept.into()
}

/// The body of a bulk get.
#[derive(Deserialize)]
pub(super) struct BulkGet {
    #[serde(default)]
    pub(super) keys: Option<Vec<String>>,
    #[serde(default)]
    pub(super) parallelism: i64,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

/// What became of one key.
#[derive(Serialize)]
pub(super) struct BulkGot {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: Metadata,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

impl BulkGot {
    pub(super) fn new(key: String, item: std::result::Result<Option<Item>, Error>) -> Self {
        let (item, error) = match item {
            Ok(item) => (item.unwrap_or_default(), String::new()),
            Err(error) => (Item::default(), error.to_string()),
        };
        let Item { value, etag, metadata, .. } = item;
        let data = (!value.is_empty()).then(|| embed(&value));
        BulkGot { key, data, etag, metadata, error }
    }
}

/// The body of a transaction.
#[derive(Deserialize)]
pub(super) struct Transaction {
    #[serde(default)]
    pub(super) operations: Option<Vec<Step>>,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

/// One operation of it.
#[derive(Deserialize)]
pub(super) struct Step {
    #[serde(default)]
    operation: String,
    #[serde(default)]
    request: Option<Box<RawValue>>,
}

impl Step {
    /// As the runtime takes it. What is said for the whole transaction holds where the operation says nothing itself.
    pub(super) fn into_operation(self, common: &Metadata) -> std::result::Result<Operation, ApiError> {
        let is_upsert = match self.operation.as_str() {
            "upsert" => true,
            "delete" => false,
            other => return Err(ApiError::state_operation_unknown(other)),
        };
        let text = self.request.as_deref().map_or("{}", RawValue::get);
        let mut item: SaveItem =
            from_slice(text.as_bytes()).map_err(|error| malformed(&error.to_string()))?;
        let own = item.metadata.get_or_insert_default();
        for (key, value) in common {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let operation = if is_upsert {
            item.into_request().map(Operation::Upsert)
        } else {
            item.into_delete().map(Operation::Delete)
        };
        operation.map_err(|error| ApiError::state_transaction(&error))
    }
}

/// What a query found.
#[derive(Serialize)]
pub(super) struct QueryResult {
    pub(super) results: Vec<Found>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) token: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: Metadata,
}

/// One item of it.
#[derive(Serialize)]
pub(super) struct Found {
    key: String,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

impl Found {
    pub(super) fn new(key: String, item: Item) -> Self {
        Found { key, data: embed(&item.value), etag: item.etag }
    }
}

/// A stored value in an answer: JSON as it is, anything else (another client may have stored it) as a text.
fn embed(value: &[u8]) -> Box<RawValue> {
    let text = String::from_utf8_lossy(value);
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(json) => json.to_owned(),
        Err(_) => serde_json::value::to_raw_value(text.as_ref()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_white_space_and_nothing_else() {
        for (json, compacted) in [
            (r#"{"a" : [1, 2.50],  "b c": "x \" y" }"#, r#"{"a":[1,2.50],"b c":"x \" y"}"#),
            (r#""\\ " "#, r#""\\ ""#),
            ("12345678901234567890123", "12345678901234567890123"),
        ] {
            assert_eq!(compact(json), compacted);
        }
    }

    #[test]
    fn what_is_no_json_is_shown_as_text() {
        assert_eq!(embed(b"{\"a\":1}").get(), "{\"a\":1}");
        assert_eq!(embed(b"plain").get(), "\"plain\"");
        assert_eq!(embed(b"").get(), "\"\"");
    }
}
