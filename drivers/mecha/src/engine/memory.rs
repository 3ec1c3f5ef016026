//! The changes that are durable in the log and not yet in the file below: the generation that grows, and the one that
//! is on its way to the file. Readers look here first; what is found here costs no system call.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::page::Limit;
use super::record::Record;
use super::write::Change;

/// What an entry weighs beside its bytes: the entry itself, and the allocator's share for key and data.
const ENTRY: usize = std::mem::size_of::<(Bytes, Option<Record>)>() + 32;

/// Changes in the order of their keys. A record that was removed leaves `None`, which hides what is below.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    /// Records by key.
    pub(crate) entries: BTreeMap<Bytes, Option<Record>>,
    /// For each log that was truncated, the first number that stays.
    pub(crate) floors: BTreeMap<Bytes, u64>,
    /// The number of the last change in it.
    pub(crate) last: u64,
    bytes: usize,
}

impl Generation {
    fn insert(&mut self, key: Bytes, entry: Option<Record>) {
        let weigh = |key: &Bytes, entry: &Option<Record>| {
            ENTRY + key.len() + entry.as_ref().map_or(0, |r| r.data.len())
        };
        self.bytes += weigh(&key, &entry);
        let key_bytes = key.len();
        if let Some(old) = self.entries.insert(key, entry) {
            self.bytes =
                self.bytes.saturating_sub(ENTRY + key_bytes + old.map_or(0, |record| record.data.len()));
        }
    }

    fn truncate(&mut self, prefix: Bytes, upto: u64) {
        let (from, to) = (numbered(&prefix, 0), numbered(&prefix, upto));
        // What was appended here and given up here was never anywhere below: no trace of it has to stay.
        let gone: Vec<Bytes> = between(&self.entries, &from, &to).map(|(key, _)| key.clone()).collect();
        for key in gone {
            if let Some(old) = self.entries.remove(&key) {
                let data = old.map_or(0, |record| record.data.len());
                self.bytes = self.bytes.saturating_sub(ENTRY + key.len() + data);
            }
        }
        let floor = self.floors.entry(prefix).or_default();
        *floor = upto.max(*floor);
    }
}

/// The key of what was appended under `prefix` as number `number`.
pub(crate) fn numbered(prefix: &[u8], number: u64) -> Bytes {
    let mut key = Vec::with_capacity(prefix.len() + 8);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&number.to_be_bytes());
    Bytes::from(key)
}

type Entries<'a> = btree_map::Range<'a, Bytes, Option<Record>>;

fn between<'a>(entries: &'a BTreeMap<Bytes, Option<Record>>, from: &[u8], to: &[u8]) -> Entries<'a> {
    let to = to.max(from);
    entries.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
}

/// Both generations.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    active: Generation,
    frozen: Option<Arc<Generation>>,
    below: u64,
}

/// A piece of the memory, in the order of the keys.
pub(crate) struct Slice {
    /// Records, and `None` for what was removed.
    pub(crate) entries: Vec<(Bytes, Option<Record>)>,
    /// Whether there is more after the last one.
    pub(crate) cut: bool,
}

impl Memory {
    /// An empty memory over a file that holds the changes up to number `below`.
    pub(crate) fn new(below: u64) -> Self {
        Memory { below, active: Generation { last: below, ..Generation::default() }, frozen: None }
    }

    /// Takes a change that was given `number`.
    pub(crate) fn apply(&mut self, number: u64, change: Change) {
        self.active.last = number;
        match change {
            Change::Put { key, expires, data } => {
                self.active.insert(key, Some(Record { version: number, expires, data }));
            }
            Change::Append { prefix, expires, data } => {
                let record = Record { version: number, expires, data };
                self.active.insert(numbered(&prefix, number), Some(record));
            }
            Change::Delete { key } => self.active.insert(key, None),
            Change::Truncate { prefix, upto } => self.active.truncate(prefix, upto),
        }
    }

    /// Bytes that the growing generation holds.
    pub(crate) fn weight(&self) -> usize {
        self.active.bytes
    }

    /// The number of the last change.
    pub(crate) fn last(&self) -> u64 {
        self.active.last
    }

    /// Changes up to this number are in the file below.
    pub(crate) fn below(&self) -> u64 {
        self.below
    }

    /// Makes the growing generation the one that goes to the file; the caller knows that there is none on its way.
    pub(crate) fn freeze(&mut self) -> Arc<Generation> {
        let next = Generation { last: self.active.last, ..Generation::default() };
        let frozen = Arc::new(std::mem::replace(&mut self.active, next));
        self.frozen = Some(Arc::clone(&frozen));
        frozen
    }

    /// The frozen generation is in the file.
    pub(crate) fn settle(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.below = frozen.last;
        }
    }

    /// What is known here about `key`: a record, its absence (`Some(None)`), or nothing.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<&Record>> {
        let entry = self.active.entries.get(key);
        let entry = entry.or_else(|| self.frozen.as_ref().and_then(|frozen| frozen.entries.get(key)));
        entry.map(Option::as_ref)
    }

    /// Entries of keys from `from` to before `to`, as many as fit.
    pub(crate) fn slice(&self, from: &[u8], to: &[u8], limit: Limit) -> Slice {
        let mut newer = between(&self.active.entries, from, to).peekable();
        let mut older = self.frozen.as_ref().map(|frozen| between(&frozen.entries, from, to).peekable());
        let mut entries = Vec::new();
        let mut room = limit.room();
        while let Some((key, entry)) = first(&mut newer, older.as_mut()) {
            if !room.take(entry.as_ref().map_or(0, |record| record.data.len())) {
                return Slice { entries, cut: true };
            }
            entries.push((key.clone(), entry.clone()));
        }
        Slice { entries, cut: false }
    }
}

/// The next entry of two generations; the newer one wins where both have a key.
fn first<'a>(
    newer: &mut Peekable<Entries<'a>>,
    older: Option<&mut Peekable<Entries<'a>>>,
) -> Option<(&'a Bytes, &'a Option<Record>)> {
    let Some(older) = older else { return newer.next() };
    match (newer.peek(), older.peek()) {
        (Some((new, _)), Some((old, _))) if new == old => {
            older.next();
            newer.next()
        }
        (Some((new, _)), Some((old, _))) if old < new => older.next(),
        (None, _) => older.next(),
        (Some(_), _) => newer.next(),
    }
}
