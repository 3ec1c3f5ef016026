//! A consumer group of a topic: which messages are handed over and which come next. Its members, the subscriptions of
//! this process under the same name, take from it; each message goes to one of them at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mecha_component::Result;
use mecha_component::pubsub::Message;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::message;
use super::options::Delivery;
use super::position::Position;
use super::topic::Topic;
use crate::engine::{Limit, Page};

/// Most bytes that one call fetches, unless the first message alone has more.
const FETCHED: usize = 1 << 20;

/// The group.
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    state: Mutex<State>,
    /// Told whenever there may be something to take.
    pub(crate) wake: Notify,
    /// Held by the member that fetches.
    turn: tokio::sync::Mutex<()>,
    /// Held by who saves the position.
    pub(crate) saver: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// What was handed over and is not done with, and how often it was refused.
    open: BTreeMap<u64, u32>,
    /// What of that is with no member, by when it may be handed over again.
    waiting: BTreeSet<(Instant, u64)>,
    /// Whether the stored position is behind.
    dirty: bool,
    /// Whether a task saves it.
    saving: bool,
}

/// A message in the hands of a member. Dropped without a verdict, it goes back to the group.
pub(crate) struct Hand {
    group: Arc<Group>,
    number: u64,
    /// The message.
    pub(crate) message: Message,
    settled: bool,
}

/// What can be taken now.
enum Ready {
    Again(Vec<u64>),
    Fetch(u64, usize),
    Nothing(Option<Instant>),
}

impl Group {
    /// A group at a position; what was open is handed over first.
    pub(crate) fn new(name: String, position: &Position) -> Self {
        let now = Instant::now();
        let state = State {
            next: position.next,
            open: position.open.iter().map(|number| (*number, 0)).collect(),
            waiting: position.open.iter().map(|number| (now, *number)).collect(),
            ..State::default()
        };
        Group {
            name,
            state: Mutex::new(state),
            wake: Notify::new(),
            turn: tokio::sync::Mutex::default(),
            saver: tokio::sync::Mutex::default(),
        }
    }

    /// Takes 1 to `want` messages; waits until there is one. Can be given up at any time. A member that hands over one
    /// message at a time gets what was refused before anything that came after it.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(crate) async fn take(
        self: &Arc<Self>,
        topic: &Topic,
        want: usize,
        how: &Delivery,
    ) -> Result<Vec<Hand>> {
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let turn = self.turn.lock().await;
            let ready = self.state.lock().ready(want, how);
            let until = match ready {
                Ready::Again(numbers) => {
                    let hands = self.again(topic, numbers).await?;
                    if hands.is_empty() {
                        continue;
                    }
                    return Ok(hands);
                }
                Ready::Fetch(from, count) => {
                    let page = topic.fetch(from, Limit { count, bytes: FETCHED }).await?;
                    let ended = page.records.is_empty() && page.next.is_none();
                    let hands = self.hand_out(topic, page);
                    if !hands.is_empty() {
                        return Ok(hands);
                    }
                    if !ended {
                        continue;
                    }
                    self.state.lock().waiting.first().map(|(due, _)| *due)
                }
                Ready::Nothing(due) => due,
            };
            drop(turn);
            match until {
                None => woken.await,
                Some(due) => tokio::select! { () = woken => {}, () = tokio::time::sleep_until(due) => {} },
            }
        }
    }

    /// Hands out again what was refused.
    async fn again(self: &Arc<Self>, topic: &Topic, numbers: Vec<u64>) -> Result<Vec<Hand>> {
        let hand =
            |number| Hand { group: Arc::clone(self), number, message: Message::default(), settled: false };
        // In hands at once, so that none is lost when this is given up.
        let hands: Vec<_> = numbers.into_iter().map(hand).collect();
        let mut found = Vec::with_capacity(hands.len());
        for mut hand in hands {
            let stored = topic.message(hand.number).await?;
            match stored.and_then(|stored| message::decode(&topic.name, stored)) {
                Some(message) => {
                    hand.message = message;
                    found.push(hand);
                }
                // It has ended, or is kept no longer.
                None => hand.done(topic),
            }
        }
        Ok(found)
    }

    fn hand_out(self: &Arc<Self>, topic: &Topic, page: Page) -> Vec<Hand> {
        let mut state = self.state.lock();
        let mut hands = Vec::with_capacity(page.records.len());
        for (_, record) in page.records {
            let number = record.version;
            if number < state.next {
                continue;
            }
            state.next = number + 1;
            // What can't be read can't be delivered, ever.
            let Some(message) = message::decode(&topic.name, record.data) else { continue };
            state.open.insert(number, 0);
            hands.push(Hand { group: Arc::clone(self), number, message, settled: false });
        }
        if hands.is_empty()
            && let Some(next) = page.next.as_deref().and_then(number_of)
        {
            state.next = state.next.max(next);
        }
        hands
    }

    /// Forgets what came before number `floor`: it is kept no longer.
    pub(crate) fn forget(&self, floor: u64) {
        let mut state = self.state.lock();
        state.next = state.next.max(floor);
        let kept: BTreeSet<_> =
            state.waiting.iter().copied().filter(|(_, number)| *number >= floor).collect();
        for (_, number) in std::mem::replace(&mut state.waiting, kept) {
            if number < floor {
                state.open.remove(&number);
            }
        }
    }

    /// Whether a task is to be started that saves the position.
    pub(crate) fn wants_saver(&self) -> bool {
        let mut state = self.state.lock();
        let wants = state.dirty && !state.saving;
        state.saving |= wants;
        wants
    }

    /// Whether the task that saves has nothing left to do, and ends therefore.
    pub(crate) fn saver_ends(&self) -> bool {
        let mut state = self.state.lock();
        state.saving = state.dirty;
        !state.dirty
    }

    /// The position, when the stored one is behind; it is taken as stored from now on.
    pub(crate) fn unsaved(&self) -> Option<Position> {
        let mut state = self.state.lock();
        std::mem::take(&mut state.dirty).then(|| state.position())
    }

    /// The stored position is behind after all.
    pub(crate) fn not_saved(&self) {
        self.state.lock().dirty = true;
    }
}

