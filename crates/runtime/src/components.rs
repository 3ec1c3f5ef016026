//! The components that are loaded, by name. Readers take a snapshot; the loader swaps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mecha_component::Properties;
use mecha_component::pubsub::DynPubSub;
use mecha_component::secrets::DynSecretStore;
use mecha_component::state::DynStateStore;
use mecha_config::runtime::Component;
use parking_lot::Mutex;

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
