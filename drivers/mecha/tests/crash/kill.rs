//! A hundred kills.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mecha_component::pubsub::{Handler, Message, SubscribeRequest};
use mecha_component::state::DynStateStore;
use mecha_component::{BoxFuture, Result};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::child::{KEYS, removes};
use super::support::{Folder, Process, get, pubsub, state, step};

const KILLS: u64 = 100;

/// What the processes were told is safe.
#[derive(Default)]
struct Acknowledged {
    /// The last step of every key.
    state: HashMap<String, u64>,
    /// The last step of every pair.
    pairs: HashMap<String, u64>,
    /// Messages that were not delivered yet.
    messages: HashSet<(String, u64)>,
    count: u64,
}

impl Acknowledged {
    fn add(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (kind, key, step) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let step = step.parse().unwrap();
        self.count += 1;
        match kind {
            "state" => drop(self.state.insert(key.to_owned(), step)),
            "pair" => drop(self.pairs.insert(key.to_owned(), step)),
            _ => drop(self.messages.insert((key.to_owned(), step))),
        }
    }
}

/// Takes whole messages and says how many of those that are waited for are missing.
struct Taker {
    missing: Mutex<HashSet<(String, u64)>>,
    left: watch::Sender<usize>,
}

impl Handler for Taker {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let mut missing = self.missing.lock();
        for message in &messages {
            let text = std::str::from_utf8(&message.data).expect("a message is torn");
            let key = text.split(' ').nth(1).expect("a message is torn").to_owned();
            missing.remove(&(key.clone(), step(&key, text)));
        }
        self.left.send_replace(missing.len());
        Box::pin(async move { messages.iter().map(|_| Ok(())).collect() })
    }
}

/// Lets a process write until `answers` acknowledgements were read, and kills it then.
fn round(folder: &Folder, number: u64, answers: u64, acknowledged: &mut Acknowledged) {
    let mut process = Process::start("child::writer", folder.path(), number, "");
    let mut read = 0;
    while let Some(line) = process.line() {
        acknowledged.add(&line);
        read += 1;
        if read == answers {
            process.child.kill().unwrap();
        }
    }
    process.child.wait().unwrap();
    assert!(read >= answers, "round {number}: the process ended by itself");
}

async fn check_state(store: &dyn DynStateStore, acknowledged: &Acknowledged) {
    for (key, safe) in &acknowledged.state {
        match get(store, key).await {
            // The step after the acknowledged one may be there, too: the kill came before the answer.
            Some(found) => {
                let found = step(key, &found);
                assert!(found > *safe || (found == *safe && !removes(found)), "{key}: {found} instead of {safe}");
            }
            // No two steps of a key that follow each other remove it.
            None => assert!(removes(*safe) || removes(*safe + KEYS) || next_round_removes(), "{key} is lost"),
        }
    }
    for (key, safe) in &acknowledged.pairs {
        let [a, b] = [format!("{key}-a"), format!("{key}-b")];
        let halves = (get(store, &a).await.expect("a half is lost"), get(store, &b).await.expect("a half is lost"));
        let steps = (step(&a, &halves.0), step(&b, &halves.1));
        assert_eq!(steps.0, steps.1, "half of a transaction");
        assert!(steps.0 >= *safe, "{key}: {} instead of {safe}", steps.0);
    }
}

async fn check_messages(dir: &Path, acknowledged: &mut Acknowledged) {
    let broker = pubsub(dir).await.unwrap();
    let missing = std::mem::take(&mut acknowledged.messages);
    let left = watch::channel(missing.len()).0;
    let taker = Arc::new(Taker { missing: Mutex::new(missing), left });
    let request = SubscribeRequest { topic: "t".to_owned(), ..Default::default() };
    let subscription = broker.subscribe(request, Arc::clone(&taker) as Arc<dyn Handler>).await.unwrap();
    let mut left = taker.left.subscribe();
    let all = tokio::time::timeout(Duration::from_secs(20), left.wait_for(|left| *left == 0)).await;
    assert!(all.is_ok(), "{} acknowledged messages are lost", taker.missing.lock().len());
    drop(all);
    subscription.stop().await;
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing() {
    let folder = Folder::new("kill");
    let mut acknowledged = Acknowledged::default();
    let mut seed = 1_u64;
    for number in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let answers = 20 + (seed >> 33) % 1_500;
        round(&folder, number, answers, &mut acknowledged);
        let store = state(folder.path()).await.unwrap();
        check_state(&*store, &acknowledged).await;
        store.close().await;
        check_messages(folder.path(), &mut acknowledged).await;
    }
    println!("{KILLS} kills, {} acknowledgements, none lost", acknowledged.count);
}
