//! The components that are loaded, by name. Readers take a snapshot; the loader swaps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mecha_component::pubsub::DynPubSub;
use mecha_component::secrets::DynSecretStore;
use mecha_component::state::DynStateStore;
use mecha_component::{Features, Properties};
use mecha_config::runtime::Component;
use parking_lot::Mutex;

use crate::metadata::ComponentMetadata;
use crate::state::StateRules;

/// A component that is up.
pub struct Loaded<T: ?Sized> {
    /// As it is configured.
    pub config: Component,
    /// Its properties with secrets put in and templates expanded.
    pub properties: Properties,
    /// The driver.
    pub driver: Arc<T>,
}

/// Components by name.
pub type Table<T> = BTreeMap<String, Arc<Loaded<T>>>;

/// Every component that is up.
#[derive(Default)]
pub struct Components {
    now: ArcSwap<Snapshot>,
    change: Mutex<()>,
}

/// The components of one moment.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// State stores.
    pub state: Table<dyn DynStateStore>,
    /// Brokers.
    pub pubsub: Table<dyn DynPubSub>,
    /// Secret stores.
    pub secrets: Table<dyn DynSecretStore>,
    /// HTTP middleware that pipelines may name.
    pub middleware: BTreeMap<String, (Component, Properties)>,
    /// How state stores keep keys and values; those that are not here keep keys of the application's own.
    pub rules: BTreeMap<String, Arc<StateRules>>,
}

impl Snapshot {
    /// How many components there are.
    pub fn count(&self) -> usize {
        self.state.len() + self.pubsub.len() + self.secrets.len() + self.middleware.len()
    }

    /// Takes out the component of that name.
    pub fn remove(&mut self, name: &str) {
        self.state.remove(name);
        self.rules.remove(name);
        self.pubsub.remove(name);
        self.secrets.remove(name);
        self.middleware.remove(name);
    }

    /// Every component as the metadata API tells of it, by name.
    pub fn describe(&self) -> Vec<ComponentMetadata> {
        let state = self.state.values().map(|it| described(&it.config, it.driver.features()));
        let pubsub = self.pubsub.values().map(|it| described(&it.config, it.driver.features()));
        let secrets = self.secrets.values().map(|it| described(&it.config, it.driver.features()));
        let middleware = self.middleware.values().map(|(config, _)| described(config, Features::default()));
        let mut all: Vec<_> = state.chain(pubsub).chain(secrets).chain(middleware).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

fn described(config: &Component, features: Features) -> ComponentMetadata {
    ComponentMetadata {
        name: config.name.clone(),
        kind: config.kind.clone(),
        version: config.version.clone(),
        capabilities: features.iter().map(|feature| feature.name().to_owned()).collect(),
    }
}

impl Components {
    /// What is up now.
    pub fn now(&self) -> Arc<Snapshot> {
        self.now.load_full()
    }

    /// The state store of that name.
    pub fn state(&self, name: &str) -> Option<Arc<Loaded<dyn DynStateStore>>> {
        self.now.load().state.get(name).cloned()
    }

    /// The broker of that name.
    pub fn pubsub(&self, name: &str) -> Option<Arc<Loaded<dyn DynPubSub>>> {
        self.now.load().pubsub.get(name).cloned()
    }

    /// The secret store of that name.
    pub fn secrets(&self, name: &str) -> Option<Arc<Loaded<dyn DynSecretStore>>> {
        self.now.load().secrets.get(name).cloned()
    }

    /// Changes what is up. Takes a lock against other changes; readers never wait.
    pub fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let _alone = self.change.lock();
        let mut next = Snapshot::clone(&self.now.load());
        change(&mut next);
        self.now.store(Arc::new(next));
    }
}
