//! What tests of this crate share: a runtime without a process around it, and a state store that keeps what it is told
//! and fails when it is told to.

mod log;
mod store;

use std::sync::Arc;

use mecha_component::{Drivers, Properties};
use mecha_config::runtime as config;
use mecha_config::runtime::{Component, Property, PropertySource};
use tokio::runtime::Handle;

use crate::clusters::Nowhere;
use crate::components::Loaded;
use crate::network::Network;
use crate::runtime::{Parts, Runtime};
use crate::state::StateRules;

pub(crate) use log::Log;
pub(crate) use store::{Call, Store};

/// The configuration of the application `orders`, which has no server.
pub(crate) fn config() -> config::Runtime {
    config::Runtime {
        identity: config::Identity { app_id: "orders".into(), ..Default::default() },
        process: config::Process { version: "1.18.3".into(), ..Default::default() },
        ..Default::default()
    }
}

/// A runtime without components.
pub(crate) fn runtime() -> Arc<Runtime> {
    runtime_of(config(), Drivers::default())
}

/// A runtime whose tasks run where the test does.
pub(crate) fn runtime_of(config: config::Runtime, drivers: Drivers) -> Arc<Runtime> {
    Runtime::new(Parts {
        config: Arc::new(config),
        drivers,
        network: Network::default(),
        tasks: Handle::current(),
        clusters: Arc::new(Nowhere),
    })
}

/// A component whose properties stand in the file.
pub(crate) fn component(name: &str, kind: &str, properties: &[(&str, &str)]) -> Component {
    let plain = |(name, value): &(&str, &str)| Property {
        name: (*name).to_owned(),
        source: PropertySource::Value((*value).to_owned()),
    };
    Component { properties: properties.iter().map(plain).collect(), ..Component::new(name, kind) }
}

/// A runtime with the state store `statestore`, and that store.
pub(crate) fn runtime_with(store: Store, properties: &[(&str, &str)]) -> (Arc<Runtime>, Arc<Store>) {
    runtime_with_config(config(), store, component("statestore", "state.test", properties))
}

/// As [`runtime_with`], with everything said. The key of a secret is taken for its value.
pub(crate) fn runtime_with_config(
    config: config::Runtime,
    store: Store,
    component: Component,
) -> (Arc<Runtime>, Arc<Store>) {
    let runtime = runtime_of(config, Drivers::default());
    let store = Arc::new(store);
    let properties: Properties = component
        .properties
        .iter()
        .map(|property| match &property.source {
            PropertySource::Value(value) | PropertySource::Env(value) => {
                (property.name.clone(), value.clone())
            }
            PropertySource::Secret { key, .. } => (property.name.clone(), key.clone()),
        })
        .collect();
    let rules = StateRules::of(&component, &properties, &runtime.config().identity).unwrap();
    let loaded = Loaded { config: component, properties, driver: store.clone() as _ };
    runtime.components().change(|snapshot| {
        snapshot.rules.insert(loaded.config.name.clone(), Arc::new(rules));
        snapshot.state.insert(loaded.config.name.clone(), Arc::new(loaded));
    });
    (runtime, store)
}
