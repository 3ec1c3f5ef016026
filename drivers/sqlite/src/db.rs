//! The database on its thread: one connection, statements that are prepared once. Times are what SQLite's CURRENT_TIMESTAMP
//! says, UTC in whole seconds, as in Dapr's layout.

mod schema;
mod sql;
mod value;

use mecha_component::state::etag::Expected;
use mecha_component::state::like::Like;
use mecha_component::state::{
    DeleteRequest, Item, Metadata, Operation, SetRequest, TTL_EXPIRE_TIME, TransactionRequest,
};
use mecha_component::{Error, Result};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use self::sql::Sql;
use crate::options::Options;

/// Rows removed by one statement of the clean-up: others wait while it runs.
const CLEANED_AT_ONCE: usize = 1000;

/// An open database.
pub(crate) struct Db {
    connection: Connection,
    sql: Sql,
}

/// The keys whose writes failed, and why.
pub(crate) type Failed = Vec<(String, Error)>;

impl Db {
    /// Opens or makes the database and brings its layout up to date.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        let location = &options.location;
        let wrong = |error: rusqlite::Error| {
            Error::new(map(&error).kind(), format!("cannot open database `{}`: {error}", location.target))
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&location.target, flags).map_err(wrong)?;
        connection.busy_timeout(options.busy_timeout).map_err(wrong)?;
        for pragma in &location.pragmas {
            connection.execute_batch(&format!("PRAGMA {pragma}")).map_err(wrong)?;
        }
        let mut db = Db { connection, sql: Sql::of(&options.table, &options.metadata_table) };
        if !location.read_only {
            db.set_journal(location.in_memory, options.wal).map_err(wrong)?;
            schema::migrate(&mut db.connection, &options.table, &options.metadata_table)?;
        }
        Ok(db)
    }

    fn set_journal(&self, in_memory: bool, wal: bool) -> rusqlite::Result<()> {
        let wanted = match (in_memory, wal) {
            (true, _) => "MEMORY",
            (false, true) => "WAL",
            (false, false) => "DELETE",
        };
        let mode: String =
            self.connection.query_row(&format!("PRAGMA journal_mode = {wanted}"), [], |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case(wanted) {
            tracing::warn!(wanted, mode, "SQLite keeps another journal mode than the one asked for");
        }
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Item>> {
        let mut statement = self.connection.prepare_cached(&self.sql.get).map_err(|error| map(&error))?;
        let row = statement.query_row([key], |row| Ok(item(row))).optional();
        row.map_err(|error| map(&error))?.transpose()
    }

    pub(crate) fn set(&self, request: &SetRequest) -> Result<()> {
        let lifetime = request.ttl()?.flatten().map(|seconds| format!("+{seconds} seconds"));
        let (text, is_binary) = value::encode(&request.value);
        let etag = uuid::Uuid::new_v4().to_string();
        let key = &request.key;
        let expected = request.expected();
        let written = match expected {
            Expected::Anything => self.execute(&self.sql.set, params![key, text, is_binary, etag, lifetime]),
            Expected::Nothing => {
                self.execute(&self.sql.set_first, params![key, text, is_binary, etag, lifetime])
            }
            Expected::Version(stored) => {
                self.execute(&self.sql.set_version, params![key, text, is_binary, etag, lifetime, stored])
            }
        };
        written_or_mismatch(written?, expected)
    }

    /// Concurrency without an etag means nothing to a delete, as in Dapr's driver.
    pub(crate) fn delete(&self, request: &DeleteRequest) -> Result<()> {
        match request.expected() {
            expected @ Expected::Version(stored) => {
                let removed = self.execute(&self.sql.delete_version, params![request.key, stored])?;
                written_or_mismatch(removed, expected)
            }
            Expected::Anything | Expected::Nothing => {
                self.execute(&self.sql.delete, params![request.key]).map(drop)
            }
        }
    }

    /// All of it or nothing.
    pub(crate) fn transact(&mut self, request: &TransactionRequest) -> Result<()> {
        self.in_transaction(|db| request.operations.iter().try_for_each(|operation| db.apply(operation)))
    }

    /// Each on its own, but written at once; those that failed. What fails is an etag or a TTL: an error of the database
    /// itself ends all.
    pub(crate) fn apply_each(&mut self, operations: &[Operation]) -> Result<Failed> {
        self.in_transaction(|db| {
            let mut failed = Vec::new();
            for operation in operations {
                match db.apply(operation) {
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => failed.push((operation.key().to_owned(), error)),
                    Ok(()) => {}
                }
            }
            Ok(failed)
        })
    }

    /// A page of living keys, in order.
    pub(crate) fn keys_like(
        &self,
        like: &Like,
        page: Option<usize>,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        // GLOB and not LIKE: the latter takes `a` for `A`.
        let glob = like.translate("?", "*", |c, out| match c {
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            other => out.push(other),
        });
        // One more than the page shows whether there is a next one; -1 = all.
        let most = page.map_or(-1, |page| i64::try_from(page).unwrap_or(i64::MAX).saturating_add(1));
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare_cached(&self.sql.keys)?;
            let rows =
                statement.query_map(params![glob, token.unwrap_or_default(), most], |row| row.get(0))?;
            rows.collect()
        };
        let mut keys = read().map_err(|error| map(&error))?;
        let more = page.is_some_and(|page| keys.len() > page);
        keys.truncate(page.unwrap_or(usize::MAX));
        let token = if more { keys.last().cloned() } else { None };
        Ok((keys, token))
    }

    /// Removes some expired rows, when no other process did within `interval_ms`; whether there may be more.
    pub(crate) fn clean_up(&mut self, interval_ms: i64, first: bool) -> Result<bool> {
        if first && self.execute(&self.sql.claim_clean_up, params![interval_ms])? == 0 {
            return Ok(false);
        }
        let most = i64::try_from(CLEANED_AT_ONCE).unwrap_or(i64::MAX);
        let removed = self.execute(&self.sql.clean_up, params![most])?;
        tracing::debug!(removed, "expired rows removed");
        Ok(removed == CLEANED_AT_ONCE)
    }

    pub(crate) fn ping(&self) -> Result<()> {
        self.connection.query_row("SELECT 1", [], |_| Ok(())).map_err(|error| map(&error))
    }

    fn apply(&self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::Upsert(set) => self.set(set),
            Operation::Delete(delete) => self.delete(delete),
        }
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params));
        done.map_err(|error| map(&error))
    }

    fn in_transaction<T>(&mut self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        // Immediate: two processes that read first and write later would lock each other out.
        let begin = |connection: &Connection| connection.execute_batch("BEGIN IMMEDIATE");
        begin(&self.connection).map_err(|error| map(&error))?;
        let done = work(self).and_then(|done| {
            self.connection.execute_batch("COMMIT").map_err(|error| map(&error)).map(|()| done)
        });
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").map_err(|error| map(&error))?;
        }
        done
    }
}

