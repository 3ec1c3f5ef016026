//! The thread of one output: takes batches, formats each into one buffer, writes it with one call. It survives
//! whatever the disk does: a batch that cannot be written is counted as lost, said once a minute, and forgotten.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::sink::Sink;
use super::{Batch, Job, Shared};
use crate::stamp::Stamps;

/// How often trouble with one output is reported at most.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// A buffer that grew beyond this many bytes is given back.
const KEEP_BUFFER: usize = 256 << 10;

pub(super) struct Writer {
    shared: Arc<Shared>,
    sink: Sink,
    stamps: Stamps,
    text: String,
    /// The last write ended inside a line.
    torn: bool,
    reported: Option<Instant>,
    /// The dropped lines that have been reported.
    told: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, sink: Sink, stamps: Stamps) -> Self {
        Writer { shared, sink, stamps, text: String::new(), torn: false, reported: None, told: 0 }
    }

    /// Works until every handle is gone or the output is closed, then finishes what is queued.
    pub(super) fn run(mut self, jobs: Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            self.handle(job);
            if self.shared.closing.load(Relaxed) {
                while let Ok(job) = jobs.try_recv() {
                    self.handle(job);
                }
                break;
            }
        }
        // Closed before dropping `self` announces the end, so that what comes later is known to be lost.
        drop(jobs);
    }

    fn handle(&mut self, job: Job) {
        if self.shared.reopen.swap(false, Relaxed)
            && let Err(error) = self.sink.reopen()
        {
            self.report(&format!("cannot be opened again, writing to the old file: {error}"));
        }
        if let Job::Write(batch) = job {
            self.write(&*batch);
        }
    }

    fn write(&mut self, batch: &dyn Batch) {
        self.text.clear();
        if self.torn {
            self.text.push('\n');
        }
        batch.render(&mut self.stamps, &mut self.text);
        if let Err(error) = self.sink.rotate_if_due(self.text.len() as u64) {
            self.report(&format!("cannot be rotated, writing on to the same file: {error}"));
        }
        let (length, result) = self.sink.write(self.text.as_bytes());
        self.settle(batch, length);
        match result {
            Err(error) => self.report_dropped(&error.to_string()),
            Ok(()) if self.shared.dropped.load(Relaxed) > self.told => {
                self.report_dropped("the queue was full")
            }
            Ok(()) => {}
        }
        if self.text.capacity() > KEEP_BUFFER {
            self.text = String::new();
        }
    }

    /// Counts the lines of which the last byte was written; the rest are lost.
    fn settle(&mut self, batch: &dyn Batch, length: usize) {
        let done = self.text.as_bytes().get(..length).unwrap_or_default();
        let repair = u64::from(self.torn && length > 0);
        let ends = done.iter().filter(|byte| **byte == b'\n').count() as u64;
        let written = ends.saturating_sub(repair);
        let dropped = batch.lines().saturating_sub(written);
        if let Some(last) = done.last() {
            self.torn = *last != b'\n';
        }
        self.shared.written.fetch_add(written, Relaxed);
        self.shared.dropped.fetch_add(dropped, Relaxed);
        batch.settled(written, dropped);
    }

    fn report_dropped(&mut self, why: &str) {
        let dropped = self.shared.dropped.load(Relaxed);
        if self.report(&format!("lost {} lines: {why}", dropped - self.told)) {
            self.told = dropped;
        }
    }

    /// Reports at most once a minute; whether it did.
    fn report(&mut self, what: &str) -> bool {
        if self.reported.is_some_and(|last| last.elapsed() < REPORT_EVERY) {
            return false;
        }
        self.reported = Some(Instant::now());
        let name = &self.shared.name;
        if self.shared.carries_diagnostics.load(Relaxed) {
            // Nowhere else to say it; when standard error is closed there is nobody to hear.
            let _ = writeln!(std::io::stderr(), "mecha: the log {name} {what}");
        } else {
            tracing::error!("the log {name} {what}");
        }
        true
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        *self.shared.ended.lock() = true;
        self.shared.end.notify_all();
    }
}
