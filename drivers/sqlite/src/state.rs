//! `state.sqlite`: the operations of a state store, each a piece of work for the thread of the database.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mecha_component::state::like::Like;
use mecha_component::state::{
    BulkItem, DeleteRequest, GetRequest, Item, Operation, SetRequest, StateStore, TransactionRequest,
};
use mecha_component::{Context, Error, Feature, Features, Properties, Result};
use tokio::task::AbortHandle;

use crate::db::{Db, Failed};
use crate::options::Options;
use crate::queue::Queue;

/// Items in an SQLite database.
pub struct SqliteState {
    queue: Arc<Queue>,
    /// The task that removes expired rows, where that was asked for.
    cleanup: Option<AbortHandle>,
}

impl SqliteState {
    /// Opens or makes the database that `properties` name.
    ///
    /// # Errors
    /// When a property is wrong or missing, or the file can't be used.
    pub async fn open(properties: &Properties, context: &Context) -> Result<Self> {
        let options = Options::read(properties)?;
        let (timeout, interval) = (options.timeout, options.cleanup);
        let queue = Arc::new(Queue::start(&context.name, timeout, move || Db::open(&options)).await?);
        let cleanup = interval.map(|interval| {
            let task = clean_up(Arc::downgrade(&queue), interval);
            context.tasks.spawn(task).abort_handle()
        });
        Ok(SqliteState { queue, cleanup })
    }

    async fn each(&self, operations: Vec<Operation>) -> Result<()> {
        let failed: Failed = match operations.is_empty() {
            true => Failed::new(),
            false => self.queue.run(move |db| db.apply_each(&operations)).await?,
        };
        if failed.is_empty() { Ok(()) } else { Err(Error::of_keys(failed)) }
    }
}

impl StateStore for SqliteState {
    fn features(&self) -> Features {
        const FEATURES: Features = Features::of(&[
            Feature::Etag,
            Feature::Transactional,
            Feature::Ttl,
            Feature::Actor,
            Feature::KeysLike,
        ]);
        FEATURES
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Item>> {
        self.queue.run(move |db| db.get(&request.key)).await
    }

    async fn bulk_get(&self, requests: Vec<GetRequest>) -> Result<Vec<BulkItem>> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        self.queue
            .run(move |db| {
                let get = |request: GetRequest| BulkItem { item: db.get(&request.key), key: request.key };
                Ok(requests.into_iter().map(get).collect())
            })
            .await
    }

    async fn set(&self, request: SetRequest) -> Result<()> {
        self.queue.run(move |db| db.set(&request)).await
    }

    async fn bulk_set(&self, requests: Vec<SetRequest>) -> Result<()> {
        self.each(requests.into_iter().map(Operation::Upsert).collect()).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        self.queue.run(move |db| db.delete(&request)).await
    }

    async fn bulk_delete(&self, requests: Vec<DeleteRequest>) -> Result<()> {
        self.each(requests.into_iter().map(Operation::Delete).collect()).await
    }

    async fn transact(&self, request: TransactionRequest) -> Result<()> {
        if request.operations.is_empty() {
            return Ok(());
        }
        self.queue.run(move |db| db.transact(&request)).await
    }

    async fn keys_like(
        &self,
        pattern: &str,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let like = Like::of_page(pattern, page)?;
        let token = token.map(str::to_owned);
        self.queue.run(move |db| db.keys_like(&like, page, token.as_deref())).await
    }

    async fn ping(&self) -> Result<()> {
        self.queue.run(|db| db.ping()).await
    }

    async fn close(&self) {
        if let Some(cleanup) = &self.cleanup {
            cleanup.abort();
        }
        self.queue.close().await;
    }
}

impl Drop for SqliteState {
    fn drop(&mut self) {
        if let Some(cleanup) = &self.cleanup {
            cleanup.abort();
        }
    }
}

/// Removes expired rows at every interval, some at a time so that others get their turn.
async fn clean_up(queue: Weak<Queue>, interval: Duration) {
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    loop {
        tokio::time::sleep(interval).await;
        let mut first = true;
        loop {
            let Some(queue) = queue.upgrade() else { return };
            match queue.run(move |db| db.clean_up(interval_ms, first)).await {
                Ok(true) => first = false,
                Ok(false) => break,
                Err(error) => {
                    tracing::error!("expired rows can't be removed: {error}");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
