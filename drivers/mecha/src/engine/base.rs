//! The file below the log: redb, a copy-on-write B-tree. It is written by whole generations, each one transaction, so
//! that its cost is shared by thousands of changes; nothing that is acknowledged waits for it.
//!
//! redb may panic on a file that was altered behind its back, so every call into it is guarded and such a panic becomes
//! an error that names the file.

mod file;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mecha_component::{Error, Result};
use parking_lot::RwLock;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::memory::{Generation, numbered};
use super::page::Limit;
use super::record::Record;

const DATA: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("data");
/// Expiry, eight bytes, and key of every record that ends. A row stays when its record is written again, so a row
/// counts only while the record has that very expiry.
const EXPIRY: TableDefinition<'_, &[u8], ()> = TableDefinition::new("expiry");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The format of the tables; a file of another one is refused.
const FORMAT: u64 = 1;
/// Memory for pages of the file.
const CACHE: usize = 2 << 20;
/// Most records that one sweep removes, so that a transaction stays short; or twice as many as it stores, so that what
/// ends is removed as fast as it comes.
const SWEEP: usize = 1_000;
/// A smaller file is not worth compacting.
const COMPACT_FROM: u64 = 16 << 20;
/// A file that is this many times larger than what is stored in it is worth compacting.
const COMPACT_RATIO: u64 = 4;

/// The file.
pub(crate) struct Base {
    path: PathBuf,
    database: RwLock<Option<Database>>,
    hurry: Arc<AtomicBool>,
}

/// What the file holds, in terms of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Segments up to this one are in the file.
    pub(crate) segment: u64,
    /// So are the changes up to this number.
    pub(crate) last: u64,
}

type Failed = Box<redb::Error>;
/// What a call into redb comes to.
type Call<T> = std::result::Result<T, Failed>;

fn failed<E: Into<redb::Error>>(error: E) -> Failed {
    Box::new(error.into())
}

impl Base {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it can't be opened, or is not what was written.
    pub(crate) fn open(path: &Path) -> Result<(Self, Mark)> {
        let base = Base { path: path.to_owned(), database: RwLock::new(None), hurry: Arc::default() };
        let database = base.guard(|| base.create())?;
        let mark = base.guard(|| mark(&database))?;
        *base.database.write() = Some(database);
        match mark {
            Some(mark) => Ok((base, mark)),
            None => Err(Error::configuration(format!(
                "{}: was written by a newer version: run that version, or move the directory away",
                path.display()
            ))),
        }
    }