impl State {
    fn ready(&mut self, want: usize, how: &Delivery) -> Ready {
        let now = Instant::now();
        let due: Vec<_> =
            self.waiting.iter().take_while(|(due, _)| *due <= now).take(want).copied().collect();
        if !due.is_empty() {
            for entry in &due {
                self.waiting.remove(entry);
            }
            let mut numbers: Vec<_> = due.into_iter().map(|(_, number)| number).collect();
            numbers.sort_unstable();
            return Ready::Again(numbers);
        }
        let later = self.waiting.first().map(|(due, _)| *due);
        let room = how.in_flight.saturating_sub(self.open.len());
        if room == 0 || (how.concurrency == 1 && later.is_some()) {
            return Ready::Nothing(later);
        }
        Ready::Fetch(self.next, want.min(room))
    }

    fn position(&self) -> Position {
        Position { next: self.next, open: self.open.keys().copied().collect() }
    }
}

impl Hand {
    /// The message is done with.
    pub(crate) fn done(mut self, topic: &Topic) {
        self.settled = true;
        let mut state = self.group.state.lock();
        state.open.remove(&self.number);
        state.dirty = true;
        drop(state);
        self.group.wake.notify_waiters();
        topic.save_soon(&self.group);
    }

    /// The message was refused; it comes again.
    pub(crate) fn refused(mut self, how: &Delivery) {
        self.settled = true;
        let mut state = self.group.state.lock();
        if let Some(attempts) = state.open.get_mut(&self.number) {
            *attempts = attempts.saturating_add(1);
            let due = Instant::now() + how.backoff(*attempts);
            state.waiting.insert((due, self.number));
        }
        drop(state);
        self.group.wake.notify_waiters();
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let mut state = self.group.state.lock();
        if state.open.contains_key(&self.number) {
            state.waiting.insert((Instant::now(), self.number));
        }
        drop(state);
        self.group.wake.notify_waiters();
    }
}

/// The number at the end of a key of the log.
fn number_of(key: &[u8]) -> Option<u64> {
    // A page goes on right after a key: at that key with a zero byte.
    let key = key.strip_suffix(&[0])?;
    key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number).saturating_add(1))
}
