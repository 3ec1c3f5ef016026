//! State (reference 1.4): what an operation on a state store means, whatever wire it came in by. Requests carry the
//! application's own keys; here they get their prefix, values are encrypted where the component asks for it, and the
//! driver is called under the component's policies and counted. `api-http` and `api-grpc` call [`Runtime::state`].
//!
//! Values are bytes. The HTTP API stores the JSON of `value` as it stands in the request (a JSON string keeps its
//! quotes), the gRPC API its bytes; both get back what was stored. The content type of an item is its metadata
//! `contentType`; no store decodes base64 because of it. Unlike Dapr, an encrypted store encrypts those same bytes, so
//! that a JSON value read back is the one that was stored.

pub(crate) mod encryption;
mod many;
mod options;
mod query;
mod rules;
mod transaction;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use mecha_component::state::{DeleteRequest, DynStateStore, GetRequest, Item, SetRequest};
use mecha_component::{Error, Result as DriverResult};

use crate::components::Loaded;
use crate::error::ApiError;
use crate::error::component::settle;
use crate::metrics::Block;
use crate::runtime::Runtime;

pub use options::{concurrency, consistency};
pub use rules::{SEPARATOR, StateRules};

/// The name of the building block in resiliency targets.
const POLICY_BLOCK: &str = "statestore";
/// The metadata key that tells an item's content type.
const CONTENT_TYPE: &str = "contentType";

impl Runtime {
    /// The state store of that name.
    ///
    /// # Errors
    /// `ERR_STATE_STORE_NOT_CONFIGURED` when there is none at all, `ERR_STATE_STORE_NOT_FOUND` when there are others.
    pub fn state(&self, name: &str) -> Result<State<'_>, ApiError> {
        let now = self.components().now();
        if now.state.is_empty() {
            return Err(ApiError::state_not_configured(name, self.app_id()));
        }
        let store = now.state.get(name).cloned();
        let store = store.ok_or_else(|| ApiError::state_not_found(name, self.app_id()))?;
        let rules = now.rules.get(name).cloned();
        let rules = rules.unwrap_or_else(|| Arc::new(StateRules::of_app(&self.config().identity)));
        Ok(State { runtime: self, store, rules })
    }
}

/// A state store as the APIs use it. Keys of requests and answers are the application's own.
pub struct State<'a> {
    runtime: &'a Runtime,
    store: Arc<Loaded<dyn DynStateStore>>,
    rules: Arc<StateRules>,
}

impl State<'_> {
    /// The component's name.
    pub fn name(&self) -> &str {
        &self.store.config.name
    }

    /// The item under a key; `None` when there is none.
    ///
    /// # Errors
    /// `ERR_MALFORMED_REQUEST` for an illegal key, `ERR_STATE_GET`.
    pub async fn get(&self, mut request: GetRequest) -> Result<Option<Item>, ApiError> {
        let key = std::mem::take(&mut request.key);
        request.key = self.whole_key(&key)?;
        let item = self.call("get", request, |driver, request| driver.get(request)).await;
        item.and_then(|item| item.map(|item| self.opened(item)).transpose())
            .map_err(|error| ApiError::state_get(self.name(), &key, &error))
    }

    /// Stores items: one by itself, several at once, of which those that failed are tried again as the policy says.
    ///
    /// # Errors
    /// `ERR_MALFORMED_REQUEST` for a missing or illegal key (nothing is stored then), `ERR_STATE_SAVE`.
    pub async fn save(&self, mut items: Vec<SetRequest>) -> Result<(), ApiError> {
        for item in &mut items {
            if item.key.is_empty() {
                return Err(ApiError::state_key_missing());
            }
            self.prepare_set(item)?;
        }
        let saved = match items.len() {
            0 => return Ok(()),
            1 => match items.pop() {
                Some(item) => self.call("set", item, |driver, item| driver.set(item)).await,
                None => Ok(()),
            },
            _ => self.save_many(items).await,
        };
        saved.map_err(|error| ApiError::state_save(self.name(), &error))
    }

    /// Removes an item.
    ///
    /// # Errors
    /// `ERR_MALFORMED_REQUEST` for an illegal key, `ERR_STATE_DELETE`.
    pub async fn delete(&self, mut request: DeleteRequest) -> Result<(), ApiError> {
        let key = std::mem::take(&mut request.key);
        request.key = self.whole_key(&key)?;
        request.etag.take_if(|etag| etag.is_empty());
        let deleted = self.call("delete", request, |driver, request| driver.delete(request)).await;
        deleted.map_err(|error| ApiError::state_delete(&key, &error))
    }

    fn whole_key(&self, key: &str) -> Result<String, ApiError> {
        let illegal = |message: String| ApiError::state_illegal_key(self.name(), key, &message);
        self.rules.whole_key(key).map_err(illegal)
    }

    /// Makes an item what the driver shall store.
    fn prepare_set(&self, item: &mut SetRequest) -> Result<(), ApiError> {
        item.key = self.whole_key(&item.key)?;
        // An empty etag is none: both APIs send one when the caller gave none.
        item.etag.take_if(|etag| etag.is_empty());
        if item.content_type.is_none() {
            item.content_type = item.metadata.get(CONTENT_TYPE).cloned();
        }
        if let Some(encryption) = &self.rules.encryption {
            let sealed = encryption.seal(&item.value);
            item.value = sealed.map_err(|error| ApiError::state_save(self.name(), &error))?;
        }
        Ok(())
    }

    fn prepare_delete(&self, request: &mut DeleteRequest) -> Result<(), ApiError> {
        request.key = self.whole_key(&request.key)?;
        request.etag.take_if(|etag| etag.is_empty());
        Ok(())
    }

    /// An item as the application stored it. An empty value was not encrypted by anyone.
    fn opened(&self, mut item: Item) -> DriverResult<Item> {
        if let Some(encryption) = &self.rules.encryption
            && !item.value.is_empty()
        {
            item.value = encryption.open(self.name(), &item.value)?;
        }
        Ok(item)
    }

    /// Calls the driver under the component's policy and counts it. The request is copied only when a policy may want
    /// it again.
    async fn call<R, T>(
        &self,
        operation: &str,
        request: R,
        step: impl for<'d> Fn(&'d dyn DynStateStore, R) -> BoxFuture<'d, DriverResult<T>> + Send + Sync,
    ) -> Result<T, Error>
    where
        R: Clone + Send + Sync,
        T: Send,
    {
        let begun = Instant::now();
        let policy = self.runtime.policies().outbound(self.name(), POLICY_BLOCK);
        let driver = &*self.store.driver;
        let result = if policy.is_empty() {
            step(driver, request).await
        } else {
            policy.run(|_| step(driver, request.clone())).await.map_err(settle)
        };
        self.count(operation, result.is_ok(), begun);
        result
    }

    fn count(&self, operation: &str, success: bool, begun: Instant) {
        self.runtime.metrics().component(Block::State, self.name(), operation, success, begun.elapsed());
    }
}
