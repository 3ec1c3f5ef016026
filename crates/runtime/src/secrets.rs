//! Secrets: what the application may read of a secret store (reference 1.2, 3.3). The Configuration's scopes decide
//! before a store is asked for one secret, and filter what it answers when it is asked for all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use mecha_component::secrets::{DynSecretStore, Metadata, Secret};
use mecha_component::{Error, Result as DriverResult};
use mecha_config::runtime::settings::SecretScope;

use crate::components::Loaded;
use crate::error::ApiError;
use crate::error::component::settle;
use crate::metrics::Block;
use crate::runtime::Runtime;

#[cfg(test)]
mod tests;

/// The name of the building block in resiliency targets.
const POLICY_BLOCK: &str = "secretstore";

impl Runtime {
    /// The secret store of that name.
    ///
    /// # Errors
    /// `ERR_SECRET_STORES_NOT_CONFIGURED` when there is none at all, `ERR_SECRET_STORE_NOT_FOUND` when there are others.
    pub fn secrets(&self, name: &str) -> Result<Secrets<'_>, ApiError> {
        let now = self.components().now();
        if now.secrets.is_empty() {
            return Err(ApiError::secret_not_configured());
        }
        let store = now.secrets.get(name).cloned().ok_or_else(|| ApiError::secret_not_found(name))?;
        Ok(Secrets { runtime: self, store })
    }

    /// Says in the log which scopes of the Configuration are about no store that is loaded.
    pub(crate) fn warn_of_idle_secret_scopes(&self) {
        let now = self.components().now();
        for scope in &self.config().settings.secret_scopes {
            if !now.secrets.contains_key(&scope.store) {
                tracing::warn!(
                    "Secrets configuration added for '{}', but no matching secret store was found",
                    scope.store
                );
            }
        }
    }
}

/// A secret store as the APIs use it.
pub struct Secrets<'a> {
    runtime: &'a Runtime,
    store: Arc<Loaded<dyn DynSecretStore>>,
}

impl Secrets<'_> {
    /// The component's name.
    pub fn name(&self) -> &str {
        &self.store.config.name
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// `ERR_PERMISSION_DENIED` when the Configuration does not let the application read it, `ERR_SECRET_GET` when the
    /// store has none of that name or can't be read.
    pub async fn get(&self, name: &str, metadata: &Metadata) -> Result<Secret, ApiError> {
        if !self.is_allowed(name) {
            return Err(ApiError::secret_denied(self.name(), name));
        }
        let secret = self.call("get", |driver| driver.get(name, metadata)).await;
        secret.map_err(|error| ApiError::secret_get(self.name(), name, &error))
    }

    /// Every secret that the application may read, by name.
    ///
    /// # Errors
    /// `ERR_SECRET_GET` when the store can't be read.
    pub async fn get_all(&self, metadata: &Metadata) -> Result<BTreeMap<String, Secret>, ApiError> {
        let secrets = self.call("bulk_get", |driver| driver.get_all(metadata)).await;
        let mut secrets = secrets.map_err(|error| ApiError::secret_bulk_get(self.name(), &error))?;
        secrets.retain(|name, _| self.is_allowed(name));
        Ok(secrets)
    }

    fn is_allowed(&self, name: &str) -> bool {
        let scopes = &self.runtime.config().settings.secret_scopes;
        scopes.iter().find(|scope| scope.store == self.name()).is_none_or(|scope| allows(scope, name))
    }

    async fn call<'s, T: Send>(
        &'s self,
        operation: &str,
        step: impl Fn(&'s dyn DynSecretStore) -> BoxFuture<'s, DriverResult<T>> + Send + Sync,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let policy = self.runtime.policies().outbound(self.name(), POLICY_BLOCK);
        let driver = &*self.store.driver;
        let result = policy.run(|_| step(driver)).await.map_err(settle);
        let metrics = self.runtime.metrics();
        metrics.component(Block::Secret, self.name(), operation, result.is_ok(), begun.elapsed());
        result
    }
}

/// A list of allowed secrets leaves nothing to the others; else the list of denied ones decides, then the default.
fn allows(scope: &SecretScope, name: &str) -> bool {
    let listed = |list: &[String]| list.iter().any(|entry| entry == name);
    if !scope.allowed.is_empty() {
        return listed(&scope.allowed);
    }
    !scope.deny_by_default && !listed(&scope.denied)
}
