//! The engine: records by key, in one directory, durable when a commit returns. One thread writes (`committer`): what
//! waits becomes one record of the log (`wal`), synced once. What is in the log is also in memory (`memory`), for readers;
//! a second thread moves it into the file below (`base`, by `flusher`) a few thousand changes at a time. Readers never
//! wait for a commit: what memory knows is answered at once, the rest by two threads that may wait for the disk.
//!
//! `state` and `pubsub` call this; nothing beyond this module knows what files there are.

mod base;
mod committer;
mod directory;
mod fault;
mod flusher;
mod memory;
mod page;
mod queue;
mod record;
mod shared;
mod wal;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mecha_component::{Error, ErrorKind, Result};
use parking_lot::RwLock;
use tokio::sync::oneshot;

use base::Base;
use committer::Job;
use flusher::Flush;
use memory::Memory;
use queue::Queue;
use record::now;

pub(crate) use page::{Limit, Page, Scan};
pub(crate) use record::{Record, after_prefix, now as now_millis};
pub(crate) use write::{Batch, Change, Condition, Durability, Outcome, Write};

/// A batch with more bytes is refused: it would have to be held in memory twice.
pub(crate) const LARGEST: usize = 64 << 20;
/// KiB of batches that may wait for the committer. Each counts at least one.
const WRITES: u32 = 4096;
/// Reads that may wait for a reader.
const READS: u32 = 1024;
/// Threads that read the file below.
const READERS: usize = 2;
/// Stack of the engine's threads: redb goes as deep as its tree is high, no more.
const STACK: usize = 512 << 10;

/// What the engine holds and when it acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A generation with this many bytes in memory goes to the file below. Two of them can be in memory.
    pub(crate) generation: usize,
    /// So does one whose segment of the log has this many bytes.
    pub(crate) segment: u64,
    /// How long without work until what has ended is removed and space is given back.
    pub(crate) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { generation: 2 << 20, segment: 4 << 20, idle: Duration::from_secs(30) }
    }
}

type Read = Box<dyn FnOnce(&Inner) + Send>;

/// What the threads share.
pub(crate) struct Inner {
    dir: PathBuf,
    limits: Limits,
    memory: RwLock<Memory>,
    base: Base,
    flush: Flush,
    writes: Queue<Job>,
    reads: Queue<Read>,
    scans: Queue<Read>,
    /// Held for its lock.
    _lock: std::fs::File,
}

impl Inner {
    /// The record under `key`, whether it has ended or not. May wait for the disk.
    fn read(&self, key: &[u8]) -> Result<Option<Record>> {
        if let Some(known) = self.memory.read().find(key) {
            return Ok(known.cloned());
        }
        self.base.view()?.get(key)
    }

    fn page(&self, from: &[u8], to: &[u8], limit: Limit) -> Result<Page> {
        loop {
            // Nobody may hold the memory while the file is waited for. A view that is as new as the memory, or newer,
            // is one that was taken before a memory that has lost nothing since.
            let before = self.memory.read().below();
            let view = self.base.view()?;
            let memory = self.memory.read();
            if memory.below() == before {
                let slice = memory.slice(from, to, limit);
                drop(memory);
                return page::read(slice, &view, from, to, limit, now());
            }
        }
    }
}

/// An open directory. Dropping the last pointer to it ends its threads, once what was asked for is done.
pub(crate) struct Engine {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    _slot: Option<shared::Slot>,
}

impl Engine {
    /// Opens a directory, once in this process: who asks for the same one gets the same engine. Blocks.
    ///
    /// # Errors
    /// When another process has it, it can't be read or written, or is damaged.
    pub(crate) fn open(dir: &Path) -> Result<Arc<Self>> {
        shared::open(&directory::make(dir)?, Limits::default())
    }

    /// As [`Engine::open`], with other limits when it is not open yet.
    ///
    /// # Errors
    /// As [`Engine::open`].
    #[cfg(test)]
    pub(crate) fn open_with(dir: &Path, limits: Limits) -> Result<Arc<Self>> {
        shared::open(&directory::make(dir)?, limits)
    }

