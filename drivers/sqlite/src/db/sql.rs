//! The statements, with the names of the tables put in: SQLite takes no parameters for those.

/// Statements for one pair of tables. Parameters of writes: key, value, is_binary, etag, lifetime (`+5 seconds` or NULL),
/// and the etag that must be stored.
pub(super) struct Sql {
    pub(super) get: String,
    /// Whatever is stored.
    pub(super) set: String,
    /// Only where nothing living is stored.
    pub(super) set_first: String,
    /// Only over a version.
    pub(super) set_version: String,
    pub(super) delete: String,
    pub(super) delete_version: String,
    /// Glob, key before the page, most rows.
    pub(super) keys: String,
    /// Milliseconds that must have passed since the clean-up before.
    pub(super) claim_clean_up: String,
    /// Most rows.
    pub(super) clean_up: String,
}

const ALIVE: &str = "(expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)";

impl Sql {
    /// Both names must be plain identifiers.
    pub(super) fn of(table: &str, metadata: &str) -> Self {
        let set = format!(
            "INSERT INTO {table} (key, value, is_binary, etag, update_time, expiration_time)
             VALUES (?1, ?2, ?3, ?4, CURRENT_TIMESTAMP, DATETIME(CURRENT_TIMESTAMP, ?5))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, is_binary = excluded.is_binary,
             etag = excluded.etag, update_time = excluded.update_time, expiration_time = excluded.expiration_time"
        );
        Sql {
            get: format!(
                "SELECT value, is_binary, etag, strftime('%Y-%m-%dT%H:%M:%SZ', expiration_time)
                 FROM {table} WHERE key = ?1 AND {ALIVE}"
            ),
            set_first: format!("{set} WHERE {table}.expiration_time <= CURRENT_TIMESTAMP"),
            set,
            set_version: format!(
                "UPDATE {table} SET value = ?2, is_binary = ?3, etag = ?4, update_time = CURRENT_TIMESTAMP,
                 expiration_time = DATETIME(CURRENT_TIMESTAMP, ?5) WHERE key = ?1 AND etag = ?6 AND {ALIVE}"
            ),
            delete: format!("DELETE FROM {table} WHERE key = ?1"),
            delete_version: format!("DELETE FROM {table} WHERE key = ?1 AND etag = ?2"),
            keys: format!(
                "SELECT key FROM {table} WHERE key GLOB ?1 AND key > ?2 AND {ALIVE} ORDER BY key LIMIT ?3"
            ),
            claim_clean_up: format!(
                "INSERT INTO {metadata} (key, value) VALUES ('last-cleanup', CURRENT_TIMESTAMP)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value
                 WHERE (unixepoch(excluded.value) - unixepoch({metadata}.value)) * 1000 > ?1"
            ),
            clean_up: format!(
                "DELETE FROM {table} WHERE rowid IN
                 (SELECT rowid FROM {table} WHERE expiration_time < CURRENT_TIMESTAMP LIMIT ?1)"
            ),
        }
    }
}
