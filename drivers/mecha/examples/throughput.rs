//! How fast `state.mecha` and `pubsub.mecha` are on this disk: acknowledged sets by 1, 32 and 256 writers that each wait
//! for their answer, sets at 1,000 a second, reads, and messages from publish to acknowledgement. The disk's own rate of
//! `fdatasync` stands beside it: first in a file that grows, then over blocks that are there.
//!
//! `cargo run --release -p mecha-driver-mecha --example throughput [directory]`

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mecha_component::pubsub::{DynPubSub, Handler, Message, PublishRequest, SubscribeRequest};
use mecha_component::state::{DynStateStore, GetRequest, SetRequest};
use mecha_component::{BoxFuture, Context, Properties, Result};
use mecha_driver_mecha::{PUBSUB, STATE};
use tokio::sync::Notify;

/// How long each line is measured.
const TIME: Duration = Duration::from_secs(5);
/// Keys that are written.
const KEYS: u64 = 100_000;
/// Bytes of a value or a message.
const SIZE: usize = 256;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "target/throughput".into());
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    disk(dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = (STATE.connect)(Properties::default(), context(dir)).await?;
        println!("memory after open: {} MiB", resident());
        for writers in [1, 32, 256] {
            sets(&store, writers).await?;
        }
        paced(&store).await?;
        gets(&store).await?;
        println!("memory after sets and gets: {} MiB", resident());
        let broker = (PUBSUB.connect)(Properties::default(), context(dir)).await?;
        for publishers in [1, 32, 256] {
            messages(&broker, publishers).await?;
        }
        println!("memory after messages: {} MiB", resident());
        broker.close().await;
        store.close().await;
        let start = Instant::now();
        let store = (STATE.connect)(Properties::default(), context(dir)).await?;
        println!("open again: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        store.close().await;
        mecha_component::Result::Ok(())
    })?;
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn context(dir: &Path) -> Context {
    Context {
        name: "throughput".into(),
        app_id: "throughput".into(),
        namespace: String::new(),
        tasks: tokio::runtime::Handle::current(),
        data: dir.to_owned(),
    }
}

/// What the disk does by itself, a page at a time.
fn disk(dir: &Path) -> std::io::Result<()> {
    let path = dir.join("disk");
    let mut file = File::create(&path)?;
    let page = [7; 4096];
    let (mut grown, start) = (Vec::new(), Instant::now());
    while start.elapsed() < TIME / 2 {
        let begin = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        grown.push(micros(begin));
    }
    let pages = grown.len() as u64;
    report("disk, fdatasync in a file that grows", grown, start.elapsed());
    let (mut again, start) = (Vec::new(), Instant::now());
    while start.elapsed() < TIME / 2 {
        let begin = Instant::now();
        file.write_all_at(&page, again.len() as u64 % pages * page.len() as u64)?;
        file.sync_data()?;
        again.push(micros(begin));
    }
    report("disk, fdatasync over blocks that are there", again, start.elapsed());
    std::fs::remove_file(path)
}

fn request(number: u64) -> SetRequest {
    // Spread over the keys, as hashes are.
    let key = format!("throughput||{:016x}", (number % KEYS).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    SetRequest { key, value: Bytes::from(vec![b'x'; SIZE]), ..Default::default() }
}

async fn sets(store: &Arc<dyn DynStateStore>, writers: u64) -> Result<()> {
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let write = |_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < TIME {
                let request = request(next.fetch_add(1, Ordering::Relaxed));
                let begin = Instant::now();
                store.set(request).await?;
                times.push(micros(begin));
            }
            Result::Ok(times)
        })
    };
    report(
        &format!("sets, {writers} writers"),
        gather((0..writers).map(write).collect()).await?,
        start.elapsed(),
    );
    Ok(())
}

/// A thousand sets a second, each at its time whether those before it are done or not.
async fn paced(store: &Arc<dyn DynStateStore>) -> Result<()> {
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let (start, mut tasks) = (Instant::now(), Vec::new());
    for number in 0..5_000 {
        tick.tick().await;
        let begin = Instant::now();
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            store.set(request(number)).await?;
            Result::Ok(vec![micros(begin)])
        }));
    }
    report("sets, 1,000 a second", gather(tasks).await?, start.elapsed());
    Ok(())
}

async fn gets(store: &Arc<dyn DynStateStore>) -> Result<()> {
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let read = |_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < TIME {
                let key = request(next.fetch_add(1, Ordering::Relaxed)).key;
                let begin = Instant::now();
                store.get(GetRequest { key, ..Default::default() }).await?;
                times.push(micros(begin));
            }
            Result::Ok(times)
        })
    };
    report("gets, 32 readers", gather((0..32).map(read).collect()).await?, start.elapsed());
    Ok(())
}

/// Counts messages; tells when as many came as were published.
#[derive(Default)]
struct Counter {
    taken: AtomicU64,
    wanted: AtomicU64,
    all: Notify,
}

impl Handler for Counter {
    fn handle(&self, messages: Vec<Message>) -> BoxFuture<'static, Vec<Result<()>>> {
        let taken = self.taken.fetch_add(messages.len() as u64, Ordering::SeqCst) + messages.len() as u64;
        if taken >= self.wanted.load(Ordering::SeqCst) {
            self.all.notify_one();
        }
        Box::pin(async move { messages.iter().map(|_| Ok(())).collect() })
    }
}

async fn messages(broker: &Arc<dyn DynPubSub>, publishers: u64) -> Result<()> {
    let counter = Arc::new(Counter { wanted: AtomicU64::new(u64::MAX), ..Counter::default() });
    let topic = format!("topic-{publishers}");
    let request = SubscribeRequest { topic: topic.clone(), ..Default::default() };
    let subscription = broker.subscribe(request, Arc::clone(&counter) as Arc<dyn Handler>).await?;
    let start = Instant::now();
    let publish = |_| {
        let (broker, topic) = (Arc::clone(broker), topic.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < TIME {
                let data = Bytes::from(vec![b'x'; SIZE]);
                let request = PublishRequest { topic: topic.clone(), data, ..Default::default() };
                let begin = Instant::now();
                broker.publish(request).await?;
                times.push(micros(begin));
            }
            Result::Ok(times)
        })
    };
    let times = gather((0..publishers).map(publish).collect()).await?;
    let count = times.len() as u64;
    report(&format!("publishes, {publishers} publishers"), times, start.elapsed());
    counter.wanted.store(count, Ordering::SeqCst);
    while counter.taken.load(Ordering::SeqCst) < count {
        counter.all.notified().await;
    }
    println!("  delivered and acknowledged: {:.0}/s", rate(count, start.elapsed()));
    subscription.stop().await;
    Ok(())
}

async fn gather(tasks: Vec<tokio::task::JoinHandle<Result<Vec<u32>>>>) -> Result<Vec<u32>> {
    let mut times = Vec::new();
    for task in tasks {
        let each = task.await.map_err(|error| mecha_component::Error::internal(error.to_string()))?;
        times.extend(each?);
    }
    Ok(times)
}

fn report(what: &str, mut times: Vec<u32>, whole: Duration) {
    times.sort_unstable();
    let at =
        |percent: usize| times.get(times.len() * percent / 100).map_or(0.0, |time| f64::from(*time) / 1e3);
    let rate = rate(times.len() as u64, whole);
    println!("{what}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

fn micros(begin: Instant) -> u32 {
    u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