/// The item of a row: value, whether it is binary, etag, expiry.
fn item(row: &Row<'_>) -> Result<Item> {
    let read = || -> rusqlite::Result<(String, bool, String, Option<String>)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };
    let (text, is_binary, etag, expiry) = read().map_err(|error| map(&error))?;
    let metadata: Metadata = expiry.map(|at| (TTL_EXPIRE_TIME.to_owned(), at)).into_iter().collect();
    Ok(Item { value: value::decode(text, is_binary)?, etag: Some(etag), metadata, content_type: None })
}

fn written_or_mismatch(rows: usize, expected: Expected<'_>) -> Result<()> {
    match (rows, expected) {
        (0, Expected::Nothing) => expected.check(Some("")),
        (0, Expected::Version(_)) => Err(Error::etag_mismatch(None)),
        _ => Ok(()),
    }
}

/// An error of SQLite: locked and busy databases are worth a retry.
fn map(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, NotADatabase, ReadOnly};
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => {
            Error::unavailable(format!("another process is writing to the database: {error}"))
        }
        // The folder may be a volume that is mounted later.
        Some(CannotOpen) => Error::unavailable(error.to_string()),
        Some(NotADatabase) => Error::configuration(error.to_string()),
        Some(ReadOnly) => Error::invalid(format!("the database can only be read: {error}")),
        _ => Error::internal(error.to_string()),
    }
}
