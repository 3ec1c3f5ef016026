//! One write, as the script takes it.

use bytes::Bytes;
use mecha_component::state::etag::{Expected, numeric};
use mecha_component::state::{DeleteRequest, Metadata, SetRequest};
use mecha_component::{Error, Result};

/// The metadata key that asks for a layout, of requests and of transactions.
const CONTENT_TYPE: &str = "contentType";
const JSON: &str = "application/json";
/// Redis counts milliseconds in 63 bits; this is far below, and far beyond anybody's patience.
const LONGEST_TTL: u64 = 100_000_000_000;

/// How an item is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Hash,
    Json,
}

/// A set or a delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: String,
    pub(super) layout: Layout,
    pub(super) condition: Condition,
    pub(super) action: Action,
}

/// What must be stored for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    Nothing,
    Version(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Set {
        /// The data of a hash, the whole document of a json.
        value: Bytes,
        /// Whether it is remembered that the item was written first-write.
        mark: bool,
        /// Seconds; `None` = it does not expire.
        ttl: Option<u64>,
    },
    Delete,
}

impl Layout {
    /// What `metadata` asks for; a hash where the server has no `json`.
    pub(super) fn of(metadata: &Metadata, json: bool) -> Self {
        match metadata.get(CONTENT_TYPE) {
            Some(kind) if json && kind == JSON => Layout::Json,
            _ => Layout::Hash,
        }
    }
}

impl Write {
    /// `default` is the expiry of items that say nothing about it.
    pub(super) fn set(request: SetRequest, layout: Layout, default: Option<u64>) -> Result<Self> {
        let ttl = request.ttl()?.unwrap_or(default);
        if ttl.is_some_and(|ttl| ttl > LONGEST_TTL) {
            return Err(Error::invalid(format!(
                "ttlInSeconds: more than {LONGEST_TTL} s; leave it out for no expiry"
            )));
        }
        let condition = match request.expected() {
            Expected::Version(version) => Condition::Version(numeric(version)?.to_string()),
            other => other.into(),
        };
        let mark = request.concurrency == mecha_component::state::Concurrency::FirstWrite;
        let value = match layout {
            Layout::Hash => request.value,
            Layout::Json => document(&request.value)?,
        };
        Ok(Write {
            key: request.key,
            layout,
            condition,
            action: Action::Set { value, mark, ttl: ttl.filter(|ttl| *ttl > 0) },
        })
    }

    /// An etag that can't be one is one that is not stored.
    pub(super) fn delete(request: DeleteRequest, layout: Layout) -> Self {
        let condition = request.expected().into();
        Write { key: request.key, layout, condition, action: Action::Delete }
    }

    /// Whether doing it twice is as good as doing it once.
    pub(super) fn is_harmless_twice(&self) -> bool {
        self.condition == Condition::None
    }
}

impl From<Expected<'_>> for Condition {
    fn from(expected: Expected<'_>) -> Self {
        match expected {
            Expected::Anything => Condition::None,
            Expected::Nothing => Condition::Nothing,
            Expected::Version(version) => Condition::Version(version.to_owned()),
        }
    }
}

/// The value as the member `data` of a document, unchanged. The script writes after it has compared, so what is no JSON
/// must be found here.
fn document(value: &[u8]) -> Result<Bytes> {
    serde_json::from_slice::<serde_json::Value>(value).map_err(|error| {
        Error::invalid(format!("the value is not JSON, as its contentType says: {error}"))
    })?;
    let mut document = Vec::with_capacity(value.len() + 9);
    document.extend_from_slice(br#"{"data":"#);
    document.extend_from_slice(value);
    document.push(b'}');
    Ok(document.into())
}
