//! State stores: values by key, with etags, expiry and transactions where a store has them. Keys arrive whole, with
//! the prefix that `runtime` gives them.

pub mod etag;
pub mod like;
pub mod prefix;
pub mod query;
mod request;
pub mod ttl;

use std::collections::BTreeMap;
use std::future::Future;

use bytes::Bytes;

use crate::{BoxFuture, Error, Features, Result};

pub use request::{
    Concurrency, Consistency, DeleteRequest, GetRequest, Operation, QueryRequest, QueryResponse, SetRequest,
    TransactionRequest,
};

/// Metadata of a request or an item.
pub type Metadata = BTreeMap<String, String>;

/// The metadata key that asks for expiry, in seconds; -1 removes it (reference 1.4).
pub const TTL_KEY: &str = "ttlInSeconds";
/// The metadata key that tells when an item expires, RFC 3339.
pub const TTL_EXPIRE_TIME: &str = "ttlExpireTime";

/// What is stored under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: Bytes,
    /// Its version, when the store has etags.
    pub etag: Option<String>,
    /// [`TTL_EXPIRE_TIME`] and the like.
    pub metadata: Metadata,
    /// The content type it was stored with, when the store keeps that.
    pub content_type: Option<String>,
}

/// What became of one key of a bulk get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// The key.
    pub key: String,
    /// The item; `None` when there is none.
    pub item: std::result::Result<Option<Item>, Error>,
}

/// A store of values by key.
pub trait StateStore: Send + Sync + 'static {
    /// What it can do.
    fn features(&self) -> Features;

    /// Most operations of one transaction; `None` = unlimited.
    fn max_operations(&self) -> Option<usize> {
        None
    }

    /// The item under a key; `None` when there is none, or it has expired.
    ///
    /// # Errors
    /// When the store can't be read.
    fn get(&self, request: GetRequest) -> impl Future<Output = Result<Option<Item>>> + Send;

    /// Several items, in the order of the requests.
    ///
    /// # Errors
    /// When nothing can be read; what concerns one key is in its [`BulkItem`].
    fn bulk_get(&self, requests: Vec<GetRequest>) -> impl Future<Output = Result<Vec<BulkItem>>> + Send {
        async move {
            let mut items = Vec::with_capacity(requests.len());
            for request in requests {
                let key = request.key.clone();
                items.push(BulkItem { key, item: self.get(request).await });
            }
            Ok(items)
        }
    }

    /// Stores an item.
    ///
    /// # Errors
    /// [`crate::ErrorKind::EtagMismatch`], [`crate::ErrorKind::EtagInvalid`], or when the store can't be written. With
    /// [`Concurrency::FirstWrite`] and no etag, an item that is there already is a mismatch.
    fn set(&self, request: SetRequest) -> impl Future<Output = Result<()>> + Send;

    /// Stores several items, each on its own.
    ///
    /// # Errors
    /// [`Error::of_keys`] with those that failed; the others are stored.
    fn bulk_set(&self, requests: Vec<SetRequest>) -> impl Future<Output = Result<()>> + Send {
        async move {
            let mut failed = Vec::new();
            for request in requests {
                let key = request.key.clone();
                if let Err(error) = self.set(request).await {
                    failed.push((key, error));
                }
            }
            if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
        }
    }

    /// Removes an item; one that is not there is removed already, unless an etag was given.
    ///
    /// # Errors
    /// As [`StateStore::set`].
    fn delete(&self, request: DeleteRequest) -> impl Future<Output = Result<()>> + Send;

    /// Removes several items, each on its own.
    ///
    /// # Errors
    /// [`Error::of_keys`] with those that failed; the others are removed.
    fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> impl Future<Output = Result<()>> + Send {
        async move {
            let mut failed = Vec::new();
            for request in requests {
                let key = request.key.clone();
                if let Err(error) = self.delete(request).await {
                    failed.push((key, error));
                }
            }
            if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
        }
    }

    /// Does all operations in their order, or none ([`crate::Feature::Transactional`]).
    ///
    /// # Errors
    /// What made it fail; nothing was done then.
    fn transact(&self, request: TransactionRequest) -> impl Future<Output = Result<()>> + Send {
        let _ = request;
        async { Err(Error::unsupported("transactions")) }
    }

    /// Finds items by the query language of the API ([`crate::Feature::QueryApi`]).
    ///
    /// # Errors
    /// When the query makes no sense or the store can't be read.
    fn query(&self, request: QueryRequest) -> impl Future<Output = Result<QueryResponse>> + Send {
        let _ = request;
        async { Err(Error::unsupported("queries")) }
    }

    /// Removes every key that begins with `prefix` followed by no further `||`; the number of them
    /// ([`crate::Feature::DeleteWithPrefix`], reference 7.2: the separator is added when it is missing).
    ///
    /// # Errors
    /// When the prefix is empty or the store can't be written.
    fn delete_with_prefix(&self, prefix: &str) -> impl Future<Output = Result<u64>> + Send {
        let _ = prefix;
        async { Err(Error::unsupported("deleting by prefix")) }
    }

    /// A page of the keys that match an SQL LIKE pattern (`%`, `_`, backslash escapes), in order, at most `page`, from
    /// after `token`; and the token of the next page ([`crate::Feature::KeysLike`]).
    ///
    /// # Errors
    /// When the pattern is empty or the store can't be read.
    fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<String>, Option<String>)>> + Send {
        let _ = (pattern, page, token);
        async { Err(Error::unsupported("listing keys")) }
    }

    /// Whether the system behind answers.
    ///
    /// # Errors
    /// When it does not.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Lets go of everything; called once, at the end.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

