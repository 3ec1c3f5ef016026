//! The load: so many connections, each with so many requests in flight; an answer is followed by the next request at once.
//! What it saw goes to standard output as JSON.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::frames::Frames;

/// Read at once, at most.
const BUFFER: usize = 256 << 10;
/// Most requests in flight on one connection: the lower byte of a number is its place.
const MOST_IN_FLIGHT: usize = 256;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Latencies are counted by microseconds up to a second; longer ones count as that.
const LONGEST: usize = 1_000_000;

/// What is asked for.
pub(crate) struct Load {
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) length: Duration,
}

/// What was seen.
struct Outcome {
    /// Good answers.
    requests: u64,
    errors: u64,
    first_error: Option<String>,
    /// How many answers took so many microseconds.
    latencies: Vec<u32>,
}

impl Outcome {
    fn error(&mut self, count: u64, what: impl FnOnce() -> String) {
        self.errors += count;
        if self.first_error.is_none() {
            self.first_error = Some(what());
        }
    }

    /// The nearest-rank quantile in microseconds.
    fn quantile(&self, share: f64) -> usize {
        let rank = (share * self.requests as f64) as u64;
        let mut below = 0;
        self.latencies
            .iter()
            .position(|count| {
                below += u64::from(*count);
                below > rank
            })
            .unwrap_or(LONGEST)
    }
}

/// Loads a loopback port and prints what came of it. Errors in the answers are counted, not an error of this.
pub(crate) async fn run(frames: Frames, load: Load) -> Result<(), String> {
    if !(1..=MOST_IN_FLIGHT).contains(&load.in_flight) {
        return Err(format!("{} requests in flight; 1 to {MOST_IN_FLIGHT} are possible", load.in_flight));
    }
    let outcome = Rc::new(RefCell::new(Outcome {
        requests: 0,
        errors: 0,
        first_error: None,
        latencies: vec![0; LONGEST + 1],
    }));
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        let stream = TcpStream::connect(("127.0.0.1", load.port))
            .await
            .map_err(|error| format!("port {} cannot be connected to: {error}", load.port))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        streams.push(stream);
    }
    let (frames, began) = (Rc::new(frames), Instant::now());
    let end = began + load.length;
    let mut clients = JoinSet::new();
    for stream in streams {
        let mut client = Client::new(frames.clone(), outcome.clone(), load.in_flight, end);
        clients.spawn_local(async move {
            let done = timeout(load.length + PATIENCE, client.converse(stream)).await;
            let left = client.waiting as u64;
            if left > 0 {
                let mut outcome = client.outcome.borrow_mut();
                outcome.error(left, || format!("requests without an answer at the end: {done:?}"));
            }
        });
    }
    while clients.join_next().await.is_some() {}
    let outcome = outcome.borrow();
    println!(
        r#"{{"requests": {}, "errors": {}, "first_error": {:?}, "seconds": {:.6}, "p50_us": {}, "p99_us": {}, "p999_us": {}}}"#,
        outcome.requests,
        outcome.errors,
        outcome.first_error.as_deref().unwrap_or(""),
        began.elapsed().as_secs_f64(),
        outcome.quantile(0.50),
        outcome.quantile(0.99),
        outcome.quantile(0.999),
    );
    Ok(())
}

/// One connection.
struct Client {
    frames: Rc<Frames>,
    outcome: Rc<RefCell<Outcome>>,
    end: Instant,
    /// The number of the request in each place, and when it was sent.
    places: Vec<(u64, Instant)>,
    /// Requests in flight.
    waiting: usize,
    output: Vec<u8>,
}

impl Client {
    fn new(frames: Rc<Frames>, outcome: Rc<RefCell<Outcome>>, in_flight: usize, end: Instant) -> Self {
        let now = Instant::now();
        let mut output = Vec::new();
        let places = (0..in_flight as u64).map(|place| (place, now)).collect();
        (0..in_flight as u64).for_each(|id| frames.ask(id, &mut output));
        Client { frames, outcome, end, places, waiting: in_flight, output }
    }

    /// Asks until the end has come and everything is answered.
    async fn converse(&mut self, mut stream: TcpStream) -> std::io::Result<()> {
        let (mut input, mut held) = (vec![0; BUFFER], 0);
        while self.waiting > 0 {
            stream.write_all(&self.output).await?;
            self.output.clear();
            let count = stream.read(&mut input[held..]).await?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            held += count;
            let taken = self.take(&input[..held]);
            input.copy_within(taken..held, 0);
            held -= taken;
        }
        Ok(())
    }

    /// Takes the answers that came, and queues the requests that follow; how many bytes that were.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let now = Instant::now();
        let (mut at, mut outcome) = (0, self.outcome.borrow_mut());
        while let Some(seen) = self.frames.see(&bytes[at..]) {
            at += seen.len;
            // What has no number answers the only request there is.
            let place = seen.id.map_or(0, |id| (id & 0xff) as usize);
            let asked =
                |(id, _): &&mut (u64, Instant)| *id != u64::MAX && seen.id.is_none_or(|seen| seen == *id);
            let Some((id, since)) = self.places.get_mut(place).filter(asked) else {
                outcome.error(1, || format!("an answer to {:#x?}, which nobody asked", seen.id));
                continue;
            };
            if seen.is_good {
                outcome.requests += 1;
                outcome.latencies[(now.duration_since(*since).as_micros() as usize).min(LONGEST)] += 1;
            } else {
                outcome.error(1, || format!("an answer of {} bytes, good: {}", seen.len, seen.is_good));
            }
            if now >= self.end {
                // Nothing is asked under this number again: a second answer to it is an error.
                *id = u64::MAX;
                self.waiting -= 1;
                continue;
            }
            // Bolt has 32 bits.
            *id = (*id + 0x100) & 0xffff_ffff;
            *since = now;
            self.frames.ask(*id, &mut self.output);
        }
        at
    }
}
