//! The store against its suite, and its file against plain SQL: another program must find what the layout promises.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use mecha_component::ErrorKind;
use mecha_component::conformance::state::{Options as Suite, check};
use mecha_component::state::{DynStateStore, TTL_EXPIRE_TIME, TTL_KEY};
use rusqlite::Connection;

use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mecha-sqlite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self) -> String {
        self.0.join("data.db").to_string_lossy().into_owned()
    }

    fn sql(&self) -> Connection {
        Connection::open(self.0.join("data.db")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn open(connection: &str, more: &[(&str, &str)]) -> Result<Arc<dyn DynStateStore>> {
    let context = Context {
        name: "store".to_owned(),
        app_id: "app".to_owned(),
        namespace: String::new(),
        tasks: tokio::runtime::Handle::current(),
        data: PathBuf::new(),
    };
    let properties = [("connectionString", connection)].into_iter().chain(more.iter().copied()).collect();
    (crate::STATE.connect)(properties, context).await
}

fn set(key: &str, value: &[u8], ttl: Option<&str>) -> SetRequest {
    SetRequest {
        key: key.to_owned(),
        value: Bytes::copy_from_slice(value),
        metadata: ttl.map(|ttl| (TTL_KEY.to_owned(), ttl.to_owned())).into_iter().collect(),
        ..Default::default()
    }
}

async fn get(store: &dyn DynStateStore, key: &str) -> Option<Item> {
    store.get(GetRequest { key: key.to_owned(), ..Default::default() }).await.unwrap()
}

#[tokio::test]
async fn conforms_in_a_file() {
    let folder = Folder::new();
    let store = open(&folder.file(), &[]).await.unwrap();
    let report = check(Arc::clone(&store), Suite::default()).await;
    for case in ["etag", "first-write", "transaction", "ttl", "keys-like"] {
        assert!(report.ran.contains(&case), "{case} did not run");
    }
    assert_eq!(report.refused, ["query", "delete-with-prefix"]);
    store.close().await;
}

#[tokio::test]
async fn conforms_in_memory() {
    check(open(":memory:", &[]).await.unwrap(), Suite::default()).await;
}

#[tokio::test]
async fn rows_are_what_plain_sql_expects() {
    let folder = Folder::new();
    let store = open(&folder.file(), &[]).await.unwrap();
    store.set(set("app||json", br#"{"name":"x"}"#, None)).await.unwrap();
    store.set(set("app||bytes", b"\x00\x01", Some("3600"))).await.unwrap();
    let etag = get(&*store, "app||json").await.unwrap().etag.unwrap();

    let sql = folder.sql();
    let row = |key: &str| {
        let select = "SELECT value, is_binary, etag, expiration_time, update_time,
            unixepoch(expiration_time) - unixepoch(update_time) FROM state WHERE key = ?1";
        sql.query_row(select, [key], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, bool>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, String>(4)?,
                row.get::<_, Option<i64>>(5)?,
            ))
        })
        .unwrap()
    };
    let (value, is_binary, stored, expiration, updated, _) = row("app||json");
    assert_eq!((value.as_str(), is_binary, expiration), (r#"{"name":"x"}"#, false, None));
    assert_eq!(stored, etag);
    assert!(uuid::Uuid::parse_str(&stored).is_ok(), "{stored}");
    assert_eq!(updated.len(), "2024-01-01 00:00:00".len());
    let (value, is_binary, _, expiration, _, lifetime) = row("app||bytes");
    assert_eq!((value.as_str(), is_binary, lifetime), ("AAE=", true, Some(3600)));
    let told = get(&*store, "app||bytes").await.unwrap().metadata[TTL_EXPIRE_TIME].clone();
    assert_eq!(told, format!("{}Z", expiration.unwrap().replace(' ', "T")));

    let name: String = sql
        .query_row("SELECT value ->> 'name' FROM state WHERE key = 'app||json'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(name, "x");
    let level: String =
        sql.query_row("SELECT value FROM metadata WHERE key = 'migrations'", [], |row| row.get(0)).unwrap();
    assert_eq!(level, "1");
    let mode: String = sql.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn rows_of_another_program_are_read() {
    let folder = Folder::new();
    folder
        .sql()
        .execute_batch(
            "CREATE TABLE metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL);
             INSERT INTO metadata VALUES ('migrations', '1');
             CREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL,
                etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL,
                update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
             INSERT INTO state (key, value, is_binary, etag) VALUES ('text', '\"a\"', 0, 'one'),
                ('bytes', '/wA=', 1, 'two');
             INSERT INTO state (key, value, is_binary, etag, expiration_time)
                VALUES ('over', '1', 0, 'three', '2001-01-01 00:00:00');",
        )
        .unwrap();
    let store = open(&folder.file(), &[]).await.unwrap();
    let text = get(&*store, "text").await.unwrap();
    assert_eq!((&text.value[..], text.etag.as_deref()), (&b"\"a\""[..], Some("one")));
    assert_eq!(&get(&*store, "bytes").await.unwrap().value[..], b"\xff\x00");
    assert_eq!(get(&*store, "over").await, None);
    let with_etag = SetRequest { etag: Some("one".to_owned()), ..set("text", b"2", None) };
    store.set(with_etag).await.unwrap();
}

#[tokio::test]
async fn other_tables_and_no_wal() {
    let folder = Folder::new();
    let more = [("tableName", "items"), ("metadataTableName", "about"), ("disableWAL", "true")];
    let store = open(&folder.file(), &more).await.unwrap();
    store.set(set("a", b"1", None)).await.unwrap();
    store.close().await;
    let sql = folder.sql();
    let count: i64 = sql.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    let mode: String = sql.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
}

#[tokio::test]
async fn expired_rows_are_removed() {
    let folder = Folder::new();
    let store = open(&folder.file(), &[]).await.unwrap();
    store.set(set("stays", b"1", None)).await.unwrap();
    store.close().await;
    let sql = folder.sql();
    for index in 0..2500 {
        let insert = "INSERT INTO state (key, value, is_binary, etag, expiration_time)
            VALUES (?1, '1', 0, 'e', '2001-01-01 00:00:00')";
        sql.execute(insert, [format!("k{index}")]).unwrap();
    }
    let _store = open(&folder.file(), &[("cleanupInterval", "20ms")]).await.unwrap();
    let count = || sql.query_row("SELECT count(*) FROM state", [], |row| row.get::<_, i64>(0)).unwrap();
    for _ in 0..500 {
        if count() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(), 1);
    let last: i64 = sql
        .query_row("SELECT count(*) FROM metadata WHERE key = 'last-cleanup'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(last, 1);
}

#[tokio::test]
async fn a_database_that_another_process_writes_is_worth_a_retry() {
    let folder = Folder::new();
    let store = open(&folder.file(), &[("busyTimeout", "10ms")]).await.unwrap();
    let sql = folder.sql();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.set(set("a", b"1", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    sql.execute_batch("ROLLBACK").unwrap();
    store.set(set("a", b"1", None)).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = open(":memory:", &[]).await.unwrap();
    store.close().await;
    store.close().await;
    assert_eq!(store.ping().await.unwrap_err().message(), "the database is closed");
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let error = open("/no/such/folder/data.db", &[]).await.err().unwrap();
    assert!(error.message().contains("/no/such/folder/data.db"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "a volume may be mounted later");
    let error = open("", &[]).await.err().unwrap();
    assert_eq!(error.message(), "missing connection string");
}

#[tokio::test]
async fn a_database_that_is_only_read() {
    let folder = Folder::new();
    let store = open(&folder.file(), &[("disableWAL", "true")]).await.unwrap();
    store.set(set("a", b"1", None)).await.unwrap();
    store.close().await;
    let store = open(&format!("file:{}?mode=ro", folder.file()), &[]).await.unwrap();
    assert!(get(&*store, "a").await.is_some());
    assert_eq!(store.set(set("a", b"2", None)).await.unwrap_err().kind(), ErrorKind::Invalid);
}
