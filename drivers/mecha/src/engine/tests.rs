//! The engine against what it promises: conditions, order, what is read while generations move, and what is there after
//! it was opened again.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::testing::Folder;

/// Generations so small that a test sees many.
const SMALL: Limits = Limits { generation: 8 << 10, segment: 32 << 10, idle: Duration::from_millis(20) };

fn put(key: &str, data: &str) -> Change {
    Change::Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        expires: 0,
        data: Bytes::copy_from_slice(data.as_bytes()),
    }
}

fn delete(key: &str) -> Change {
    Change::Delete { key: Bytes::copy_from_slice(key.as_bytes()) }
}

fn append(prefix: &'static str, data: impl Into<Vec<u8>>) -> Change {
    Change::Append {
        prefix: Bytes::from_static(prefix.as_bytes()),
        expires: 0,
        data: Bytes::from(data.into()),
    }
}

async fn commit(engine: &Engine, changes: Vec<Change>) -> u64 {
    let writes = changes.into_iter().map(Write::any).collect();
    let batch = Batch { writes, whole: true, durability: Durability::None };
    engine.commit(batch).await.unwrap().first
}

async fn conditional(engine: &Engine, whole: bool, writes: Vec<(Condition, Change)>) -> Outcome {
    let writes = writes.into_iter().map(|(condition, change)| Write { condition, change }).collect();
    engine.commit(Batch { writes, whole, durability: Durability::None }).await.unwrap()
}

async fn text(engine: &Engine, key: &str) -> Option<String> {
    let record = engine.get(key.as_bytes()).await.unwrap();
    record.map(|record| String::from_utf8(record.data.to_vec()).unwrap())
}

/// Waits until the file below has everything but the growing generation.
async fn moved(engine: &Engine) {
    let inner = Arc::clone(&engine.inner);
    tokio::task::spawn_blocking(move || inner.flush.wait()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_condition_sees_what_the_group_did_before_it() {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    let first = commit(&engine, vec![put("a", "1")]).await;
    let outcome = conditional(
        &engine,
        false,
        vec![
            (Condition::Absent, put("a", "no")),
            (Condition::Version(first), put("a", "2")),
            (Condition::Version(first), put("a", "no")),
            (Condition::Any, delete("a")),
            (Condition::Absent, put("a", "3")),
            (Condition::Version(first + 999), delete("nothing")),
        ],
    )
    .await;
    assert_eq!(outcome.refused, [0, 2, 5]);
    assert_eq!(text(&engine, "a").await.as_deref(), Some("3"));
    assert_eq!(engine.last(), first + 3);
}

#[tokio::test]
async fn a_whole_batch_is_done_or_not_at_all() {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    commit(&engine, vec![put("a", "1")]).await;
    let last = engine.last();
    let writes = vec![
        (Condition::Any, put("a", "2")),
        (Condition::Absent, put("b", "2")),
        (Condition::Absent, put("a", "3")),
    ];
    assert_eq!(conditional(&engine, true, writes).await.refused, [2]);
    assert_eq!(text(&engine, "a").await.as_deref(), Some("1"));
    assert_eq!(text(&engine, "b").await, None);
    assert_eq!(engine.last(), last);
    // Nothing of it is left for those who come after it in the same group.
    let writes = vec![(Condition::Absent, put("b", "4"))];
    assert!(conditional(&engine, true, writes).await.refused.is_empty());
}

#[tokio::test]
async fn ended_records_are_absent() {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    let ended = |key: &'static str| Change::Put {
        key: Bytes::from_static(key.as_bytes()),
        expires: 1,
        data: Bytes::new(),
    };
    commit(&engine, vec![ended("a"), ended("b"), put("c", "1")]).await;
    assert_eq!(text(&engine, "a").await, None);
    let page = engine.page(b"a", b"z", Limit { count: 9, bytes: 99 }).await.unwrap();
    assert_eq!(page.records.len(), 1);
    assert!(conditional(&engine, true, vec![(Condition::Absent, put("a", "2"))]).await.refused.is_empty());
}

/// Random changes against a map, through generations and restarts.
#[tokio::test]
async fn reads_see_every_change_wherever_it_is() {
    let folder = Folder::new();
    let mut engine = Engine::open_with(folder.path(), SMALL).unwrap();
    let mut model = BTreeMap::new();
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..400 {
        let mut changes = Vec::new();
        for _ in 0..random(20) {
            let key = format!("key-{:03}", random(300));
            if random(4) == 0 {
                model.remove(&key);
                changes.push(delete(&key));
            } else {
                let data = format!("{round}-{}", "x".repeat(usize::try_from(random(60)).unwrap()));
                changes.push(put(&key, &data));
                model.insert(key, data);
            }
        }
        commit(&engine, changes).await;
        if round % 10 == 0 {
            let mut found = Vec::new();
            let mut from = Bytes::from_static(b"key-");
            loop {
                let page = engine.page(&from, b"key.", Limit { count: 17, bytes: 700 }).await.unwrap();
                found.extend(page.records);
                let Some(next) = page.next else { break };
                from = next;
            }
            let found: Vec<_> = found
                .into_iter()
                .map(|(key, record)| {
                    (
                        String::from_utf8(key.to_vec()).unwrap(),
                        String::from_utf8(record.data.to_vec()).unwrap(),
                    )
                })
                .collect();
            assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>(), "round {round}");
        }
        if round % 100 == 99 {
            drop(engine);
            engine = Engine::open_with(folder.path(), SMALL).unwrap();
        }
    }
    for number in 0..300 {
        let key = format!("key-{number:03}");
        assert_eq!(text(&engine, &key).await, model.get(&key).cloned(), "{key}");
    }
    assert!(engine.inner.memory.read().below() > 0, "nothing ever reached the file below");
}