    fn start(dir: &Path, limits: Limits, slot: shared::Slot) -> Result<Self> {
        let lock = directory::lock(dir)?;
        let (base, mark) = Base::open(&dir.join("base.redb"))?;
        let mut memory = Memory::new(mark.last);
        let wal = directory::replay(dir, mark.segment, &mut memory)?;
        let inner = Arc::new(Inner {
            dir: dir.to_owned(),
            limits,
            memory: RwLock::new(memory),
            base,
            flush: Flush::default(),
            writes: Queue::new(WRITES),
            reads: Queue::new(READS),
            scans: Queue::new(READS),
            _lock: lock,
        });
        flusher::recycle(&inner, mark.segment);
        let mut engine = Engine { inner, threads: Vec::new(), _slot: Some(slot) };
        engine.spawn("mecha-commit", move |inner| committer::run(inner, wal))?;
        engine.spawn("mecha-flush", |inner| flusher::run(&inner))?;
        for _ in 0..READERS {
            engine.spawn("mecha-read", |inner| serve(&inner, &inner.reads))?;
        }
        // On a thread of their own: a walk over everything must not delay who reads one key.
        engine.spawn("mecha-scan", |inner| serve(&inner, &inner.scans))?;
        Ok(engine)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce(Arc<Inner>) + Send + 'static) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let builder = std::thread::Builder::new().name(name.into()).stack_size(STACK);
        let thread = builder.spawn(move || body(inner));
        self.threads.push(thread.map_err(|error| Error::unavailable(format!("starting a thread: {error}")))?);
        Ok(())
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The number of the last change that was done.
    pub(crate) fn last(&self) -> u64 {
        self.inner.memory.read().last()
    }

    /// Does a batch. Waits for room when many wait already. Once it is handed over it is done, whoever goes on waiting.
    ///
    /// # Errors
    /// When it can't be written; nothing of it was done, unless the error is that of a sync.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Outcome> {
        let size: usize = batch.writes.iter().map(|write| write.change.size()).sum();
        if size > LARGEST {
            return Err(Error::invalid(format!(
                "{size} bytes in one operation: at most {LARGEST} are taken"
            )));
        }
        let (answer, outcome) = oneshot::channel();
        let cost = u32::try_from(size.div_ceil(1024).max(batch.writes.len())).unwrap_or(WRITES);
        self.inner.writes.push(Job { batch, answer }, cost).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// The record under `key`, unless there is none or it has ended. Reads what was acknowledged before the call.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Record>> {
        let known = self.inner.memory.read().find(key).map(|record| record.cloned());
        let record = match known {
            Some(record) => record,
            None => {
                let key = key.to_vec();
                Self::ask(&self.inner.reads, move |inner| inner.read(&key)).await?
            }
        };
        Ok(record.filter(|record| record.lives(now())))
    }

    /// A page of what is stored from key `from` to before `to`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) async fn page(&self, from: &[u8], to: &[u8], limit: Limit) -> Result<Page> {
        let (from, to) = (from.to_vec(), to.to_vec());
        Self::ask(&self.inner.reads, move |inner| inner.page(&from, &to, limit)).await
    }

    /// A page of what was appended under `prefix` from number `from` on.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) async fn log(&self, prefix: &[u8], from: u64, limit: Limit) -> Result<Page> {
        let (start, end) = (memory::numbered(prefix, from), after_prefix(prefix));
        {
            let memory = self.inner.memory.read();
            if from > memory.below() {
                return Ok(page::alone(memory.slice(&start, &end, limit), now()));
            }
        }
        self.page(&start, &end, limit).await
    }

    /// Walks over what is stored from key `from` to before `to`, on a thread that may take its time.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
        walk: impl FnOnce(&mut Scan<'_>) -> T + Send + 'static,
    ) -> Result<T> {
        let call = move |inner: &Inner| {
            let mut scan = Scan::new(inner, from, to);
            let value = walk(&mut scan);
            scan.error().map_or(Ok(value), Err)
        };
        Self::ask(&self.inner.scans, call).await
    }

    async fn ask<T: Send + 'static>(
        queue: &Queue<Read>,
        call: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, value) = oneshot::channel();
        let read: Read = Box::new(move |inner| {
            // Nobody may wait any more.
            let _ = answer.send(call(inner));
        });
        queue.push(read, 1).await.map_err(|_| closed())?;
        value.await.map_err(|_| closed())?
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.writes.close();
        self.inner.reads.close();
        self.inner.scans.close();
        self.inner.flush.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine in {} panicked", self.inner.dir.display());
            }
        }
        // `inner`, which holds the lock, goes before the slot does: fields are dropped in their order.
    }
}

fn serve(inner: &Inner, queue: &Queue<Read>) {
    while let Some(read) = queue.take_one() {
        (read.item)(inner);
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the engine is closed")
}

#[cfg(test)]
mod tests;
