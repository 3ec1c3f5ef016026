//! The messages of a subscription that are here: they wait in the queue or are worked at. No more than the queue and the
//! workers hold.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::message::Entry;

/// The ids of what is here.
#[derive(Clone, Default)]
pub(super) struct Hands(Arc<Mutex<HashSet<String>>>);

/// A message that is here until this is dropped.
pub(super) struct Hand {
    pub(super) entry: Entry,
    hands: Hands,
}

impl Hands {
    /// Takes a message; `None` when it is here already.
    pub(super) fn take(&self, entry: Entry) -> Option<Hand> {
        let new = self.0.lock().insert(entry.id.clone());
        new.then(|| Hand { entry, hands: self.clone() })
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.lock().contains(id)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.hands.0.lock().remove(&self.entry.id);
    }
}