#[tokio::test]
async fn a_log_is_read_from_any_number_and_gives_its_space_back() {
    let folder = Folder::new();
    let engine = Engine::open_with(folder.path(), SMALL).unwrap();
    let mut last = 0;
    for number in 0_u32..2_000 {
        last = commit(&engine, vec![append("log", number.to_be_bytes().repeat(32))]).await;
    }
    let page = engine.log(b"log", last - 5, Limit { count: 9, bytes: 9999 }).await.unwrap();
    assert_eq!(page.records.len(), 6);
    let page = engine.log(b"log", 0, Limit { count: 3, bytes: 9999 }).await.unwrap();
    let versions: Vec<_> = page.records.iter().map(|(_, record)| record.version).collect();
    assert_eq!(versions.len(), 3);
    assert!(versions.is_sorted() && page.next.is_some());

    commit(&engine, vec![Change::Truncate { prefix: Bytes::from_static(b"log"), upto: last }]).await;
    // The cut goes to the file with its generation.
    for number in 0..200 {
        commit(&engine, vec![put(&format!("filler-{number}"), &"x".repeat(100))]).await;
    }
    moved(&engine).await;
    let page = engine.log(b"log", 0, Limit { count: 9, bytes: 9999 }).await.unwrap();
    assert_eq!(page.records.len(), 1, "only what came after the cut is there");
}