    /// A view of the file as it is now.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn view(&self) -> Result<View<'_>> {
        let transaction = self.with(|database| database.begin_read().map_err(failed))?;
        Ok(View { base: self, transaction })
    }

    /// Writes a generation that ends with segment `segment`, and removes some of what has ended at `now`. Whether there
    /// was more of that.
    ///
    /// # Errors
    /// When the file can't be written; it is as it was before, then, and is opened anew.
    pub(crate) fn flush(&self, generation: Option<(&Generation, u64)>, now: u64) -> Result<bool> {
        let written = self.with(|database| {
            let mut transaction = database.begin_write().map_err(failed)?;
            // A start after a crash must not read the whole file.
            transaction.set_quick_repair(true);
            let more = write(&transaction, generation, now)?;
            transaction.commit().map_err(failed)?;
            Ok(more)
        });
        if written.is_err() {
            self.reopen();
        }
        written
    }

    /// Whether a record has ended at `now`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn has_expired(&self, now: u64) -> Result<bool> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(failed)?;
            let table = transaction.open_table(EXPIRY).map_err(failed)?;
            let first = table.first().map_err(failed)?;
            Ok(first.is_some_and(|(row, _)| row.value() < now.to_be_bytes().as_slice()))
        })
    }

    /// Makes the file smaller when most of it is free. Readers wait meanwhile.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub(crate) fn compact(&self) -> Result<()> {
        let size = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        if size < COMPACT_FROM {
            return Ok(());
        }
        let live = self.with(|database| {
            let transaction = database.begin_read().map_err(failed)?;
            let table = transaction.open_table(META).map_err(failed)?;
            Ok(table.get("live").map_err(failed)?.map_or(0, |live| live.value()))
        })?;
        if live.saturating_mul(COMPACT_RATIO) > size {
            return Ok(());
        }
        let mut slot = self.database.write();
        let Some(mut database) = slot.take() else { return Ok(()) };
        let done = self.guard(|| match database.compact() {
            // Somebody still reads a view: closing the file now would fail that read. There will be another idle time.
            Err(redb::CompactionError::TransactionInProgress) => Ok((database, false)),
            done => done.map(|_| (database, true)).map_err(failed),
        });
        *slot = match done {
            Ok((database, true)) => Some(database),
            Ok((database, false)) => {
                *slot = Some(database);
                return Ok(());
            }
            Err(error) => {
                tracing::warn!("{}: could not be compacted: {error}", self.path.display());
                Some(self.guard(|| self.create())?)
            }
        };
        let now = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        tracing::info!("{}: compacted from {size} to {now} bytes", self.path.display());
        Ok(())
    }

    /// Whether somebody waits for what is written.
    pub(crate) fn hurry(&self, hurry: bool) {
        self.hurry.store(hurry, Ordering::Relaxed);
    }

    fn create(&self) -> Call<Database> {
        let file = file::Paced::open(&self.path, Arc::clone(&self.hurry));
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE);
        builder
            .create_with_backend(file.map_err(|error| failed(redb::StorageError::Io(error)))?)
            .map_err(failed)
    }

    /// redb uses no file after an error until it is opened again.
    fn reopen(&self) {
        let mut slot = self.database.write();
        drop(slot.take());
        match self.guard(|| self.create()) {
            Ok(database) => *slot = Some(database),
            Err(error) => tracing::error!("{error}"),
        }
    }

    fn with<T>(&self, call: impl FnOnce(&Database) -> Call<T>) -> Result<T> {
        if self.database.read().is_none() {
            self.reopen();
        }
        let slot = self.database.read();
        let Some(database) = slot.as_ref() else {
            return Err(Error::unavailable(format!("{}: can't be opened", self.path.display())));
        };
        self.guard(|| call(database))
    }

    fn guard<T>(&self, call: impl FnOnce() -> Call<T>) -> Result<T> {
        match std::panic::catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.explain(*error)),
            Err(_) => Err(self.damaged("its pages do not fit together")),
        }
    }

    fn explain(&self, error: redb::Error) -> Error {
        match error {
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                self.damaged(&error.to_string())
            }
            redb::Error::Io(error) => super::fault::io("writing or reading", &self.path, &error),
            redb::Error::Corrupted(what) => self.damaged(&what),
            other => Error::internal(format!("{}: {other}", self.path.display())),
        }
    }

    fn damaged(&self, what: &str) -> Error {
        super::fault::damaged(&self.path, what)
    }
}

/// Makes the tables; what they hold, or `None` when they have another format.
fn mark(database: &Database) -> Call<Option<Mark>> {
    let transaction = database.begin_read().map_err(failed)?;
    match transaction.open_table(META) {
        Ok(meta) => {
            let read =
                |name| Ok::<_, Failed>(meta.get(name).map_err(failed)?.map_or(0, |value| value.value()));
            let mark = Mark { segment: read("segment")?, last: read("last")? };
            return Ok((read("format")? == FORMAT).then_some(mark));
        }
        Err(redb::TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(failed(error)),
    }
    drop(transaction);
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_quick_repair(true);
    transaction.open_table(DATA).map_err(failed)?;
    transaction.open_table(EXPIRY).map_err(failed)?;
    transaction.open_table(META).map_err(failed)?.insert("format", FORMAT).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(Some(Mark::default()))
}

fn write(transaction: &WriteTransaction, generation: Option<(&Generation, u64)>, now: u64) -> Call<bool> {
    let mut meta = transaction.open_table(META).map_err(failed)?;
    let live = meta.get("live").map_err(failed)?.map_or(0, |live| live.value());
    let mut tables = Tables {
        data: transaction.open_table(DATA).map_err(failed)?,
        expiry: transaction.open_table(EXPIRY).map_err(failed)?,
        live,
    };
    if let Some((generation, segment)) = generation {
        tables.store(generation, now)?;
        meta.insert("segment", segment).map_err(failed)?;
        meta.insert("last", generation.last).map_err(failed)?;
    }
    let stored = generation.map_or(0, |(generation, _)| generation.entries.len());
    let more = tables.sweep(now, SWEEP.max(2 * stored))?;
    meta.insert("live", tables.live).map_err(failed)?;
    Ok(more)
}

/// The tables of a transaction that writes, and the bytes of all records.
struct Tables<'t> {
    data: Table<'t, &'static [u8], &'static [u8]>,
    expiry: Table<'t, &'static [u8], ()>,
    live: u64,
}

