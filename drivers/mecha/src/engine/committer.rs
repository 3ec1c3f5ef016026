//! The one thread that writes. It takes every batch that waits, checks their conditions one after the other, writes what
//! is left as one record of the log, syncs it once, shows it to readers and answers all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use mecha_component::{Error, Result};
use tokio::sync::oneshot;

use super::Inner;
use super::flusher::Room;
use super::queue::Queued;
use super::record::now;
use super::wal::{Wal, segment_path};
use super::write::{Batch, Change, Condition, Durability, Outcome, Write};

/// A batch and who waits for it.
#[derive(Debug)]
pub(crate) struct Job {
    /// What is asked for.
    pub(crate) batch: Batch,
    /// Who is told what became of it.
    pub(crate) answer: oneshot::Sender<Result<Outcome>>,
}

/// What a group did to a key so far: version and expiry, or its removal.
type Staged = HashMap<Bytes, Option<(u64, u64)>>;

struct Committer {
    inner: Arc<Inner>,
    wal: Wal,
    /// When what was written must be on the disk at last.
    due: Option<Instant>,
    /// Set when the disk refused a sync: what it holds is not known any more, so nothing may be added.
    broken: Option<Error>,
}

/// The body of the thread; ends when the queue is closed and empty.
pub(crate) fn run(inner: Arc<Inner>, wal: Wal) {
    let mut committer = Committer { inner, wal, due: None, broken: None };
    let mut jobs = Vec::new();
    while committer.inner.writes.take(&mut jobs, committer.due) {
        if !jobs.is_empty() {
            committer.group(std::mem::take(&mut jobs));
        }
        if committer.due.is_some_and(|due| due <= Instant::now()) {
            committer.sync();
        }
    }
    if committer.wal.is_dirty() {
        committer.sync();
    }
}

impl Committer {
    fn group(&mut self, jobs: Vec<Queued<Job>>) {
        let mut group = Group { next: self.inner.memory.read().last() + 1, ..Group::default() };
        let mut outcomes = Vec::with_capacity(jobs.len());
        let ready = self.broken.clone().map_or(Ok(()), Err).and_then(|()| self.make_room());
        if let Err(error) = ready {
            outcomes.resize(jobs.len(), Err(error));
        } else {
            let first = group.next;
            for job in &jobs {
                outcomes.push(self.stage(&mut group, &job.item.batch));
            }
            if let Err(error) = self.commit(group, first) {
                outcomes.iter_mut().for_each(|outcome| *outcome = Err(error.clone()));
            }
        }
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            // Nobody may wait any more: the batch is done all the same.
            let _ = job.item.answer.send(outcome);
        }
    }

    /// Begins a new generation when the growing one is full.
    fn make_room(&mut self) -> Result<()> {
        let full = self.inner.memory.read().weight() >= self.inner.limits.generation;
        if !full && self.wal.offset() < self.inner.limits.segment {
            return Ok(());
        }
        // A file that can't be written stops writers only when a whole generation waits for it.
        self.inner.base.hurry(true);
        let room = self.inner.flush.wait();
        self.inner.base.hurry(false);
        let Room::Free = room? else { return Ok(()) };
        let path = segment_path(&self.inner.dir, self.wal.segment() + 1);
        let ended = self.wal.rotate().map_err(|error| super::fault::io("writing", &path, &error))?;
        let frozen = self.inner.memory.write().freeze();
        self.inner.flush.begin(frozen, ended);
        Ok(())
    }

    fn stage(&mut self, group: &mut Group, batch: &Batch) -> Result<Outcome> {
        let mark = (group.next, group.changes.len());
        let mut outcome = Outcome { first: group.next, refused: Vec::new() };
        let mut undo = Vec::new();
        for (place, write) in batch.writes.iter().enumerate() {
            let holds = match self.holds(group, write) {
                Ok(holds) => holds,
                Err(error) => {
                    group.take_back(mark, undo);
                    return Err(error);
                }
            };
            if holds {
                undo.extend(group.add(write.change.clone()));
                continue;
            }
            if batch.whole {
                group.take_back(mark, undo);
                return Ok(Outcome { first: mark.0, refused: vec![place] });
            }
            outcome.refused.push(place);
        }
        match batch.durability {
            _ if group.changes.len() == mark.1 => {}
            Durability::Commit => group.sync = true,
            Durability::Interval(time) => {
                let due = Instant::now() + time;
                group.due = Some(group.due.map_or(due, |other| other.min(due)));
            }
            Durability::None => {}
        }
        Ok(outcome)
    }

    fn holds(&self, group: &Group, write: &Write) -> Result<bool> {
        let key = match (&write.condition, &write.change) {
            (Condition::Any, _) | (_, Change::Append { .. } | Change::Truncate { .. }) => return Ok(true),
            (_, Change::Put { key, .. } | Change::Delete { key }) => key,
        };
        let now = now();
        let stored = match group.staged.get(key) {
            Some(staged) => *staged,
            None => self.inner.read(key)?.map(|record| (record.version, record.expires)),
        };
        let version =
            stored.filter(|(_, expires)| *expires == 0 || *expires > now).map(|(version, _)| version);
        Ok(match write.condition {
            Condition::Any => true,
            Condition::Absent => version.is_none(),
            Condition::Version(wanted) => version == Some(wanted),
        })
    }

    /// Writes the group, makes it durable as far as it asks for that, and shows it to readers.
    fn commit(&mut self, group: Group, first: u64) -> Result<()> {
        if group.changes.is_empty() {
            return Ok(());
        }
        self.wal.begin(first);
        for change in &group.changes {
            self.wal.add(change);
        }
        let path = segment_path(&self.inner.dir, self.wal.segment());
        self.wal.write().map_err(|error| super::fault::io("writing", &path, &error))?;
        if group.sync {
            self.sync();
        } else if let Some(due) = group.due {
            self.due = Some(self.due.map_or(due, |other| other.min(due)));
        }
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let mut memory = self.inner.memory.write();
        for (number, change) in (first..).zip(group.changes) {
            memory.apply(number, change);
        }
        Ok(())
    }

    fn sync(&mut self) {
        self.due = None;
        if self.broken.is_some() {
            return;
        }
        if let Err(error) = self.wal.sync() {
            let path = segment_path(&self.inner.dir, self.wal.segment());
            let error = super::fault::io("syncing", &path, &error);
            let error = Error::unavailable(format!("{error}; nothing more is written until a restart"));
            tracing::error!("{error}");
            self.broken = Some(error);
        }
    }
}

/// What a group of batches comes to.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    staged: Staged,
    next: u64,
    sync: bool,
    due: Option<Instant>,
}

type Undo = (Bytes, Option<Option<(u64, u64)>>);

impl Group {
    fn add(&mut self, change: Change) -> Option<Undo> {
        let staged = match &change {
            Change::Put { key, expires, .. } => Some((key.clone(), Some((self.next, *expires)))),
            Change::Delete { key } => Some((key.clone(), None)),
            Change::Append { .. } | Change::Truncate { .. } => None,
        };
        self.changes.push(change);
        self.next += 1;
        staged.map(|(key, value)| (key.clone(), self.staged.insert(key, value)))
    }

    fn take_back(&mut self, (next, changes): (u64, usize), undo: Vec<Undo>) {
        self.next = next;
        self.changes.truncate(changes);
        for (key, old) in undo.into_iter().rev() {
            match old {
                Some(old) => self.staged.insert(key, old),
                None => self.staged.remove(&key),
            };
        }
    }
}
