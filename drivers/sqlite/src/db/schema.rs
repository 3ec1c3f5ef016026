//! The layout (reference 4.3): the table of items, and the table of metadata, whose row `migrations` counts the steps that
//! were done. Processes that start together take turns by the lock of the transaction.

use mecha_component::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::map;

const LEVEL: &str = "migrations";

/// Brings a database to the newest layout. One that a newer program made is left as it is.
pub(super) fn migrate(connection: &mut Connection, table: &str, metadata: &str) -> Result<()> {
    let wrong =
        |error: rusqlite::Error| Error::new(map(&error).kind(), format!("cannot make the tables: {error}"));
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
    let create =
        format!("CREATE TABLE IF NOT EXISTS {metadata} (key text NOT NULL PRIMARY KEY, value text NOT NULL)");
    transaction.execute_batch(&create).map_err(wrong)?;
    let level = level(&transaction, metadata).map_err(wrong)?.unwrap_or_else(|| "0".to_owned());
    let level: u32 = level.parse().map_err(|_| {
        Error::configuration(format!(
            "table {metadata} has `{level}` as the level of its layout, not a number"
        ))
    })?;
    if level < 1 {
        // A database from before there was a table of metadata has the table of items already.
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                key TEXT NOT NULL PRIMARY KEY,
                value TEXT NOT NULL,
                is_binary BOOLEAN NOT NULL,
                etag TEXT NOT NULL,
                expiration_time TIMESTAMP DEFAULT NULL,
                update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
            )"
        );
        transaction.execute_batch(&create).map_err(wrong)?;
        let set = format!("REPLACE INTO {metadata} (key, value) VALUES (?1, '1')");
        transaction.execute(&set, [LEVEL]).map_err(wrong)?;
    }
    transaction.commit().map_err(wrong)
}

fn level(transaction: &Transaction<'_>, metadata: &str) -> rusqlite::Result<Option<String>> {
    let select = format!("SELECT value FROM {metadata} WHERE key = ?1");
    transaction.query_row(&select, [LEVEL], |row| row.get(0)).optional()
}
