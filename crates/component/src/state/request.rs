//! What a state store is asked.

use bytes::Bytes;

use super::{Item, Metadata};
use crate::Error;

/// Whether a write must be the first since the writer read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// It need not.
    #[default]
    LastWrite,
    /// It must: with an etag, the stored one must be equal; without one, nothing may be stored.
    FirstWrite,
}

/// How sure a write or fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// As the store does by itself.
    #[default]
    Eventual,
    /// As sure as the store can.
    Strong,
}

/// Asks for an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetRequest {
    /// The key.
    pub key: String,
    /// How fresh.
    pub consistency: Consistency,
    /// The driver's own.
    pub metadata: Metadata,
}

/// Stores an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The value as it is to be stored.
    pub value: Bytes,
    /// The version that must be stored now; any when `None`.
    pub etag: Option<String>,
    /// First or last write.
    pub concurrency: Concurrency,
    /// How sure.
    pub consistency: Consistency,
    /// [`super::TTL_KEY`] and the driver's own.
    pub metadata: Metadata,
    /// The value's content type, when it is known.
    pub content_type: Option<String>,
}

impl SetRequest {
    /// When the item shall expire: `None` = nothing said, `Some(None)` = never, `Some(Some(seconds))`.
    ///
    /// # Errors
    /// When `ttlInSeconds` is no number; below -1 it makes no sense either.
    pub fn ttl(&self) -> crate::Result<Option<Option<u64>>> {
        let Some(text) = self.metadata.get(super::TTL_KEY).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match text.trim().parse::<i64>() {
            Ok(seconds) if seconds > 0 => Ok(Some(Some(seconds.unsigned_abs()))),
            Ok(-1 | 0) => Ok(Some(None)),
            _ => Err(Error::invalid(format!(
                "incorrect value for metadata '{}': `{text}` is not a number of seconds (-1 means never)",
                super::TTL_KEY
            ))),
        }
    }
}

/// Removes an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The key.
    pub key: String,
    /// The version that must be stored now; any when `None`.
    pub etag: Option<String>,
    /// First or last write.
    pub concurrency: Concurrency,
    /// How sure.
    pub consistency: Consistency,
    /// The driver's own.
    pub metadata: Metadata,
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Stores.
    Upsert(SetRequest),
    /// Removes.
    Delete(DeleteRequest),
}

impl Operation {
    /// The key it is about.
    pub fn key(&self) -> &str {
        match self {
            Operation::Upsert(set) => &set.key,
            Operation::Delete(delete) => &delete.key,
        }
    }
}

/// Several operations as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionRequest {
    /// In their order.
    pub operations: Vec<Operation>,
    /// The driver's own.
    pub metadata: Metadata,
}

/// A query as the API received it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryRequest {
    /// `filter`, `sort`, `page` of the query language (reference 1.2).
    pub query: serde_json::Value,
    /// Only keys that begin so are looked at; empty = all.
    pub key_prefix: String,
    /// The driver's own.
    pub metadata: Metadata,
}

/// What a query found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryResponse {
    /// Keys (whole) and their items, in the order asked for.
    pub results: Vec<(String, Item)>,
    /// Asks for the next page; empty when there is none.
    pub token: String,
    /// The driver's own.
    pub metadata: Metadata,
}
