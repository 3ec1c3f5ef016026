//! Secret stores of the machine itself: environment variables and a JSON file. For development, and for platforms that
//! put secrets into either.

mod env;
mod file;

use std::sync::Arc;

use mecha_component::Driver;
use mecha_component::secrets::DynSecretStore;

pub use env::EnvStore;
pub use file::FileStore;

/// `secretstores.local.env`; `prefix` (reference 4.2.24).
pub const ENV: Driver<dyn DynSecretStore> = Driver {
    types: &["secretstores.local.env"],
    versions: &["v1"],
    connect: |properties, _| {
        Box::pin(async move {
            let prefix = properties.get("prefix").unwrap_or_default();
            Ok(Arc::new(EnvStore::of_process(prefix)) as Arc<dyn DynSecretStore>)
        })
    },
};

/// `secretstores.local.file`; `secretsFile`, `nestedSeparator`, `multiValued` (reference 4.2.24).
pub const FILE: Driver<dyn DynSecretStore> = Driver {
    types: &["secretstores.local.file"],
    versions: &["v1"],
    connect: |properties, context| {
        Box::pin(async move {
            let store = FileStore::open(&properties, &context.tasks).await?;
            Ok(Arc::new(store) as Arc<dyn DynSecretStore>)
        })
    },
};
