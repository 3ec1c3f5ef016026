//! A state store for tests: a map with counting etags, a log of what it was asked, and errors on demand.

use std::collections::{BTreeMap, VecDeque};

use mecha_component::state::{
    BulkItem, DeleteRequest, GetRequest, Item, Operation, QueryRequest, QueryResponse, SetRequest,
    StateStore, TransactionRequest,
};
use mecha_component::{Error, ErrorKind, Feature, Features, Result};
use parking_lot::Mutex;

/// What the store was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Get(GetRequest),
    BulkGet(Vec<String>),
    Set(SetRequest),
    BulkSet(Vec<String>),
    Delete(DeleteRequest),
    BulkDelete(Vec<String>),
    Transact(TransactionRequest),
    Query(QueryRequest),
}

pub(crate) struct Store {
    pub(crate) features: Features,
    pub(crate) most: Option<usize>,
    pub(crate) calls: Mutex<Vec<Call>>,
    /// Errors of the next operations, whatever they are.
    pub(crate) failures: Mutex<VecDeque<Error>>,
    /// What the next query finds.
    pub(crate) found: Mutex<QueryResponse>,
    pub(crate) items: Mutex<BTreeMap<String, Item>>,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            features: Features::of(&[Feature::Etag, Feature::Transactional, Feature::QueryApi]),
            most: None,
            calls: Mutex::default(),
            failures: Mutex::default(),
            found: Mutex::default(),
            items: Mutex::default(),
        }
    }
}

impl Store {
    pub(crate) fn fail(&self, error: Error) {
        self.failures.lock().push_back(error);
    }

    /// What is stored under a whole key.
    pub(crate) fn stored(&self, key: &str) -> Option<Item> {
        self.items.lock().get(key).cloned()
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        let item = Item { value: value.to_owned().into(), etag: Some("1".into()), ..Item::default() };
        self.items.lock().insert(key.to_owned(), item);
    }

    fn asked(&self, call: Call) -> Result<()> {
        self.calls.lock().push(call);
        self.failures.lock().pop_front().map_or(Ok(()), Err)
    }

    fn write(&self, key: &str, etag: Option<&str>, value: Option<bytes::Bytes>) -> Result<()> {
        let mut items = self.items.lock();
        let now: u64 = items.get(key).and_then(|item| item.etag.as_deref()?.parse().ok()).unwrap_or(0);
        if let Some(etag) = etag {
            let etag: u64 = etag.parse().map_err(|_| Error::new(ErrorKind::EtagInvalid, "not a number"))?;
            if etag != now {
                return Err(Error::new(ErrorKind::EtagMismatch, format!("{key} is at {now}")));
            }
        }
        match value {
            Some(value) => {
                let etag = Some((now + 1).to_string());
                items.insert(key.to_owned(), Item { value, etag, ..Item::default() });
            }
            None => {
                items.remove(key);
            }
        }
        Ok(())
    }
}

fn joined(results: impl Iterator<Item = (String, Result<()>)>) -> Result<()> {
    let failed: Vec<_> = results.filter_map(|(key, result)| Some((key, result.err()?))).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
}

impl StateStore for Store {
    fn features(&self) -> Features {
        self.features
    }

    fn max_operations(&self) -> Option<usize> {
        self.most
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        let item = self.stored(&request.key);
        self.asked(Call::Get(request)).map(|()| item)
    }

    async fn bulk_get(&self, requests: Vec<GetRequest>) -> Result<Vec<BulkItem>> {
        let keys: Vec<_> = requests.into_iter().map(|request| request.key).collect();
        self.asked(Call::BulkGet(keys.clone()))?;
        let read = |key: String| match key.ends_with("broken") {
            true => BulkItem { key, item: Err(Error::internal("disk on fire")) },
            false => BulkItem { item: Ok(self.stored(&key)), key },
        };
        Ok(keys.into_iter().map(read).collect())
    }

    async fn set(&self, request: SetRequest) -> Result<()> {
        self.asked(Call::Set(request.clone()))?;
        self.write(&request.key, request.etag.as_deref(), Some(request.value))
    }

    async fn bulk_set(&self, requests: Vec<SetRequest>) -> Result<()> {
        self.asked(Call::BulkSet(requests.iter().map(|request| request.key.clone()).collect()))?;
        joined(requests.into_iter().map(|request| {
            let result = self.write(&request.key, request.etag.as_deref(), Some(request.value));
            (request.key, result)
        }))
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.asked(Call::Delete(request.clone()))?;
        self.write(&request.key, request.etag.as_deref(), None)
    }

    async fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> Result<()> {
        self.asked(Call::BulkDelete(requests.iter().map(|request| request.key.clone()).collect()))?;
        joined(requests.into_iter().map(|request| {
            let result = self.write(&request.key, request.etag.as_deref(), None);
            (request.key, result)
        }))
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        self.asked(Call::Transact(request.clone()))?;
        for operation in request.operations {
            match operation {
                Operation::Upsert(set) => self.write(&set.key, set.etag.as_deref(), Some(set.value))?,
                Operation::Delete(delete) => self.write(&delete.key, delete.etag.as_deref(), None)?,
            }
        }
        Ok(())
    }

    async fn query(&self, request: QueryRequest) -> Result<QueryResponse> {
        self.asked(Call::Query(request))?;
        Ok(self.found.lock().clone())
    }
}
