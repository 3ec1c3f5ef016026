//! Where lines go: one file or standard stream, with a thread of its own behind a bounded queue. Whoever logs offers
//! a batch and goes on at once; when the queue is full the batch comes back, and dropping it is counted. Two logs
//! with the same path share one output, so their lines never tear each other apart.

mod file;
mod housekeeping;
mod sink;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use mecha_config::server::{LogTarget, Roller};
use parking_lot::{Condvar, Mutex};

use crate::stamp::Stamps;
use sink::Sink;
use writer::Writer;

/// Batches that may wait for the writer.
const QUEUE: usize = 256;
/// The writer's stack in bytes; it formats and writes, nothing deep.
const STACK: usize = 256 << 10;

/// Some lines that are written together, formatted on the writer's thread.
pub(crate) trait Batch: Send {
    /// How many lines it holds.
    fn lines(&self) -> u64;

    /// Appends its lines, each with its line feed.
    fn render(&self, stamps: &mut Stamps, out: &mut String);

    /// Called once when it is over: how many lines reached the output, and how many did not.
    fn settled(&self, written: u64, dropped: u64);
}

/// An output that is open. Dropping the last handle lets the writer finish what is queued, and ends it.
pub(crate) struct Output {
    shared: Arc<Shared>,
    queue: SyncSender<Job>,
}

/// What the writer and the handles both see.
struct Shared {
    name: String,
    enabled: AtomicBool,
    carries_diagnostics: AtomicBool,
    reopen: AtomicBool,
    closing: AtomicBool,
    written: AtomicU64,
    dropped: AtomicU64,
    ended: Mutex<bool>,
    end: Condvar,
}

enum Job {
    Write(Box<dyn Batch>),
    /// Look at the flags.
    Wake,
}

/// The name of a target in the admin API, which is MOSN's log path.
pub(crate) fn name_of(target: &LogTarget) -> String {
    match target {
        LogTarget::Stdout => "stdout".to_owned(),
        LogTarget::Stderr => "stderr".to_owned(),
        LogTarget::File(path) => path.display().to_string(),
    }
}

impl Output {
    /// Opens the target and starts its writer.
    ///
    /// # Errors
    /// When the file or its folder cannot be made or opened for appending, or no thread can be had.
    pub(crate) fn open(target: &LogTarget, roller: &Roller, zone: &TimeZone) -> io::Result<Arc<Self>> {
        let sink = Sink::open(target, roller, zone)?;
        let shared = Arc::new(Shared::new(name_of(target)));
        let (queue, jobs) = sync_channel(QUEUE);
        let writer = Writer::new(shared.clone(), sink, Stamps::new(zone));
        thread::Builder::new()
            .name("log-writer".to_owned())
            .stack_size(STACK)
            .spawn(move || writer.run(jobs))?;
        Ok(Arc::new(Output { shared, queue }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.name
    }

    /// Hands a batch to the writer, or gives it back when the queue is full. Never waits. A batch for a writer that
    /// has ended is dropped and counted.
    pub(crate) fn offer(&self, batch: Box<dyn Batch>) -> Result<(), Box<dyn Batch>> {
        match self.queue.try_send(Job::Write(batch)) {
            Err(TrySendError::Full(Job::Write(batch))) => Err(batch),
            Err(TrySendError::Disconnected(Job::Write(batch))) => {
                self.count_dropped(batch.lines());
                batch.settled(0, batch.lines());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Counts lines that were never queued.
    pub(crate) fn count_dropped(&self, lines: u64) {
        self.shared.dropped.fetch_add(lines, Relaxed);
    }

    /// Whether lines are wanted.
    pub(crate) fn is_enabled(&self) -> bool {
        self.shared.enabled.load(Relaxed)
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.shared.enabled.store(enabled, Relaxed);
    }

    /// Says that the process' own log is written here, so trouble with it must be told elsewhere.
    pub(crate) fn carry_diagnostics(&self) {
        self.shared.carries_diagnostics.store(true, Relaxed);
    }

    /// Lines written, and lines lost, since it was opened.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.shared.written.load(Relaxed), self.shared.dropped.load(Relaxed))
    }

    /// Asks the writer to open its file anew, because something else has moved it away.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Relaxed);
        self.wake();
    }

    /// Asks the writer to finish what is queued and end.
    pub(crate) fn close(&self) {
        self.shared.closing.store(true, Relaxed);
        self.wake();
    }

    /// Waits until the writer has ended, at most for `limit`; whether it has.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let mut ended = self.shared.ended.lock();
        self.shared.end.wait_while_for(&mut ended, |ended| !*ended, limit);
        *ended
    }

    /// When the queue is full the writer is awake and looks at the flags after each job, so a failure needs no care.
    fn wake(&self) {
        let _ = self.queue.try_send(Job::Wake);
    }
}

impl Shared {
    fn new(name: String) -> Self {
        Shared {
            name,
            enabled: AtomicBool::new(true),
            carries_diagnostics: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            ended: Mutex::new(false),
            end: Condvar::new(),
        }
    }
}

#[cfg(test)]
mod tests;
