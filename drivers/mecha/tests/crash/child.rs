//! What the other process does: writes from many tasks at once and says after each acknowledgement what was acknowledged.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use mecha_component::pubsub::{DynPubSub, PublishRequest};
use mecha_component::state::{DeleteRequest, DynStateStore, Operation, SetRequest, TransactionRequest};

use super::support::{DIR, ROUND, child_mark, content, pubsub, state};

/// Tasks that set and delete, each its own keys.
pub(crate) const WRITERS: u64 = 32;
/// Keys of each.
pub(crate) const KEYS: u64 = 20;
/// Tasks that set two keys in one transaction.
pub(crate) const PAIRS: u64 = 4;
/// Tasks that publish.
pub(crate) const PUBLISHERS: u64 = 8;
/// Steps of a round; no round gets that far.
pub(crate) const STEPS: u64 = 1_000_000;

/// Whether a step removes its key.
pub(crate) fn removes(step: u64) -> bool {
    step % 7 == 3
}

fn say(what: &str) {
    // One write for each line, so that a kill cuts at most the last one.
    let line = format!("{}{what}\n", child_mark());
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

fn task() -> (PathBuf, u64) {
    let dir = std::env::var_os(DIR).expect("this test is started by others");
    (dir.into(), std::env::var(ROUND).unwrap().parse().unwrap())
}

fn set(key: &str, step: u64) -> SetRequest {
    SetRequest { key: key.to_owned(), value: Bytes::from(content(key, step)), ..Default::default() }
}

async fn write(store: Arc<dyn DynStateStore>, writer: u64, first: u64) {
    for step in first..first + STEPS {
        let key = format!("w{writer}-{}", step % KEYS);
        if removes(step) {
            store.delete(DeleteRequest { key: key.clone(), ..Default::default() }).await.unwrap();
        } else {
            store.set(set(&key, step)).await.unwrap();
        }
        say(&format!("state {key} {step}"));
    }
}

async fn pair(store: Arc<dyn DynStateStore>, writer: u64, first: u64) {
    for step in first..first + STEPS {
        let operations = ["a", "b"].map(|half| Operation::Upsert(set(&format!("t{writer}-{half}"), step)));
        let request = TransactionRequest { operations: operations.into(), ..Default::default() };
        store.transact(request).await.unwrap();
        say(&format!("pair t{writer} {step}"));
    }
}

async fn publish(broker: Arc<dyn DynPubSub>, publisher: u64, first: u64) {
    for step in first..first + STEPS {
        let data = Bytes::from(content(&format!("p{publisher}"), step));
        let request = PublishRequest { topic: "t".to_owned(), data, ..Default::default() };
        broker.publish(request).await.unwrap();
        say(&format!("message p{publisher} {step}"));
    }
}

/// Writes until it is killed.
#[test]
#[ignore = "started by other tests, in a process of its own"]
fn writer() {
    let (dir, round) = task();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, broker) = (state(&dir).await.unwrap(), pubsub(&dir).await.unwrap());
        let first = round * STEPS;
        let mut tasks = tokio::task::JoinSet::new();
        (0..WRITERS).for_each(|number| drop(tasks.spawn(write(Arc::clone(&store), number, first))));
        (0..PAIRS).for_each(|number| drop(tasks.spawn(pair(Arc::clone(&store), number, first))));
        (0..PUBLISHERS).for_each(|number| drop(tasks.spawn(publish(Arc::clone(&broker), number, first))));
        while tasks.join_next().await.is_some() {}
    });
}

/// Writes key after key until that fails, a hundred times, then ends.
#[test]
#[ignore = "started by other tests, in a process of its own"]
fn filler() {
    let (dir, _) = task();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = state(&dir).await.unwrap();
        let mut failures = 0;
        for number in 0_u64.. {
            let key = format!("key-{number}");
            let mut request = set(&key, number);
            request.value = Bytes::from(content(&key, number).repeat(8));
            match store.set(request).await {
                Ok(()) => say(&format!("state {key} {number}")),
                Err(error) => {
                    say(&format!("error {error}"));
                    failures += 1;
                }
            }
            if failures == 100 {
                break;
            }
        }
        store.close().await;
    });
}

/// Holds the directory until its input ends.
#[test]
#[ignore = "started by other tests, in a process of its own"]
fn holder() {
    let (dir, _) = task();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let _store = state(&dir).await.unwrap();
        say("open");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    });
}
