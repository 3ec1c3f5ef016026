//! Secret stores: named secrets, each a map of keys to values.

use std::collections::BTreeMap;
use std::future::Future;

use crate::{BoxFuture, Features, Result};

/// A secret: one or several values by key.
pub type Secret = BTreeMap<String, String>;
/// Metadata of one request.
pub type Metadata = BTreeMap<String, String>;

/// A store of secrets.
pub trait SecretStore: Send + Sync + 'static {
    /// What it can do.
    fn features(&self) -> Features {
        Features::default()
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] when there is none.
    fn get(&self, name: &str, metadata: &Metadata) -> impl Future<Output = Result<Secret>> + Send;

    /// Every secret by name.
    ///
    /// # Errors
    /// When the store can't be read.
    fn get_all(&self, metadata: &Metadata) -> impl Future<Output = Result<BTreeMap<String, Secret>>> + Send;
}

/// [`SecretStore`] behind a pointer.
pub trait DynSecretStore: Send + Sync {
    /// See [`SecretStore::features`].
    fn features(&self) -> Features;
    /// See [`SecretStore::get`].
    fn get<'a>(&'a self, name: &'a str, metadata: &'a Metadata) -> BoxFuture<'a, Result<Secret>>;
    /// See [`SecretStore::get_all`].
    fn get_all<'a>(&'a self, metadata: &'a Metadata) -> BoxFuture<'a, Result<BTreeMap<String, Secret>>>;
}

impl<T: SecretStore> DynSecretStore for T {
    fn features(&self) -> Features {
        SecretStore::features(self)
    }

    fn get<'a>(&'a self, name: &'a str, metadata: &'a Metadata) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(SecretStore::get(self, name, metadata))
    }

    fn get_all<'a>(&'a self, metadata: &'a Metadata) -> BoxFuture<'a, Result<BTreeMap<String, Secret>>> {
        Box::pin(SecretStore::get_all(self, metadata))
    }
}
