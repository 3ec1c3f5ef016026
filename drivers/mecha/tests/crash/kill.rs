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

use super::child::{KEYS, PAIRS, STEPS, WRITERS, removes};
use super::support::{Folder, Process, get, pubsub, state, step};

const KILLS: u64 = 100;

/// What may be stored under a key.
#[derive(Default)]
struct Known {
    /// The step that was acknowledged last.
    safe: Option<u64>,
    /// Steps after it that a kill cut off: done or not.
    cut: Vec<u64>,
}

/// What the processes were told is safe.
#[derive(Default)]
struct Acknowledged {
    state: HashMap<String, Known>,
    pairs: HashMap<String, Known>,
    /// Messages that were not delivered yet.
    messages: HashSet<(String, u64)>,
    /// The step that each writer and each pair does next.
    next: HashMap<String, u64>,
    count: u64,
}

impl Acknowledged {
    fn begin(&mut self, round: u64) {
        let writers = (0..WRITERS).map(|number| format!("w{number}"));
        let pairs = (0..PAIRS).map(|number| format!("t{number}"));
        self.next = writers.chain(pairs).map(|name| (name, round * STEPS)).collect();
    }

    fn add(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (kind, key, step) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let step = step.parse().unwrap();
        self.count += 1;
        let known = Known { safe: Some(step), cut: Vec::new() };
        match kind {
            "state" => drop(self.state.insert(key.to_owned(), known)),
            "pair" => drop(self.pairs.insert(key.to_owned(), known)),
            _ => drop(self.messages.insert((key.to_owned(), step))),
        }
        let writer = key.split('-').next().unwrap();
        if let Some(next) = self.next.get_mut(writer) {
            *next = step + 1;
        }
    }

    /// The process was killed: every task may have been in the middle of a step.
    fn cut(&mut self) {
        for (writer, step) in &self.next {
            let known = if writer.starts_with('w') {
                self.state.entry(format!("{writer}-{}", step % KEYS)).or_default()
            } else {
                self.pairs.entry(writer.clone()).or_default()
            };
            known.cut.push(*step);
        }
    }
}

impl Known {
    fn may_be(&self, found: Option<u64>) -> bool {
        let state = |step: u64| (!removes(step)).then_some(step);
        self.safe.map_or(found.is_none(), |safe| state(safe) == found)
            || self.cut.iter().any(|cut| state(*cut) == found)
    }

    fn may_be_step(&self, found: Option<u64>) -> bool {
        self.safe == found || self.cut.iter().any(|cut| Some(*cut) == found)
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
    acknowledged.begin(number);
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
    acknowledged.cut();
    assert!(read >= answers, "round {number}: the process ended by itself");
}

async fn check_state(store: &dyn DynStateStore, acknowledged: &Acknowledged) {
    for (key, known) in &acknowledged.state {
        let found = get(store, key).await.map(|text| step(key, &text));
        assert!(
            known.may_be(found),
            "{key}: {found:?} is stored, {:?} or {:?} should be",
            known.safe,
            known.cut
        );
    }
    for (key, known) in &acknowledged.pairs {
        let [a, b] = [format!("{key}-a"), format!("{key}-b")];
        let found = get(store, &a).await.map(|text| step(&a, &text));
        assert_eq!(
            found,
            get(store, &b).await.map(|text| step(&b, &text)),
            "{key}: half of a transaction is stored"
        );
        assert!(
            known.may_be_step(found),
            "{key}: {found:?} is stored, {:?} or {:?} should be",
            known.safe,
            known.cut
        );
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
