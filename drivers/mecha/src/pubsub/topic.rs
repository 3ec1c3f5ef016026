//! A topic: its log, what of it is kept, and the groups that read it. Numbers in the log are those of the engine's one
//! sequence, so they grow and have gaps.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use mecha_component::Result;
use parking_lot::Mutex;

use super::broker::Shared;
use super::group::Group;
use super::keys::Keys;
use super::marks::Marks;
use super::options::Start;
use super::position::Position;
use crate::engine::{Batch, Change, Durability, Limit, Page, Write, now_millis};

/// How often a position is saved while messages are settled. What was settled since is handed over again after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(10);
/// How long after a failure.
const SAVE_AGAIN: Duration = Duration::from_secs(1);
/// When positions and what follows from them are on the disk at the latest.
const RELAXED: Durability = Durability::Interval(Duration::from_secs(1));

/// The topic.
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    shared: Shared,
    keys: Keys,
    me: Weak<Topic>,
    state: Mutex<State>,
}

struct State {
    /// The first number that is kept.
    floor: u64,
    marks: Marks,
    groups: BTreeMap<String, Known>,
}

/// What is known of a group.
struct Known {
    /// The first number that it still needs.
    low: u64,
    /// Where it began in this run.
    position: Position,
    /// Set once it has a member in this process.
    group: Option<Arc<Group>>,
}

/// A message to be published.
pub(crate) struct Outgoing {
    /// As of [`Change::Append`].
    pub(crate) expires: u64,
    /// Its stored form.
    pub(crate) data: Bytes,
}

