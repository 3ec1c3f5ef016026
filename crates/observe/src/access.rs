//! The access log: one line per finished request in MOSN's format (reference 7.1). A worker collects records and
//! hands them over a hundred at a time; formatting and writing happen on the output's thread, so the request path
//! pays for moving a struct and nothing else.

mod format;
mod queue;
mod render;
mod variable;

use std::sync::Arc;

use mecha_metrics::{Registry, ServerStat};
use mecha_proxy::access::{AccessQueue, AccessRecord, AccessSink, Captures};

pub use format::Format;

use crate::logs::{Logs, OpenError};
use crate::output::{Batch, Output};
use crate::stamp::Stamps;
use queue::Queue;

/// An access log that is open; all workers share it. It stays open as long as this or a worker's queue lives.
pub struct AccessLog {
    format: Format,
    output: Arc<Output>,
    registry: Arc<Registry>,
}

/// Records of one worker on their way to the writer.
struct Records {
    log: Arc<AccessLog>,
    records: Vec<AccessRecord>,
}

/// The workers' end of an [`AccessLog`].
struct Sink(Arc<AccessLog>);

impl AccessLog {
    /// Opens the log, or joins the output that another log of the same path has open.
    ///
    /// # Errors
    /// When the format is none, or the file or its folder can't be made or written to.
    pub fn open(config: &mecha_config::AccessLog, logs: &Logs) -> Result<Arc<dyn AccessSink>, OpenError> {
        let format = Format::parse(&config.format)
            .map_err(|source| OpenError::Format { path: crate::output::name_of(&config.target), source })?;
        let output = logs.output(&config.target)?;
        let log = AccessLog { format, output, registry: logs.registry().clone() };
        Ok(Arc::new(Sink(Arc::new(log))))
    }

    /// Counts lines that never reached the writer.
    fn count_dropped(&self, lines: u64) {
        self.output.count_dropped(lines);
        self.registry.server().add(ServerStat::AccessLogDropped, lines);
    }
}

impl AccessSink for Sink {
    fn captures(&self) -> &Captures {
        self.0.format.captures()
    }

    fn open(&self, _worker: usize) -> Box<dyn AccessQueue> {
        Box::new(Queue::new(self.0.clone()))
    }
}

impl Batch for Records {
    fn lines(&self) -> u64 {
        self.records.len() as u64
    }

    fn render(&self, stamps: &mut Stamps, out: &mut String) {
        for record in &self.records {
            self.log.format.render(record, &mut stamps.access, out);
            out.push('\n');
        }
    }

    fn settled(&self, written: u64, dropped: u64) {
        let server = self.log.registry.server();
        server.add(ServerStat::AccessLogWritten, written);
        server.add(ServerStat::AccessLogDropped, dropped);
    }
}

#[cfg(test)]
mod tests;
