//! A pub/sub component with what the runtime made of its properties. Read once for each component that is loaded, not
//! for each message.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use mecha_component::pubsub::DynPubSub;
use mecha_component::{Error, Features};

use super::scopes::Access;
use crate::components::Loaded;
use crate::runtime::Runtime;

/// A component that is up, or was.
pub(crate) struct Broker {
    pub(crate) name: Arc<str>,
    pub(crate) access: Access,
    pub(crate) features: Features,
    /// The component's properties name a consumer; else it is the application.
    pub(crate) consumer: String,
    /// Does not keep the component: the loader lets go of it when it is loaded anew.
    loaded: Weak<Loaded<dyn DynPubSub>>,
}

impl Broker {
    /// The driver.
    ///
    /// # Errors
    /// When the component was let go of in the meantime.
    pub(crate) fn driver(&self) -> Result<Arc<dyn DynPubSub>, Error> {
        let gone = || Error::unavailable(format!("component {} is being loaded again", self.name));
        self.loaded.upgrade().map(|loaded| loaded.driver.clone()).ok_or_else(gone)
    }
}

/// Brokers by name, as many as there are components.
#[derive(Default)]
pub(crate) struct Brokers(ArcSwap<HashMap<String, Arc<Broker>>>);

impl Runtime {
    /// The component of that name.
    pub(crate) fn broker(&self, name: &str) -> Option<Arc<Broker>> {
        let loaded = self.components().pubsub(name)?;
        let brokers = &self.pubsub().brokers.0;
        let is_of = |broker: &&Arc<Broker>| std::ptr::eq(broker.loaded.as_ptr(), Arc::as_ptr(&loaded));
        if let Some(broker) = brokers.load().get(name).filter(is_of) {
            return Some(broker.clone());
        }
        let identity = &self.config().identity;
        let consumer = loaded.properties.get("consumerID").unwrap_or(&identity.app_id).to_owned();
        let broker = Arc::new(Broker {
            name: Arc::from(name),
            access: Access::new(&loaded.config, &loaded.properties, &identity.app_id, &identity.namespace),
            features: loaded.driver.features(),
            consumer,
            loaded: Arc::downgrade(&loaded),
        });
        brokers.rcu(|brokers| {
            let mut next = HashMap::clone(brokers);
            next.retain(|_, broker| broker.loaded.strong_count() > 0);
            next.insert(name.to_owned(), broker.clone());
            next
        });
        Some(broker)
    }
}
