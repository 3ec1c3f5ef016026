//! The topics of a keyspace. Components that name the same directory and keyspace share one broker, through a table that
//! holds it weakly.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mecha_component::{Error, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::RwLock;

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

/// What a broker and its topics have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Where everything is stored.
    pub(crate) engine: Arc<Engine>,
    /// What is kept.
    pub(crate) retention: Retention,
    /// Where tasks run.
    pub(crate) tasks: Handle,
    /// Read by tasks while they hold a topic or the broker, so that who closes can wait until they have let go.
    pub(crate) busy: Arc<RwLock<()>>,
}

/// The broker.
pub(crate) struct Broker {
    shared: Shared,
    space: Space,
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
            shared: Shared { engine, retention, tasks: tasks.clone(), busy: Arc::default() },
            space: Space::of(settings),
            topics: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        });
        table.insert(name, Arc::downgrade(&broker));
        tasks.spawn(look_after(Arc::downgrade(&broker), Arc::clone(&broker.shared.busy)));
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
        let topic = Topic::open(self.shared.clone(), keys, name).await?;
        let mut topics = self.topics.lock();
        if topics.len() >= REMEMBERED {
            topics.retain(|_, topic| Arc::strong_count(topic) > 1);
        }
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Saves what is only in memory, and waits until no task holds on to the broker.
    pub(crate) async fn close(self: Arc<Self>) {
        let topics: Vec<_> = self.topics.lock().values().cloned().collect();
        for topic in topics {
            if let Err(error) = topic.save_all().await {
                tracing::warn!("topic {}: {error}; what was delivered last comes again", topic.name);
            }
        }
        let busy = Arc::clone(&self.shared.busy);
        drop(self);
        drop(busy.write().await);
    }

    async fn tick(&self) -> Result<()> {
        for name in self.space.topics(&self.shared.engine).await? {
            self.topic(&name).await?.tick().await?;
        }
        Ok(())
    }
}

/// Looks through the topics now and then, as long as there is the broker.
async fn look_after(broker: Weak<Broker>, busy: Arc<RwLock<()>>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let _busy = busy.read().await;
        let Some(broker) = broker.upgrade() else { return };
        if let Err(error) = broker.tick().await {
            tracing::warn!("topics could not be looked through for what is too old: {error}");
        }
    }
}