impl Topic {
    /// Reads what is known of a topic.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn open(shared: Shared, keys: Keys, name: &str) -> Result<Arc<Self>> {
        let engine = &shared.engine;
        let floor = keys.read_floor(engine).await?;
        let mut groups = BTreeMap::new();
        for (name, position) in keys.read_groups(engine).await? {
            groups.insert(name, Known { low: position.low(), position, group: None });
        }
        let mut marks = Marks::new(keys.read_marks(engine).await?);
        let unmarked =
            engine.log(&keys.messages, marks.end().max(floor), Limit { count: 1, bytes: 0 }).await?;
        if !unmarked.records.is_empty() {
            marks.assume(&shared.retention);
        }
        let state = Mutex::new(State { floor, marks, groups });
        Ok(Arc::new_cyclic(|me| Topic { name: name.to_owned(), shared, keys, me: Weak::clone(me), state }))
    }

    /// Adds messages, all or none.
    ///
    /// # Errors
    /// When they can't be written.
    pub(crate) async fn publish(&self, messages: Vec<Outgoing>, durability: Durability) -> Result<()> {
        let bytes = messages.iter().map(|message| message.data.len() as u64).sum();
        let mut writes: Vec<_> = messages
            .into_iter()
            .map(|Outgoing { expires, data }| {
                Write::any(Change::Append { prefix: self.keys.messages.clone(), expires, data })
            })
            .collect();
        let count = writes.len() as u64;
        let mark = self.state.lock().marks.add(bytes, now_millis(), &self.shared.retention);
        writes.extend(mark.map(|mark| self.keys.write_mark(mark)));
        let outcome = self.shared.engine.commit(Batch { writes, whole: true, durability }).await?;
        if let Some(mark) = mark {
            self.state.lock().marks.insert(outcome.first + count, mark);
            self.retain().await?;
        }
        self.wake();
        Ok(())
    }

    /// Gives up what is too old or too much.
    ///
    /// # Errors
    /// When that can't be written.
    pub(crate) async fn retain(&self) -> Result<()> {
        let floor = self.state.lock().marks.floor(now_millis(), &self.shared.retention);
        let Some(writes) = floor.and_then(|floor| self.raise(floor)) else { return Ok(()) };
        self.shared.engine.commit(Batch { writes, whole: true, durability: RELAXED }).await.map(drop)
    }

    /// As [`Topic::retain`], for a topic to which nothing is published: makes sure that its last messages age, too.
    ///
    /// # Errors
    /// As [`Topic::retain`].
    pub(crate) async fn tick(&self) -> Result<()> {
        let mark = self.state.lock().marks.add(0, now_millis(), &self.shared.retention);
        if let Some(mark) = mark {
            let writes = vec![self.keys.write_mark(mark)];
            let outcome =
                self.shared.engine.commit(Batch { writes, whole: true, durability: RELAXED }).await?;
            self.state.lock().marks.insert(outcome.first, mark);
        }
        self.retain().await
    }

    /// The group of that name, new ones at `start`. A new one is stored before it is answered, so that nothing that is
    /// published from then on is lost for it.
    ///
    /// # Errors
    /// When it can't be stored.
    pub(crate) async fn group(&self, name: &str, start: Start) -> Result<Arc<Group>> {
        let (group, new) = {
            let mut state = self.state.lock();
            let begin = match start {
                Start::Oldest => state.floor,
                Start::Newest => self.shared.engine.last() + 1,
            };
            let new = !state.groups.contains_key(name);
            let known = state.groups.entry(name.to_owned()).or_insert_with(|| Known {
                low: begin,
                position: Position { next: begin, open: Vec::new() },
                group: None,
            });
            let make = || Arc::new(Group::new(name.to_owned(), &known.position));
            (Arc::clone(known.group.get_or_insert_with(make)), new)
        };
        if new {
            group.not_saved();
            let _turn = group.saver.lock().await;
            if let Err(error) = self.save_one(&group, Durability::Commit).await {
                self.state.lock().groups.remove(name);
                return Err(error);
            }
        }
        Ok(group)
    }

    /// Messages from number `from` on.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn fetch(&self, from: u64, limit: Limit) -> Result<Page> {
        self.shared.engine.log(&self.keys.messages, from, limit).await
    }

    /// The stored form of one message; `None` when it is kept no longer.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn message(&self, number: u64) -> Result<Option<Bytes>> {
        if number < self.state.lock().floor {
            return Ok(None);
        }
        let page = self.shared.engine.log(&self.keys.messages, number, Limit { count: 1, bytes: 0 }).await?;
        let record = page.records.into_iter().next().map(|(_, record)| record);
        Ok(record.filter(|record| record.version == number).map(|record| record.data))
    }

    /// Has the position of a group saved within [`SAVE_EVERY`].
    pub(crate) fn save_soon(&self, group: &Arc<Group>) {
        if !group.wants_saver() {
            return;
        }
        // Whoever closes the broker saves by itself: a task that waits must not hold on to it.
        let (topic, group) = (Weak::clone(&self.me), Arc::downgrade(group));
        let busy = Arc::clone(&self.shared.busy);
        self.shared.tasks.spawn(async move {
            let mut wait = SAVE_EVERY;
            loop {
                tokio::time::sleep(wait).await;
                let _busy = busy.read().await;
                let (Some(topic), Some(group)) = (topic.upgrade(), group.upgrade()) else { return };
                wait = SAVE_EVERY;
                if let Err(error) = topic.save(&group).await {
                    tracing::warn!("topic {}: position of {} not saved: {error}", topic.name, group.name);
                    wait = SAVE_AGAIN;
                }
                if group.saver_ends() {
                    return;
                }
            }
        });
    }

    /// Saves the position of a group now, unless the stored one is right.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) async fn save(&self, group: &Group) -> Result<()> {
        let _turn = group.saver.lock().await;
        self.save_one(group, RELAXED).await
    }

    /// Saves the position of every group.
    ///
    /// # Errors
    /// When one can't be written.
    pub(crate) async fn save_all(&self) -> Result<()> {
        let groups: Vec<_> =
            self.state.lock().groups.values().filter_map(|known| known.group.clone()).collect();
        for group in groups {
            self.save(&group).await?;
        }
        Ok(())
    }

    async fn save_one(&self, group: &Group, durability: Durability) -> Result<()> {
        let Some(position) = group.unsaved() else { return Ok(()) };
        let mut writes = vec![self.keys.write_position(&group.name, &position)];
        let done = {
            let mut state = self.state.lock();
            if let Some(known) = state.groups.get_mut(&group.name) {
                known.low = position.low();
            }
            state.groups.values().map(|known| known.low).min()
        };
        let done = done.filter(|_| !self.shared.retention.consumed);
        writes.extend(done.and_then(|floor| self.raise(floor)).unwrap_or_default());
        let saved = self.shared.engine.commit(Batch { writes, whole: true, durability }).await;
        if saved.is_err() {
            group.not_saved();
        }
        saved.map(drop)
    }

    /// Raises the floor; what has to be written for that, `None` when it is that high already.
    fn raise(&self, floor: u64) -> Option<Vec<Write>> {
        let mut state = self.state.lock();
        if floor <= state.floor {
            return None;
        }
        state.floor = floor;
        state.marks.forget(floor);
        for known in state.groups.values_mut() {
            known.low = known.low.max(floor);
            if let Some(group) = &known.group {
                group.forget(floor);
            }
        }
        Some(self.keys.write_floor(floor))
    }

    fn wake(&self) {
        let state = self.state.lock();
        state
            .groups
            .values()
            .filter_map(|known| known.group.as_ref())
            .for_each(|group| group.wake.notify_waiters());
    }
}
