//! The suite of state stores: [`check`] runs the base on every store and the rest by its declared features.

mod base;
mod keys;
mod query;
mod transaction;
mod ttl;
mod versions;

use std::sync::Arc;

use bytes::Bytes;

use super::{Report, unique};
use crate::state::{
    Concurrency, DeleteRequest, DynStateStore, GetRequest, Item, Metadata, Operation, QueryRequest,
    SetRequest, TransactionRequest,
};
use crate::{Error, Feature, Result};

/// What the suite can't see from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Etags are numbers: a wrong one in the tests must be one too, and one that is none must answer
    /// [`crate::ErrorKind::EtagInvalid`].
    pub numeric_etags: bool,
    /// Values that are no JSON can't be stored.
    pub only_json: bool,
}

/// Holds `store` to its promises.
///
/// # Panics
/// When it does not keep one.
pub async fn check(store: Arc<dyn DynStateStore>, options: Options) -> Report {
    let run = unique();
    let subject = |case| Subject { store: &*store, case, run: &run, options };
    let mut report = Report::default();

    base::values(&subject("values")).await;
    base::deletes(&subject("delete")).await;
    base::bulk(&subject("bulk")).await;
    base::concurrent(&subject("concurrent")).await;
    report.ran.extend(["values", "delete", "bulk", "concurrent"]);
    writes(subject, &mut report).await;
    more(subject, &mut report).await;
    store.ping().await.unwrap_or_else(|error| panic!("[ping] must succeed: {error}"));
    report
}

/// The features that change what a write means.
async fn writes<'a>(subject: impl Fn(&'static str) -> Subject<'a>, report: &mut Report) {
    let features = subject("features").store.features();
    if features.has(Feature::Etag) {
        versions::etags(&subject("etag")).await;
        versions::bulk_etags(&subject("etag-bulk")).await;
        versions::first_write(&subject("first-write")).await;
        report.ran.extend(["etag", "etag-bulk", "first-write"]);
    }
    if features.has(Feature::Ttl) {
        ttl::refuses_nonsense(&subject("ttl")).await;
        ttl::expires(&subject("ttl")).await;
        ttl::is_taken_back(&subject("ttl")).await;
        report.ran.push("ttl");
    }
    if features.has(Feature::Etag) && features.has(Feature::Ttl) {
        ttl::an_expired_item_is_none(&subject("ttl-first-write")).await;
        report.ran.push("ttl-first-write");
    }
}

/// The features that are operations of their own.
async fn more<'a>(subject: impl Fn(&'static str) -> Subject<'a>, report: &mut Report) {
    let store = subject("features").store;
    let features = store.features();
    if features.has(Feature::Transactional) {
        transaction::in_order(&subject("transaction")).await;
        transaction::all_or_nothing(&subject("transaction")).await;
        report.ran.push("transaction");
    } else {
        super::refused("transaction", store.transact(TransactionRequest::default()).await);
        report.refused.push("transaction");
    }
    if features.has(Feature::QueryApi) {
        query::finds(&subject("query")).await;
        report.ran.push("query");
    } else {
        let request = QueryRequest { query: serde_json::json!({}), ..Default::default() };
        super::refused("query", store.query(request).await);
        report.refused.push("query");
    }
    if features.has(Feature::DeleteWithPrefix) {
        keys::delete_with_prefix(&subject("delete-with-prefix")).await;
        report.ran.push("delete-with-prefix");
    } else {
        super::refused("delete-with-prefix", store.delete_with_prefix("a||").await);
        report.refused.push("delete-with-prefix");
    }
    if features.has(Feature::KeysLike) {
        keys::like(&subject("keys-like")).await;
        keys::pages(&subject("keys-like")).await;
        report.ran.push("keys-like");
    } else {
        super::refused("keys-like", store.keys_like("%", None, None).await);
        report.refused.push("keys-like");
    }
}

/// The store in the hands of one case.
struct Subject<'a> {
    store: &'a dyn DynStateStore,
    case: &'static str,
    run: &'a str,
    options: Options,
}

impl Subject<'_> {
    /// A key of this case.
    fn key(&self, name: &str) -> String {
        format!("{}||{}||{name}", self.run, self.case)
    }

    fn set_request(&self, name: &str, value: &str) -> SetRequest {
        SetRequest {
            key: self.key(name),
            value: Bytes::copy_from_slice(value.as_bytes()),
            content_type: Some("application/json".to_owned()),
            ..Default::default()
        }
    }

    fn delete_request(&self, name: &str) -> DeleteRequest {
        DeleteRequest { key: self.key(name), ..Default::default() }
    }

    fn get_request(&self, name: &str) -> GetRequest {
        GetRequest { key: self.key(name), ..Default::default() }
    }

    async fn set(&self, name: &str, value: &str) {
        self.ok("set", self.store.set(self.set_request(name, value)).await);
    }

    async fn get(&self, name: &str) -> Option<Item> {
        self.ok("get", self.store.get(self.get_request(name)).await)
    }

    /// The text under a key.
    async fn text(&self, name: &str) -> Option<String> {
        self.get(name).await.map(|item| String::from_utf8_lossy(&item.value).into_owned())
    }

    async fn etag(&self, name: &str) -> String {
        let etag = self.get(name).await.and_then(|item| item.etag).unwrap_or_default();
        assert!(!etag.is_empty(), "[{}] what is stored must have an etag", self.case);
        etag
    }

    /// An etag that is not the stored one.
    fn wrong_etag(&self) -> String {
        let wrong =
            if self.options.numeric_etags { "987654321" } else { "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d" };
        wrong.to_owned()
    }

    #[track_caller]
    fn ok<T>(&self, what: &str, result: Result<T>) -> T {
        result.unwrap_or_else(|error| panic!("[{}] {what} must succeed: {error:?}", self.case))
    }

    #[track_caller]
    fn fails<T>(&self, what: &str, result: Result<T>) -> Error {
        result.err().unwrap_or_else(|| panic!("[{}] {what} must fail", self.case))
    }

    #[track_caller]
    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, found: T, expected: T) {
        assert!(found == expected, "[{}] {what}: expected {expected:?}, found {found:?}", self.case);
    }
}

fn ttl_metadata(ttl: &str) -> Metadata {
    [(crate::state::TTL_KEY.to_owned(), ttl.to_owned())].into()
}