impl Tables<'_> {
    fn store(&mut self, generation: &Generation, now: u64) -> Call<()> {
        for (prefix, upto) in &generation.floors {
            let (from, to) = (numbered(prefix, 0), numbered(prefix, *upto));
            let live = &mut self.live;
            let each = |key: &[u8], value: &[u8]| {
                *live = live.saturating_sub((key.len() + value.len()) as u64);
                false
            };
            self.data.retain_in::<&[u8], _>(&from[..]..&to[..], each).map_err(failed)?;
        }
        let mut stored = Vec::new();
        for (key, entry) in &generation.entries {
            let Some(record) = entry.as_ref().filter(|record| record.lives(now)) else {
                self.remove(key)?;
                continue;
            };
            record.encode(&mut stored);
            if record.expires != 0 {
                self.expiry.insert(expiry_row(record.expires, key).as_slice(), ()).map_err(failed)?;
            }
            let old = self.data.insert(&key[..], stored.as_slice()).map_err(failed)?;
            let old = old.map_or(0, |old| (key.len() + old.value().len()) as u64);
            self.live = (self.live + (key.len() + stored.len()) as u64).saturating_sub(old);
        }
        Ok(())
    }

    /// Removes records that have ended; whether there may be more.
    fn sweep(&mut self, now: u64, limit: usize) -> Call<bool> {
        let mut ended = Vec::new();
        for row in self.expiry.range::<&[u8]>(..now.to_be_bytes().as_slice()).map_err(failed)?.take(limit) {
            ended.push(row.map_err(failed)?.0.value().to_vec());
        }
        for row in &ended {
            self.expiry.remove(row.as_slice()).map_err(failed)?;
            let Some((expires, key)) = row.split_first_chunk::<8>() else { continue };
            let same = |value: &[u8]| Record::expires_of(value) == u64::from_be_bytes(*expires);
            if self.data.get(key).map_err(failed)?.is_some_and(|value| same(value.value())) {
                self.remove(key)?;
            }
        }
        Ok(ended.len() == limit)
    }

    fn remove(&mut self, key: &[u8]) -> Call<()> {
        let old = self.data.remove(key).map_err(failed)?;
        self.live = self.live.saturating_sub(old.map_or(0, |old| (key.len() + old.value().len()) as u64));
        Ok(())
    }
}

fn expiry_row(expires: u64, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(8 + key.len());
    row.extend_from_slice(&expires.to_be_bytes());
    row.extend_from_slice(key);
    row
}

/// The file as it was when the view was taken.
pub(crate) struct View<'a> {
    base: &'a Base,
    transaction: ReadTransaction,
}

impl View<'_> {
    /// The record under `key`, whether it has ended or not.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Record>> {
        self.base.guard(|| {
            let table = self.transaction.open_table(DATA).map_err(failed)?;
            let value = table.get(key).map_err(failed)?;
            Ok(value.and_then(|value| Record::decode(value.value())))
        })
    }

    /// Records from key `from` to before `to`, as many as fit, and whether there are more.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(crate) fn slice(&self, from: &[u8], to: &[u8], limit: Limit) -> Result<(Vec<(Bytes, Record)>, bool)> {
        self.base.guard(|| {
            let mut records = Vec::new();
            if from >= to {
                return Ok((records, false));
            }
            let mut room = limit.room();
            let table = self.transaction.open_table(DATA).map_err(failed)?;
            for row in table.range::<&[u8]>(from..to).map_err(failed)? {
                let (key, value) = row.map_err(failed)?;
                if !room.take(value.value().len()) {
                    return Ok((records, true));
                }
                if let Some(record) = Record::decode(value.value()) {
                    records.push((Bytes::copy_from_slice(key.value()), record));
                }
            }
            Ok((records, false))
        })
    }
}