#[tokio::test]
async fn a_directory_is_opened_once_and_again() {
    let folder = Folder::new();
    let first = Engine::open(folder.path()).unwrap();
    let second = Engine::open(&folder.path().join(".")).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    commit(&first, vec![put("a", "1")]).await;
    drop((first, second));
    let third = Engine::open(folder.path()).unwrap();
    assert_eq!(text(&third, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    let write = Write::any(append("log", vec![0; LARGEST + 1]));
    let refused =
        engine.commit(Batch { writes: vec![write], whole: true, durability: Durability::None }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

/// What the log says after one of its files was changed by somebody else.
async fn after(change: impl FnOnce(&Path)) -> Error {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    for number in 0..50 {
        let write = Write::any(put(&format!("key-{number}"), "value"));
        engine
            .commit(Batch { writes: vec![write], whole: true, durability: Durability::Commit })
            .await
            .unwrap();
    }
    drop(engine);
    change(folder.path());
    match Engine::open(folder.path()) {
        Ok(_) => panic!("a damaged directory was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn damage_in_the_log_is_named() {
    let wal = |dir: &Path| wal::segment_path(dir, 1);
    let error = after(|dir| {
        let mut bytes = std::fs::read(wal(dir)).unwrap();
        bytes[700] ^= 1;
        std::fs::write(wal(dir), bytes).unwrap();
    })
    .await;
    assert!(error.message().contains("wal-0000000000000001 is damaged (at byte "), "{error}");
    assert!(error.message().contains("restore"), "{error}");

    let error = after(|dir| {
        let mut bytes = std::fs::read(wal(dir)).unwrap();
        bytes[3] ^= 1;
        std::fs::write(wal(dir), bytes).unwrap();
    })
    .await;
    assert!(error.message().contains("its head is not that of a log"), "{error}");
}

#[tokio::test]
async fn damage_in_the_file_below_is_named() {
    let base = |dir: &Path| dir.join("base.redb");
    let error = after(|dir| std::fs::write(base(dir), b"this is no database".repeat(999)).unwrap()).await;
    assert!(error.message().contains("base.redb") && error.message().contains("restore"), "{error}");
    let error = after(|dir| {
        let bytes = std::fs::read(base(dir)).unwrap();
        std::fs::write(base(dir), &bytes[..bytes.len() / 3]).unwrap();
    })
    .await;
    assert!(error.message().contains("base.redb") && error.message().contains("restore"), "{error}");
}

#[tokio::test]
async fn a_record_that_was_not_finished_is_given_up() {
    let folder = Folder::new();
    let engine = Engine::open(folder.path()).unwrap();
    commit(&engine, vec![put("a", "1")]).await;
    commit(&engine, vec![put("b", "1")]).await;
    drop(engine);
    let path = wal::segment_path(folder.path(), 1);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    assert_eq!(text(&engine, "a").await.as_deref(), Some("1"));
    assert_eq!(text(&engine, "b").await, None);
    // The log goes on where the record began.
    commit(&engine, vec![put("c", "1")]).await;
    drop(engine);
    let engine = Engine::open(folder.path()).unwrap();
    assert_eq!(text(&engine, "c").await.as_deref(), Some("1"));
}

#[test]
fn a_segment_that_could_not_be_begun_leaves_nothing() {
    let folder = Folder::new();
    let mut log = wal::Wal::create(folder.path(), 1).unwrap();
    // Every write to it finds the disk full.
    std::os::unix::fs::symlink("/dev/full", wal::spare_path(folder.path())).unwrap();
    assert_eq!(log.rotate().unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert!(!wal::segment_path(folder.path(), 2).is_symlink());
    assert_eq!(log.segment(), 1);
    assert_eq!(log.rotate().unwrap(), 1);
    assert_eq!(log.segment(), 2);
}

#[tokio::test]
async fn what_has_ended_leaves_the_file() {
    let folder = Folder::new();
    let (base, _) = Base::open(&folder.path().join("base.redb")).unwrap();
    let later = now() + 5 * 60_000 + 1_000;
    let (first, second) = {
        let mut memory = Memory::new(0);
        for number in 1..=10 {
            let key = Bytes::from(format!("key-{number}"));
            memory.apply(
                number,
                Change::Put { key, expires: now() + 60_000 * number, data: Bytes::from_static(b"x") },
            );
        }
        let first = memory.freeze();
        memory.settle();
        // Written again without an end: the old end must not count.
        memory.apply(11, put("key-1", "stays"));
        (first, memory.freeze())
    };
    base.flush(Some((&first, 1)), now()).unwrap();
    base.flush(Some((&second, 2)), now()).unwrap();
    assert!(base.has_expired(later).unwrap());
    assert!(!base.flush(None, later).unwrap());
    let (left, _) = base.view().unwrap().slice(b"key-", b"key.", Limit { count: 99, bytes: 999 }).unwrap();
    let left: Vec<_> = left.iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect();
    assert_eq!(left, ["key-1", "key-10", "key-6", "key-7", "key-8", "key-9"]);
    assert!(!base.has_expired(later).unwrap());
}

#[tokio::test]
async fn a_file_that_is_mostly_free_is_made_smaller() {
    let folder = Folder::new();
    let limits = Limits { idle: Duration::from_hours(1), ..Limits::default() };
    let engine = Engine::open_with(folder.path(), limits).unwrap();
    let data = "x".repeat(60_000);
    for number in 0..600 {
        commit(&engine, vec![put(&format!("key-{number}"), &data)]).await;
    }
    moved(&engine).await;
    let size = || std::fs::metadata(folder.path().join("base.redb")).unwrap().len();
    let grown = size();
    assert!(grown > 25 << 20, "{grown}");
    for number in 0..600 {
        commit(&engine, vec![delete(&format!("key-{number}"))]).await;
    }
    // Deletes alone are a small generation: what follows takes them to the file.
    for number in 0..120 {
        commit(&engine, vec![put(&format!("other-{number}"), &data)]).await;
    }
    moved(&engine).await;
    let tidy = || {
        let inner = Arc::clone(&engine.inner);
        tokio::task::spawn_blocking(move || flusher::tidy(&inner))
    };
    // Who reads a view meanwhile is not disturbed.
    let view = engine.inner.base.view().unwrap();
    tidy().await.unwrap().unwrap();
    assert!(view.get(b"other-1").unwrap().is_some());
    assert!(size() > grown / 2, "{} of {grown} bytes are left", size());
    drop(view);
    tidy().await.unwrap().unwrap();
    assert!(size() < grown / 2, "{} of {grown} bytes are left", size());
    assert_eq!(text(&engine, "key-1").await, None);
    assert_eq!(text(&engine, "other-1").await, Some(data));
}
