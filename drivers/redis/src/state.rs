//! `state.redis`. An item is a hash with the fields `data`, `version` (its etag) and, once it was written first-write,
//! `first-write`; or, with the metadata `contentType: application/json` and where the server has the JSON module, a
//! document with these members. Writes are one script that compares and stores, so a transaction is all or nothing.
//!
//! What is stored is what Dapr stores; what is different from Dapr's component:
//! - a transaction whose etag does not match does nothing at all, where MULTI would carry out the rest;
//! - first-write without an etag wants an empty place, whoever wrote the item; last-write always goes through;
//! - a write without `ttlInSeconds` takes an earlier expiry away;
//! - a transaction over several slots of a cluster is looked at whole before anything is written, but others can see it,
//!   and get between, while it is done slot by slot. Keys with a common `{tag}` are in one slot.

mod batch;
mod find;
mod item;
mod scan;
mod script;
mod write;

use std::sync::Arc;
use std::time::Duration;

use mecha_component::state::{
    BulkItem, Consistency, DeleteRequest, GetRequest, Item, Operation, QueryRequest, QueryResponse,
    SetRequest, StateStore, TransactionRequest,
};
use mecha_component::{Context, Error, Feature, Features, Properties, Result};
use redis::Pipeline;

use crate::link::{Link, Place, Retry};
use crate::options::Options;

use self::batch::Writer;
use self::find::Indexes;
use self::item::Abilities;
use self::write::{Layout, Write};

/// The default of `redisMinRetryInterval`: what Dapr's default of 2 s comes down to under its longest pause.
const PAUSE: Duration = Duration::from_millis(512);

/// Items in Redis. Properties (reference 4.2.3):
///
/// | property | default | meaning |
/// |---|---|---|
/// | `redisHost` | | `host:port`; several with commas when they are of a cluster or Sentinels |
/// | `redisPort` | 6379 | the port of hosts that name none |
/// | `redisUsername`, `redisPassword` | | the login |
/// | `redisType` | `node` | or `cluster` |
/// | `redisDB` | 0 | the database, outside clusters |
/// | `failover`, `sentinelMasterName` | false | `redisHost` names Sentinels, which know the master by this name |
/// | `sentinelUsername`, `sentinelPassword` | | the login at the Sentinels |
/// | `dialTimeout` | 4s | how long connecting may take |
/// | `readTimeout`, `writeTimeout` | 3s | how long an answer may take (the longer of the two); -1 = as long as it likes |
/// | `redisMaxRetries` | 3 | how often a command is tried again when Redis is away or not ready; -1 = not at all |
/// | `redisMinRetryInterval`, `redisMaxRetryInterval` | 512ms | the pauses before that, which end early when Redis is back |
/// | `maxConnAge` | | how old a connection may get |
/// | `ttlInSeconds` | | the expiry of items that say nothing about it |
/// | `queryIndexes` | | the indexes of queries, where the server has the search and JSON modules |
/// | `poolSize`, `poolTimeout`, `minIdleConns`, `idleTimeout`, `idleCheckFrequency` | | no effect: there is no pool |
pub struct RedisState {
    writer: Writer,
    abilities: Abilities,
    indexes: Indexes,
    /// `None` inside = items do not expire by themselves.
    ttl: Option<u64>,
}

impl RedisState {
    /// Connects to the Redis that `properties` name.
    ///
    /// # Errors
    /// When a property is wrong or missing, or Redis can't be reached.
    pub async fn open(properties: &Properties, context: &Context) -> Result<Self> {
        let options = Arc::new(Options::read(properties, PAUSE)?);
        let ttl = properties.parse::<i64>("ttlInSeconds")?;
        let indexes = Indexes::read(properties)?;
        let link = Link::open(&options, &context.tasks, Duration::ZERO).await?;
        let abilities = Abilities::of(&link).await?;
        indexes.create(&link, abilities).await?;
        let writer = Writer::new(link, &options, &context.tasks).await?;
        Ok(RedisState { writer, abilities, indexes, ttl: ttl.and_then(|ttl| u64::try_from(ttl).ok()) })
    }

