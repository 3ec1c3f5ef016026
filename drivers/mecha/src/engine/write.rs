//! What the engine is asked to change: batches of writes, each under a condition that is checked at the moment of the
//! commit. State and messages speak to the engine in these terms only.

use std::time::Duration;

use bytes::Bytes;

/// When a write counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Once the disk has it.
    Commit,
    /// Once the system has it; the disk follows within this time. What was not there yet is lost when the machine goes
    /// down, never when the process does.
    Interval(Duration),
    /// Once the system has it; it writes to the disk when it likes.
    None,
}

/// What must hold for a write to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Any,
    /// There is no record under the key.
    Absent,
    /// The record under the key has this version.
    Version(u64),
}

/// One change. Each one done takes the next number of the engine's one sequence; a record's version is the number of
/// the change that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Stores a record.
    Put {
        /// Where.
        key: Bytes,
        /// When it ends, in milliseconds since 1970; 0 = never.
        expires: u64,
        /// What.
        data: Bytes,
    },
    /// Stores a record under `prefix` followed by the change's own number, eight bytes, big end first.
    Append {
        /// The log it belongs to. Keys under it are written by appending only.
        prefix: Bytes,
        /// As of [`Change::Put`].
        expires: u64,
        /// What.
        data: Bytes,
    },
    /// Removes a record.
    Delete {
        /// Which.
        key: Bytes,
    },
    /// Gives up what was appended under `prefix` before number `upto`. Readers may find such records for a while and
    /// are expected to begin at `upto` by themselves.
    Truncate {
        /// The log.
        prefix: Bytes,
        /// The first number that stays.
        upto: u64,
    },
}

impl Change {
    /// Bytes of its keys and data.
    pub(crate) fn size(&self) -> usize {
        match self {
            Change::Put { key, data, .. } => key.len() + data.len(),
            Change::Append { prefix, data, .. } => prefix.len() + 8 + data.len(),
            Change::Delete { key } => key.len(),
            Change::Truncate { prefix, .. } => prefix.len() + 8,
        }
    }
}

/// A change and its condition. Appending and truncating know no condition but [`Condition::Any`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// What must hold.
    pub(crate) condition: Condition,
    /// What is done then.
    pub(crate) change: Change,
}

impl Write {
    /// A change that is done whatever is stored.
    pub(crate) fn any(change: Change) -> Self {
        Write { condition: Condition::Any, change }
    }
}

/// Writes that are asked for together and become durable together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// In their order; a condition sees what earlier writes of the batch did.
    pub(crate) writes: Vec<Write>,
    /// Whether one refused write means that none is done.
    pub(crate) whole: bool,
    /// When it counts as done.
    pub(crate) durability: Durability,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The number of the first change that was done; the others follow it without gaps.
    pub(crate) first: u64,
    /// Which writes were refused, by their place in the batch, ascending. When the batch was a whole one and this is
    /// not empty, nothing was done.
    pub(crate) refused: Vec<usize>,
}
