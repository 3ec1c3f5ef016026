//! The items of the store in memory, ordered by key, and beside them the order in which they expire.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::Expiry;
use crate::state::etag::Expected;
use crate::state::{Item, ttl};
use crate::{Error, Result};

/// Items by key.
pub(super) struct Map {
    entries: BTreeMap<Arc<str>, Entry>,
    /// Every entry with an expiry, soonest first.
    expiring: BTreeSet<(Instant, Arc<str>)>,
    /// The version of the write before.
    version: u64,
}

/// One item.
pub(super) struct Entry {
    value: Bytes,
    content_type: Option<String>,
    version: u64,
    expiry: Option<Expiry>,
}

impl Entry {
    /// As a reader gets it.
    pub(super) fn item(&self) -> Item {
        Item {
            value: self.value.clone(),
            etag: Some(self.version.to_string()),
            metadata: ttl::metadata(self.expiry.map(|expiry| expiry.told)),
            content_type: self.content_type.clone(),
        }
    }

    fn is_alive(&self) -> bool {
        self.expiry.is_none_or(|expiry| expiry.at > Instant::now())
    }
}

impl Map {
    /// Nothing. Versions begin with the time, in microseconds: an etag that a client kept from before a restart is none
    /// of those given now.
    pub(super) fn new() -> Self {
        let version = ttl::now().saturating_mul(1000);
        Map { entries: BTreeMap::new(), expiring: BTreeSet::new(), version }
    }

    /// The entry of `key`, unless it has expired.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.is_alive())
    }

    /// Whether a write that expects this may go on.
    pub(super) fn check(&self, key: &str, expected: Expected<'_>) -> Result<()> {
        match expected {
            Expected::Anything => Ok(()),
            Expected::Nothing => expected.check(self.get(key).map(|_| "")),
            Expected::Version(wanted) => match self.get(key) {
                Some(entry) if wanted.parse() == Ok(entry.version) => Ok(()),
                Some(entry) => {
                    let detail = format!("the stored version is {}, not {wanted}", entry.version);
                    Err(Error::etag_mismatch(Some(&detail)))
                }
                None => Err(Error::etag_mismatch(Some("there is no such item"))),
            },
        }
    }

    /// Stores a value as a new version; what was there before.
    pub(super) fn insert(
        &mut self,
        key: &str,
        value: Bytes,
        content_type: Option<String>,
        expiry: Option<Expiry>,
    ) -> Option<Entry> {
        self.version += 1;
        let entry = Entry { value, content_type, version: self.version, expiry };
        self.place(key, entry)
    }

    /// Removes a key; what was there.
    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        if let Some(expiry) = entry.expiry {
            self.expiring.remove(&(expiry.at, key));
        }
        Some(entry)
    }

    /// Puts back what was there before a write.
    pub(super) fn restore(&mut self, key: &str, before: Option<Entry>) {
        match before {
            Some(entry) => drop(self.place(key, entry)),
            None => drop(self.remove(key)),
        }
    }

    /// Living entries whose keys begin with `prefix`, in order, from after the key `after`.
    pub(super) fn range<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Entry)> {
        let from = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(prefix),
        };
        self.entries
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter(|(_, entry)| entry.is_alive())
    }

    /// Takes out at most `most` entries that have expired; when the next one expires.
    pub(super) fn sweep(&mut self, most: usize) -> Option<Instant> {
        let now = Instant::now();
        for _ in 0..most {
            if self.expiring.first().is_none_or(|(at, _)| *at > now) {
                break;
            }
            if let Some((_, key)) = self.expiring.pop_first() {
                self.entries.remove(&key);
            }
        }
        self.expiring.first().map(|(at, _)| *at)
    }

    /// How many entries there are, expired ones too.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&mut self, key: &str, entry: Entry) -> Option<Entry> {
        let before = match self.entries.get_mut(key) {
            // Most writes are to keys that are there: no allocation, no move inside the tree.
            Some(there) if there.expiry.is_none() && entry.expiry.is_none() => {
                return Some(std::mem::replace(there, entry));
            }
            _ => self.remove(key),
        };
        let key: Arc<str> = key.into();
        if let Some(expiry) = entry.expiry {
            self.expiring.insert((expiry.at, Arc::clone(&key)));
        }
        self.entries.insert(key, entry);
        before
    }
}
