//! State and messages in Redis, stored as Dapr's components of the same names store them (reference 4.3): either process
//! can read what the other wrote. A node, a cluster, or whatever node the Sentinels name. Commands share a few connections
//! that are kept up by themselves (`link`); what blocks has a connection of its own.

mod error;
mod link;
mod options;
mod pubsub;
mod state;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use mecha_component::Driver;
use mecha_component::pubsub::DynPubSub;
use mecha_component::state::DynStateStore;

pub use pubsub::RedisPubSub;
pub use state::RedisState;

/// `state.redis`; its properties are in [`RedisState`] (reference 4.2.3).
pub const STATE: Driver<dyn DynStateStore> = Driver {
    types: &["state.redis"],
    versions: &["v1"],
    connect: |properties, context| {
        Box::pin(async move {
            let store = RedisState::open(&properties, &context).await?;
            Ok(Arc::new(store) as Arc<dyn DynStateStore>)
        })
    },
};

/// `pubsub.redis`; its properties are in [`RedisPubSub`] (reference 4.2.4).
pub const PUBSUB: Driver<dyn DynPubSub> = Driver {
    types: &["pubsub.redis"],
    versions: &["v1"],
    connect: |properties, context| {
        Box::pin(async move {
            let broker = RedisPubSub::open(&properties, &context).await?;
            Ok(Arc::new(broker) as Arc<dyn DynPubSub>)
        })
    },
};
