//! State in an SQLite file, in the layout that Dapr's component of the same name has (reference 4.3): either process can
//! read what the other wrote. SQLite blocks, so it has a thread of its own behind a bounded queue.

mod db;
mod location;
mod options;
mod queue;
mod state;

use std::sync::Arc;

use mecha_component::Driver;
use mecha_component::state::DynStateStore;

pub use state::SqliteState;

/// `state.sqlite`; `connectionString`, `timeout`, `busyTimeout`, `disableWAL`, `tableName`, `metadataTableName`,
/// `cleanupInterval` (reference 4.2.19).
pub const STATE: Driver<dyn DynStateStore> = Driver {
    types: &["state.sqlite", "state.sqlite3"],
    versions: &["v1"],
    connect: |properties, context| {
        Box::pin(async move {
            let store = SqliteState::open(&properties, &context).await?;
            Ok(Arc::new(store) as Arc<dyn DynStateStore>)
        })
    },
};
