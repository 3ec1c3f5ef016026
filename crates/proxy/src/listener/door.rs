//! A listener on one worker: its counters there and its queues into the access logs.

use std::sync::Arc;
use std::time::Duration;

use mecha_base::worker::WorkerCell;
use mecha_http::RequestHead;
use mecha_metrics::{DownstreamHistogram, DownstreamStat, Shard};

use super::Listener;
use crate::access::{AccessQueue, AccessRecord, AccessSink, Captures};
use crate::exchange::calls::{Calls, Counted};
use crate::worker::Worker;

/// A listener on one worker.
pub(crate) struct Door {
    pub(crate) worker: Arc<Worker>,
    pub(crate) listener: Arc<Listener>,
    global: Arc<Shard<DownstreamStat>>,
    own: Arc<Shard<DownstreamStat>>,
    logs: Vec<Log>,
    calls: Calls,
}

/// An access log as this worker writes to it.
struct Log {
    sink: Arc<dyn AccessSink>,
    queue: WorkerCell<Box<dyn AccessQueue>>,
}

impl Door {
    /// To be called on the worker's thread.
    pub(crate) fn new(worker: &Arc<Worker>, listener: Arc<Listener>) -> Arc<Self> {
        let registry = worker.registry();
        let log = |sink: &Arc<dyn AccessSink>| Log {
            sink: sink.clone(),
            queue: WorkerCell::new(sink.open(worker.index())),
        };
        Arc::new(Door {
            global: registry.downstream_global().shard(worker.index()).clone(),
            own: registry.listener(listener.name()).shard(worker.index()).clone(),
            logs: listener.sinks.iter().map(log).collect(),
            calls: Calls::new(listener.counts, registry, worker.index()),
            worker: worker.clone(),
            listener,
        })
    }

    #[inline]
    pub(crate) fn inc(&self, stat: DownstreamStat) {
        self.global.inc(stat);
        self.own.inc(stat);
    }

    #[inline]
    pub(crate) fn dec(&self, stat: DownstreamStat) {
        self.global.dec(stat);
        self.own.dec(stat);
    }

    #[inline]
    pub(crate) fn observe(&self, histogram: DownstreamHistogram, duration: Duration) {
        self.global.observe(histogram, duration);
        self.own.observe(histogram, duration);
    }

    #[inline]
    pub(crate) fn traffic(&self, (read, written): (u64, u64)) {
        for shard in [&self.global, &self.own] {
            shard.add(DownstreamStat::BytesReadTotal, read);
            shard.add(DownstreamStat::BytesWriteTotal, written);
        }
    }

    /// Counts a request, when it is a call and the listener counts calls.
    #[inline]
    pub(crate) fn begin_call(&self, head: &RequestHead) -> Option<Counted> {
        if self.calls.is_off() {
            return None;
        }
        self.calls.begin(self.worker.registry(), self.worker.index(), self.listener.name(), head)
    }

    /// Whether its connections should end as soon as they decently can.
    pub(crate) fn is_draining(&self) -> bool {
        self.worker.is_draining(self.listener.inner)
    }

    /// Whether anybody wants a record of each request.
    pub(crate) fn has_logs(&self) -> bool {
        !self.logs.is_empty()
    }

    /// What each log wants captured, in the order of [`Door::log`].
    pub(crate) fn captures(&self) -> impl Iterator<Item = &Captures> {
        self.logs.iter().map(|log| log.sink.captures())
    }

    /// Hands a record to log number `at`.
    pub(crate) fn log(&self, at: usize, record: AccessRecord) {
        if let Some(log) = self.logs.get(at)
            && let Some(mut queue) = log.queue.borrow()
        {
            queue.push(record);
        }
    }

    pub(crate) fn flush_logs(&self) {
        for log in &self.logs {
            if let Some(mut queue) = log.queue.borrow() {
                queue.flush();
            }
        }
    }
}
