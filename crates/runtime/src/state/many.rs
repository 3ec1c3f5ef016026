//! Several keys at once. Each stands for itself: those that fail are tried again as the policy says, the others are
//! done; what comes back names those that failed in the end.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::{BoxFuture, try_join_all};
use mecha_component::state::{BulkItem, DeleteRequest, DynStateStore, GetRequest, SetRequest};
use mecha_component::{Error, Result as DriverResult};
use parking_lot::Mutex;

use super::State;
use super::rules::own_key;
use crate::error::ApiError;
use crate::error::component::settle;
use crate::policy::Failure;

/// Most parts of one bulk get that are under way at once, whatever the caller asks for.
const MOST_PARALLEL: usize = 32;

impl State<'_> {
    /// Several items, in the order of the requests; what concerns one key is in its [`BulkItem`]. The store is asked in
    /// as many parts at once as `parallelism` says; 0 and 1 leave it to the store.
    ///
    /// # Errors
    /// `ERR_MALFORMED_REQUEST` for an illegal key, `ERR_STATE_BULK_GET` when nothing could be read.
    pub async fn get_many(
        &self,
        mut requests: Vec<GetRequest>,
        parallelism: usize,
    ) -> Result<Vec<BulkItem>, ApiError> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        for request in &mut requests {
            request.key = self.whole_key(&request.key)?;
        }
        let parts = parallelism.clamp(1, MOST_PARALLEL).min(requests.len());
        let found =
            self.call("bulk_get", requests, move |driver, requests| get_in_parts(driver, requests, parts));
        let mut items = found.await.map_err(|error| ApiError::state_bulk_get(&error))?;
        for entry in &mut items {
            entry.key = own_key(&entry.key).to_owned();
            if let Ok(found) = &mut entry.item
                && let Some(item) = found.take()
            {
                entry.item = self.opened(item).map(Some);
            }
        }
        Ok(items)
    }

    /// Removes several items.
    ///
    /// # Errors
    /// `ERR_MALFORMED_REQUEST` for an illegal key (nothing is removed then), `ERR_STATE_BULK_DELETE`.
    pub async fn delete_many(&self, mut requests: Vec<DeleteRequest>) -> Result<(), ApiError> {
        for request in &mut requests {
            self.prepare_delete(request)?;
        }
        if requests.is_empty() {
            return Ok(());
        }
        let deleted =
            self.each("bulk_delete", requests, |driver, requests| driver.bulk_delete(requests)).await;
        deleted.map_err(|error| ApiError::state_bulk_delete(self.name(), &error))
    }

    /// Stores prepared items.
    pub(super) async fn save_many(&self, items: Vec<SetRequest>) -> Result<(), Error> {
        self.each("set", items, |driver, items| driver.bulk_set(items)).await
    }

    /// Runs an operation on several keys under the policy: another try gets those only that may succeed.
    async fn each<R: Keyed>(
        &self,
        operation: &str,
        requests: Vec<R>,
        step: impl for<'d> Fn(&'d dyn DynStateStore, Vec<R>) -> BoxFuture<'d, DriverResult<()>> + Send + Sync,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let policy = self.runtime.policies().outbound(self.name(), super::POLICY_BLOCK);
        let driver = &*self.store.driver;
        let result = if policy.is_empty() {
            step(driver, requests).await
        } else {
            let left = Mutex::new(Left { requests, lost: Vec::new() });
            let attempt = |_| {
                let requests = left.lock().requests.clone();
                let work = step(driver, requests);
                async {
                    let result = work.await;
                    if let Err(error) = &result {
                        left.lock().keep(error);
                    }
                    result
                }
            };
            let result = policy.run(attempt).await.map_err(settle);
            left.into_inner().outcome(result)
        };
        self.count(operation, result.is_ok(), begun);
        result.map_err(own_keys)
    }
}

/// A request about one key.
trait Keyed: Clone + Send + Sync {
    fn key(&self) -> &str;
}

impl Keyed for SetRequest {
    fn key(&self) -> &str {
        &self.key
    }
}

impl Keyed for DeleteRequest {
    fn key(&self) -> &str {
        &self.key
    }
}

/// What another try is for, and what no try can mend.
struct Left<R> {
    requests: Vec<R>,
    lost: Vec<(String, Error)>,
}

impl<R: Keyed> Left<R> {
    /// Keeps for another try what failed and may succeed. An error that names no keys is one of all of them.
    fn keep(&mut self, error: &Error) {
        if error.keys().is_empty() || !error.is_retriable() {
            return;
        }
        let (again, lost): (Vec<_>, Vec<_>) =
            error.keys().iter().partition(|(_, error)| error.is_retriable());
        let again: BTreeSet<&str> = again.into_iter().map(|(key, _)| key.as_str()).collect();
        self.requests.retain(|request| again.contains(request.key()));
        self.lost.extend(lost.into_iter().cloned());
    }

    /// The result of all tries: what was lost on the way makes a success of the last one a failure.
    fn outcome(mut self, result: Result<(), Error>) -> Result<(), Error> {
        match result {
            _ if self.lost.is_empty() => result,
            Ok(()) => Err(Error::of_keys(self.lost)),
            Err(error) if error.keys().is_empty() => {
                self.lost
                    .extend(self.requests.iter().map(|request| (request.key().to_owned(), error.clone())));
                Err(Error::of_keys(self.lost))
            }
            Err(error) => {
                self.lost.extend(error.keys().iter().cloned());
                Err(Error::of_keys(self.lost))
            }
        }
    }
}

/// The same error about the application's own keys.
fn own_keys(error: Error) -> Error {
    if error.keys().is_empty() {
        return error;
    }
    Error::of_keys(error.keys().iter().map(|(key, error)| (own_key(key).to_owned(), error.clone())).collect())
}

fn get_in_parts(
    driver: &dyn DynStateStore,
    mut requests: Vec<GetRequest>,
    parts: usize,
) -> BoxFuture<'_, DriverResult<Vec<BulkItem>>> {
    if parts <= 1 {
        return driver.bulk_get(requests);
    }
    Box::pin(async move {
        let size = requests.len().div_ceil(parts);
        let mut calls = Vec::with_capacity(parts);
        while !requests.is_empty() {
            let rest = requests.split_off(size.min(requests.len()));
            calls.push(driver.bulk_get(std::mem::replace(&mut requests, rest)));
        }
        Ok(try_join_all(calls).await?.into_iter().flatten().collect())
    })
}
