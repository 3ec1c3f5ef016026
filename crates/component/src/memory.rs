//! The drivers that need no system behind them: state and messages in the memory of this process, gone when it ends.
//! What a first try of an application and most tests run on, and the measure of how little the layers above cost.

mod pubsub;
mod state;

use std::sync::Arc;

use crate::Driver;
use crate::pubsub::DynPubSub;
use crate::state::DynStateStore;

pub use pubsub::MemoryPubSub;
pub use state::MemoryState;

/// `state.in-memory`; has no properties (reference 4.2.1).
pub const STATE: Driver<dyn DynStateStore> = Driver {
    types: &["state.in-memory"],
    versions: &["v1"],
    connect: |_, context| {
        Box::pin(async move { Ok(MemoryState::start(&context.tasks) as Arc<dyn DynStateStore>) })
    },
};

/// `pubsub.in-memory`; has no properties (reference 4.2.2).
pub const PUBSUB: Driver<dyn DynPubSub> = Driver {
    types: &["pubsub.in-memory"],
    versions: &["v1"],
    connect: |_, context| {
        Box::pin(async move { Ok(Arc::new(MemoryPubSub::new(context.tasks)) as Arc<dyn DynPubSub>) })
    },
};
