//! `state.in-memory`. One ordered map behind one lock: an operation holds it for as long as a look-up takes, and order
//! makes prefixes and patterns a range of keys. Expired items are invisible at once and taken out by a background task,
//! some at a time.

mod map;
mod sweep;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::map::{Entry, Map};
use crate::state::like::Like;
use crate::state::{
    DeleteRequest, GetRequest, Item, Operation, SetRequest, StateStore, TransactionRequest, prefix, ttl,
};
use crate::{Feature, Features, Result};

/// A store in memory.
pub struct MemoryState {
    map: RwLock<Map>,
    /// Wakes the task that sweeps; see [`sweep`].
    expiry: Arc<Notify>,
}

/// When an item expires: by the clock that decides, and as it is told.
#[derive(Clone, Copy)]
struct Expiry {
    at: Instant,
    told: u64,
}

impl MemoryState {
    /// An empty store, whose expired items are swept by a task on `tasks` for as long as the store lives.
    pub fn start(tasks: &Handle) -> Arc<Self> {
        let expiry = Arc::new(Notify::new());
        let store = Arc::new(MemoryState { map: RwLock::new(Map::new()), expiry: Arc::clone(&expiry) });
        tasks.spawn(sweep::run(Arc::downgrade(&store), expiry));
        store
    }

    /// When what `request` stores expires.
    fn expiry(request: &SetRequest) -> Result<Option<Expiry>> {
        let Some(seconds) = request.ttl()?.flatten() else { return Ok(None) };
        let at = Instant::now().checked_add(std::time::Duration::from_secs(seconds));
        let told = ttl::now().saturating_add(seconds.saturating_mul(1000));
        // What lies beyond the clock's range is never.
        Ok(at.map(|at| Expiry { at, told }))
    }

    fn tell_sweeper(&self, expiry: Option<Expiry>) {
        if expiry.is_some() {
            self.expiry.notify_one();
        }
    }

    fn put(map: &mut Map, request: &SetRequest, expiry: Option<Expiry>) -> Result<Option<Entry>> {
        map.check(&request.key, request.expected())?;
        // A copy of its own: the value may be a slice of a large request body, which would live on with it.
        let value = Bytes::copy_from_slice(&request.value);
        Ok(map.insert(&request.key, value, request.content_type.clone(), expiry))
    }

    fn take(map: &mut Map, request: &DeleteRequest) -> Result<Option<Entry>> {
        map.check(&request.key, request.expected())?;
        Ok(map.remove(&request.key))
    }
}

impl StateStore for MemoryState {
    fn features(&self) -> Features {
        const FEATURES: Features = Features::of(&[
            Feature::Etag,
            Feature::Transactional,
            Feature::Ttl,
            Feature::Actor,
            Feature::DeleteWithPrefix,
            Feature::KeysLike,
        ]);
        FEATURES
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        Ok(self.map.read().get(&request.key).map(Entry::item))
    }

    async fn set(&self, request: SetRequest) -> Result<()> {
        let expiry = Self::expiry(&request)?;
        Self::put(&mut self.map.write(), &request, expiry)?;
        self.tell_sweeper(expiry);
        Ok(())
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        Self::take(&mut self.map.write(), &request).map(drop)
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        // What can be wrong with the requests themselves is found before anything is touched.
        let expiry = |operation: &Operation| match operation {
            Operation::Upsert(set) => Self::expiry(set),
            Operation::Delete(_) => Ok(None),
        };
        let expiries = request.operations.iter().map(expiry).collect::<Result<Vec<_>>>()?;
        let mut map = self.map.write();
        let mut undo = Vec::with_capacity(request.operations.len());
        for (operation, expiry) in request.operations.iter().zip(&expiries) {
            let before = match operation {
                Operation::Upsert(set) => Self::put(&mut map, set, *expiry),
                Operation::Delete(delete) => Self::take(&mut map, delete),
            };
            match before {
                Ok(before) => undo.push((operation.key(), before)),
                Err(error) => {
                    undo.into_iter().rev().for_each(|(key, before)| map.restore(key, before));
                    return Err(error);
                }
            }
        }
        drop(map);
        self.tell_sweeper(expiries.into_iter().flatten().next());
        Ok(())
    }

    async fn delete_with_prefix(&self, prefix: &str) -> Result<u64> {
        let whole = prefix::whole(prefix)?;
        let mut map = self.map.write();
        let direct = |(key, _): &(&Arc<str>, &Entry)| prefix::is_direct(&whole, key);
        let keys: Vec<_> = map.range(&whole, None).filter(direct).map(|(key, _)| Arc::clone(key)).collect();
        for key in &keys {
            map.remove(key);
        }
        Ok(keys.len() as u64)
    }

    async fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let like = Like::of_page(pattern, page)?;
        let most = page.unwrap_or(usize::MAX);
        let map = self.map.read();
        let mut matching = map.range(like.prefix(), token).filter(|(key, _)| like.matches(key));
        let keys: Vec<_> = matching.by_ref().take(most).map(|(key, _)| key.to_string()).collect();
        let next = matching.next().and_then(|_| keys.last().cloned());
        Ok((keys, next))
    }

    async fn close(&self) {
        *self.map.write() = Map::new();
    }
}

impl Drop for MemoryState {
    fn drop(&mut self) {
        // The sweeper finds the store gone and ends.
        self.expiry.notify_one();
    }
}

#[cfg(test)]
mod tests;