macro_rules! dyn_form {
    ($(#[$doc:meta])* $name:ident : $base:ident {
        plain { $($plain:ident() -> $plain_out:ty;)* }
        calls { $($call:ident($($arg:ident: $kind:ty),*) -> $out:ty;)* }
    }) => {
        $(#[$doc])*
        pub trait $name: Send + Sync {
            $(#[doc = concat!("See [`", stringify!($base), "::", stringify!($plain), "`].")] fn $plain(&self) -> $plain_out;)*
            $(#[doc = concat!("See [`", stringify!($base), "::", stringify!($call), "`].")]
            fn $call<'a>(&'a self, $($arg: $kind),*) -> BoxFuture<'a, $out>;)*
        }

        impl<T: $base> $name for T {
            $(fn $plain(&self) -> $plain_out { $base::$plain(self) })*
            $(fn $call<'a>(&'a self, $($arg: $kind),*) -> BoxFuture<'a, $out> {
                Box::pin($base::$call(self, $($arg),*))
            })*
        }
    };
}
pub(crate) use dyn_form;

dyn_form! {
    /// [`StateStore`] behind a pointer.
    DynStateStore: StateStore {
        plain {
            features() -> Features;
            max_operations() -> Option<usize>;
        }
        calls {
            get(request: GetRequest) -> Result<Option<Item>>;
            bulk_get(requests: Vec<GetRequest>) -> Result<Vec<BulkItem>>;
            set(request: SetRequest) -> Result<()>;
            bulk_set(requests: Vec<SetRequest>) -> Result<()>;
            delete(request: DeleteRequest) -> Result<()>;
            bulk_delete(requests: Vec<DeleteRequest>) -> Result<()>;
            transact(request: TransactionRequest) -> Result<()>;
            query(request: QueryRequest) -> Result<QueryResponse>;
            delete_with_prefix(prefix: &'a str) -> Result<u64>;
            keys_like(pattern: &'a str, page: Option<usize>, token: Option<&'a str>) -> Result<(Vec<String>, Option<String>)>;
            ping() -> Result<()>;
            close() -> ();
        }
    }
}
