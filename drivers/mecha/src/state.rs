//! `state.mecha`. A key is the keyspace and the key that the runtime gives; an etag is the number of the change that
//! wrote the item, so an item that was removed and stored again has another one. The properties are those of
//! [`crate::settings`]. Queries and patterns walk over every key that begins with the part that is known.

mod item;

use std::sync::Arc;

use bytes::Bytes;
use mecha_component::registry::{Context, Driver};
use mecha_component::state::like::Like;
use mecha_component::state::query::Query;
use mecha_component::state::{
    BulkItem, DeleteRequest, DynStateStore, GetRequest, Item, Operation, QueryRequest, QueryResponse,
    SetRequest, StateStore, TransactionRequest, prefix,
};
use mecha_component::{Error, Feature, Features, Properties, Result};
use parking_lot::RwLock;
use tokio::runtime::Handle;

use crate::engine::{Batch, Change, Condition, Durability, Engine, Outcome, Write, after_prefix};
use crate::settings::{Settings, release};

/// `state.mecha`.
pub const STATE: Driver<dyn DynStateStore> = Driver {
    types: &["state.mecha"],
    versions: &["v1"],
    connect: |properties, context| Box::pin(connect(properties, context)),
};

/// What keys of state begin with.
const KIND: u8 = b's';
/// How many keys one commit of a delete by prefix removes.
const DELETED: usize = 256;

/// A durable store inside the process.
pub struct MechaState {
    /// `None` once the store is closed.
    engine: RwLock<Option<Arc<Engine>>>,
    space: Vec<u8>,
    durability: Durability,
    tasks: Handle,
}

async fn connect(properties: Properties, context: Context) -> Result<Arc<dyn DynStateStore>> {
    Ok(Arc::new(MechaState::open(&properties, &context).await?))
}

impl MechaState {
    /// Opens the store.
    ///
    /// # Errors
    /// When the properties make no sense, or the directory can't be opened: another process has it, it can't be written,
    /// or is damaged.
    pub async fn open(properties: &Properties, context: &Context) -> Result<Self> {
        let settings = Settings::read(properties, context)?;
        Ok(MechaState {
            engine: RwLock::new(Some(settings.engine(context).await?)),
            space: settings.prefix(KIND),
            durability: settings.durability,
            tasks: context.tasks.clone(),
        })
    }

    fn engine(&self) -> Result<Arc<Engine>> {
        self.engine.read().clone().ok_or_else(|| Error::unavailable("the store is closed"))
    }

    fn key(&self, key: &str) -> Bytes {
        let mut whole = Vec::with_capacity(self.space.len() + key.len());
        whole.extend_from_slice(&self.space);
        whole.extend_from_slice(key.as_bytes());
        Bytes::from(whole)
    }

    /// The key of the API in a stored one. Keys came in as text.
    fn name(space: usize, key: &[u8]) -> String {
        String::from_utf8_lossy(key.get(space..).unwrap_or_default()).into_owned()
    }

    /// Where the keys that begin with `prefix` begin and end.
    fn range(&self, prefix: &str) -> (Vec<u8>, Vec<u8>) {
        let from = self.key(prefix);
        (from.to_vec(), after_prefix(&from))
    }

    fn upsert(&self, request: &SetRequest) -> Result<Write> {
        let (expires, data) = item::encode(request)?;
        let change = Change::Put { key: self.key(&request.key), expires, data };
        Ok(Write { condition: item::condition(request.expected())?, change })
    }

    fn removal(&self, request: &DeleteRequest) -> Result<Write> {
        let change = Change::Delete { key: self.key(&request.key) };
        Ok(Write { condition: item::condition(request.expected())?, change })
    }

    async fn commit(&self, writes: Vec<Write>, whole: bool) -> Result<Outcome> {
        self.engine()?.commit(Batch { writes, whole, durability: self.durability }).await
    }

    async fn one(&self, write: Write) -> Result<()> {
        let condition = write.condition;
        let outcome = self.commit(vec![write], true).await?;
        if outcome.refused.is_empty() { Ok(()) } else { Err(item::mismatch(condition)) }
    }

