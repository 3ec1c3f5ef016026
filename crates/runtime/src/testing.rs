//! What tests of this crate share: a runtime without a process around it, and a state store that keeps what it is told
//! and fails when it is told to.

mod log;
mod store;

use std::sync::Arc;
use std::time::Duration;

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
        app: config::App {
            port: None,
            address: "127.0.0.1".into(),
            protocol: config::AppProtocol::Http,
            max_concurrency: None,
            health: None,
            token: None,
            init_config: true,
            init_subscribe: true,
        },
        apis: config::Apis {
            http: Vec::new(),
            grpc: Vec::new(),
            internal: Vec::new(),
            public: Vec::new(),
            metrics: Vec::new(),
            profile: Vec::new(),
            token: None,
            max_body: 4 << 20,
            max_head: 4 << 10,
            allowed_origins: Vec::new(),
            h2c: true,
            log_calls: None,
        },
        process: config::Process {
            resources: Vec::new(),
            data: "unused".into(),
            graceful_timeout: Duration::from_secs(5),
            block_shutdown: None,
            reload_interval: Duration::from_secs(60),
            env_keys: None,
            static_names: Default::default(),
            host_ip: None,
            version: "1.18.3".into(),
        },
        settings: config::Settings::default(),
        resources: config::Resources::default(),
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
    Component {
        name: name.to_owned(),
        kind: kind.to_owned(),
        version: "v1".to_owned(),
        ignore_errors: false,
        init_timeout: Duration::from_secs(5),
        properties: properties.iter().map(plain).collect(),
        secret_store: None,
        place: Default::default(),
    }
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
