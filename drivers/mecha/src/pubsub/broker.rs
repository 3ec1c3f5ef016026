//! The topics of a keyspace. Components that name the same directory and keyspace share one broker, through a table that
//! holds it weakly.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mecha_component::{Error, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::keys::{Keys, Space};
use super::options::Retention;
use super::topic::Topic;
use crate::engine::Engine;
use crate::settings::Settings;

/// Topics that are remembered when nobody uses them; others are read again.
const REMEMBERED: usize = 1024;
/// How often topics are looked through for what is too old.
const TICK: Duration = Duration::from_mins(1);

type Table = HashMap<(PathBuf, String), Weak<Broker>>;

static BROKERS: Mutex<Option<Table>> = Mutex::new(None);

/// The broker.
pub(crate) struct Broker {
    engine: Arc<Engine>,
    space: Space,
    retention: Retention,
    tasks: Handle,
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    /// Held by who reads a topic, so that there is one of each.
    opening: tokio::sync::Mutex<()>,
}

impl Broker {
    /// The broker of a keyspace.
    pub(crate) fn open(
        engine: Arc<Engine>,
        settings: &Settings,
        retention: Retention,
        tasks: &Handle,
    ) -> Arc<Self> {
        let mut guard = BROKERS.lock();
        let table = guard.get_or_insert_with(HashMap::new);
        table.retain(|_, broker| broker.strong_count() > 0);
        let name = (engine.dir().to_owned(), settings.keyspace.clone());
        if let Some(broker) = table.get(&name).and_then(Weak::upgrade) {
            return broker;
        }
        let broker = Arc::new(Broker {
            engine,
            space: Space::of(settings),
            retention,
            tasks: tasks.clone(),
            topics: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        });
        table.insert(name, Arc::downgrade(&broker));
        tasks.spawn(look_after(Arc::downgrade(&broker)));
        broker
    }

    /// The topic of that name.
    ///
    /// # Errors
    /// When the name can't be one, or the topic can't be read.
    pub(crate) async fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        if let Some(topic) = self.topics.lock().get(name) {
            return Ok(Arc::clone(topic));
        }
        if name.is_empty() || name.len() > usize::from(u16::MAX) {
            return Err(Error::invalid("the name of a topic has 1 to 65,535 bytes"));
        }
        let _turn = self.opening.lock().await;
        if let Some(topic) = self.topics.lock().get(name) {
            return Ok(Arc::clone(topic));
        }
        let keys = Keys::new(&self.space, name);
        let topic =
            Topic::open(Arc::clone(&self.engine), keys, name, self.retention, self.tasks.clone()).await?;
        let mut topics = self.topics.lock();
        if topics.len() >= REMEMBERED {
            topics.retain(|_, topic| Arc::strong_count(topic) > 1);
        }
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Saves what is only in memory.
    pub(crate) async fn save(&self) {
        let topics: Vec<_> = self.topics.lock().values().cloned().collect();
        for topic in topics {
            if let Err(error) = topic.save_all().await {
                tracing::warn!("topic {}: {error}; what was delivered last comes again", topic.name);
            }
        }
    }

    async fn tick(&self) -> Result<()> {
        for name in self.space.topics(&self.engine).await? {
            self.topic(&name).await?.tick().await?;
        }
        Ok(())
    }
}

/// Looks through the topics now and then, as long as there is the broker.
async fn look_after(broker: Weak<Broker>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let Some(broker) = broker.upgrade() else { return };
        if let Err(error) = broker.tick().await {
            tracing::warn!("topics could not be looked through for what is too old: {error}");
        }
    }
}