    /// Does several writes, each on its own, in one commit.
    async fn each(&self, writes: impl Iterator<Item = (String, Result<Write>)>) -> Result<()> {
        let (mut keys, mut ready, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (key, write) in writes {
            match write {
                Ok(write) => {
                    keys.push((key, write.condition));
                    ready.push(write);
                }
                Err(error) => failed.push((key, error)),
            }
        }
        if !ready.is_empty() {
            let outcome = self.commit(ready, false).await?;
            for place in outcome.refused {
                failed.extend(
                    keys.get(place).map(|(key, condition)| (key.clone(), item::mismatch(*condition))),
                );
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
    }
}

impl StateStore for MechaState {
    fn features(&self) -> Features {
        const FEATURES: Features = Features::of(&[
            Feature::Etag,
            Feature::Transactional,
            Feature::QueryApi,
            Feature::Ttl,
            Feature::Actor,
            Feature::DeleteWithPrefix,
            Feature::KeysLike,
        ]);
        FEATURES
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        let record = self.engine()?.get(&self.key(&request.key)).await?;
        record.map(item::decode).transpose()
    }

    async fn bulk_get(&self, requests: Vec<GetRequest>) -> Result<Vec<BulkItem>> {
        let engine = self.engine()?;
        let mut items = Vec::with_capacity(requests.len());
        for request in requests {
            let record = engine.get(&self.key(&request.key)).await;
            let item = record.and_then(|record| record.map(item::decode).transpose());
            items.push(BulkItem { key: request.key, item });
        }
        Ok(items)
    }

    async fn set(&self, request: SetRequest) -> Result<()> {
        self.one(self.upsert(&request)?).await
    }

    async fn bulk_set(&self, requests: Vec<SetRequest>) -> Result<()> {
        self.each(requests.into_iter().map(|request| (request.key.clone(), self.upsert(&request)))).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.one(self.removal(&request)?).await
    }

    async fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> Result<()> {
        self.each(requests.into_iter().map(|request| (request.key.clone(), self.removal(&request)))).await
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        let write = |operation: &Operation| match operation {
            Operation::Upsert(set) => self.upsert(set),
            Operation::Delete(delete) => self.removal(delete),
        };
        let writes = request.operations.iter().map(write).collect::<Result<Vec<_>>>()?;
        if writes.is_empty() {
            return Ok(());
        }
        let conditions: Vec<_> = writes.iter().map(|write| write.condition).collect();
        let outcome = self.commit(writes, true).await?;
        match outcome.refused.first().and_then(|place| conditions.get(*place)) {
            Some(condition) => Err(item::mismatch(*condition)),
            None => Ok(()),
        }
    }

    async fn query(&self, request: QueryRequest) -> Result<QueryResponse> {
        let query = Query::parse(&request.query)?;
        let (from, to) = self.range(&request.key_prefix);
        let space = self.space.len();
        let run = move |scan: &mut crate::engine::Scan<'_>| {
            let items =
                scan.filter_map(|(key, record)| Some((Self::name(space, &key), item::decode(record).ok()?)));
            query.run(items)
        };
        self.engine()?.scan(from, to, run).await
    }

    async fn delete_with_prefix(&self, prefix: &str) -> Result<u64> {
        let whole = prefix::whole(prefix)?;
        let (mut from, to) = self.range(&whole);
        let engine = self.engine()?;
        let mut deleted = 0;
        loop {
            let (space, whole) = (self.space.len(), whole.clone());
            let found = move |scan: &mut crate::engine::Scan<'_>| -> Vec<_> {
                let direct = |(key, _): &(Bytes, _)| prefix::is_direct(&whole, &Self::name(space, key));
                scan.filter(direct).map(|(key, record)| (key, record.version)).take(DELETED).collect()
            };
            let found = engine.scan(from, to.clone(), found).await?;
            let Some((last, _)) = found.last().cloned() else { return Ok(deleted) };
            let more = found.len() == DELETED;
            // Who writes one of them meanwhile keeps it.
            let each = |(key, version)| Write {
                condition: Condition::Version(version),
                change: Change::Delete { key },
            };
            let writes: Vec<_> = found.into_iter().map(each).collect();
            let count = writes.len();
            let outcome = self.commit(writes, false).await?;
            deleted += (count - outcome.refused.len()) as u64;
            if !more {
                return Ok(deleted);
            }
            from = [&last, &[0][..]].concat();
        }
    }

    async fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let like = Like::of_page(pattern, page)?;
        let (mut from, to) = self.range(like.prefix());
        if let Some(token) = token {
            from = from.max([&self.key(token), &[0][..]].concat());
        }
        let (space, most) = (self.space.len(), page.unwrap_or(usize::MAX));
        let found = move |scan: &mut crate::engine::Scan<'_>| {
            let mut matching = scan.map(|(key, _)| Self::name(space, &key)).filter(|key| like.matches(key));
            let keys: Vec<_> = matching.by_ref().take(most).collect();
            let next = matching.next().and_then(|_| keys.last().cloned());
            (keys, next)
        };
        self.engine()?.scan(from, to, found).await
    }

    async fn close(&self) {
        let engine = self.engine.write().take();
        if let Some(engine) = engine {
            release(&self.tasks, engine).await;
        }
    }
}

#[cfg(test)]
mod tests;