    fn layout(&self, metadata: &mecha_component::state::Metadata) -> Layout {
        Layout::of(metadata, self.abilities.json)
    }

    fn upsert(&self, request: SetRequest) -> Result<Write> {
        let layout = self.layout(&request.metadata);
        Write::set(request, layout, self.ttl)
    }

    async fn each(&self, writes: Vec<Result<Write>>, keys: &[String], strong: bool) -> Result<()> {
        let done = self.writer.each(writes, strong).await;
        let failed: Vec<_> =
            keys.iter().zip(done).filter_map(|(key, done)| Some((key.clone(), done.err()?))).collect();
        if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
    }
}

impl StateStore for RedisState {
    fn features(&self) -> Features {
        const FEATURES: Features = Features::of(&[
            Feature::Etag,
            Feature::Transactional,
            Feature::Ttl,
            Feature::Actor,
            Feature::KeysLike,
        ]);
        const WITH_QUERIES: Features = Features::of(&[
            Feature::Etag,
            Feature::Transactional,
            Feature::QueryApi,
            Feature::Ttl,
            Feature::Actor,
            Feature::KeysLike,
        ]);
        if self.abilities.queries() { WITH_QUERIES } else { FEATURES }
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        let layout = self.layout(&request.metadata);
        item::get(self.writer.link(), &request.key, layout, self.abilities).await
    }

    async fn bulk_get(&self, requests: Vec<GetRequest>) -> Result<Vec<BulkItem>> {
        let wanted =
            requests.into_iter().map(|request| (self.layout(&request.metadata), request.key)).collect();
        item::get_each(self.writer.link(), wanted, self.abilities).await
    }

    async fn set(&self, request: SetRequest) -> Result<()> {
        let strong = request.consistency == Consistency::Strong;
        let write = self.upsert(request)?;
        self.writer.one(write, strong).await
    }

    async fn bulk_set(&self, requests: Vec<SetRequest>) -> Result<()> {
        let strong = requests.iter().any(|request| request.consistency == Consistency::Strong);
        let keys: Vec<_> = requests.iter().map(|request| request.key.clone()).collect();
        let writes = requests.into_iter().map(|request| self.upsert(request)).collect();
        self.each(writes, &keys, strong).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        let layout = self.layout(&request.metadata);
        self.writer.one(Write::delete(request, layout), false).await
    }

    async fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> Result<()> {
        let keys: Vec<_> = requests.iter().map(|request| request.key.clone()).collect();
        let delete = |request: DeleteRequest| {
            let layout = self.layout(&request.metadata);
            Ok(Write::delete(request, layout))
        };
        self.each(requests.into_iter().map(delete).collect(), &keys, false).await
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        // The layout of the whole, or that of an operation.
        let whole = self.layout(&request.metadata);
        let layout = |own: Layout| if whole == Layout::Json { whole } else { own };
        let write = |operation: Operation| match operation {
            Operation::Upsert(set) => {
                let layout = layout(self.layout(&set.metadata));
                Write::set(set, layout, self.ttl)
            }
            Operation::Delete(delete) => {
                let layout = layout(self.layout(&delete.metadata));
                Ok(Write::delete(delete, layout))
            }
        };
        let writes = request.operations.into_iter().map(write).collect::<Result<Vec<_>>>()?;
        self.writer.all(writes).await
    }

    async fn query(&self, request: QueryRequest) -> Result<QueryResponse> {
        if !self.abilities.queries() {
            return Err(Error::unsupported("queries: the server has no search and JSON modules"));
        }
        self.indexes.find(self.writer.link(), &request).await
    }

    async fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        scan::keys_like(self.writer.link(), self.abilities, pattern, page, token).await
    }

    async fn ping(&self) -> Result<()> {
        ping(self.writer.link()).await
    }

    async fn close(&self) {
        self.writer.close();
    }
}

/// Whether Redis answers.
pub(crate) async fn ping(link: &Link) -> Result<()> {
    let mut ping = Pipeline::new();
    ping.cmd("PING");
    let mut answers = link.send(&ping, Place::Anywhere, Retry::Harmless).await?;
    match answers.pop() {
        Some(redis::Value::ServerError(error)) => Err(crate::error::of(&error.into(), link.options())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
