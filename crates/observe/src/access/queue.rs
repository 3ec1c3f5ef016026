//! A worker's queue into an access log. Handing over wakes the writer's thread, so it is done for many records at
//! once: when a batch is full, and when the worker's timer flushes.

use std::collections::VecDeque;
use std::sync::Arc;

use mecha_proxy::access::{AccessQueue, AccessRecord};

use super::{AccessLog, Records};
use crate::output::Batch;

/// Records in a batch.
const BATCH: usize = 128;
/// Batches that wait with the worker while the writer's queue is full; with [`BATCH`], 4096 records.
const WAITING: usize = 32;

pub(super) struct Queue {
    log: Arc<AccessLog>,
    records: Vec<AccessRecord>,
    waiting: VecDeque<Box<dyn Batch>>,
}

impl Queue {
    pub(super) fn new(log: Arc<AccessLog>) -> Self {
        Queue { log, records: Vec::new(), waiting: VecDeque::new() }
    }

    /// Whether there is room for a batch more, after a try to make some.
    fn has_room(&mut self) -> bool {
        self.waiting.len() < WAITING || {
            self.offer();
            self.waiting.len() < WAITING
        }
    }

    /// Puts the records that have come together behind the batches that wait.
    fn seal(&mut self) {
        let records = std::mem::take(&mut self.records);
        self.waiting.push_back(Box::new(Records { log: self.log.clone(), records }));
    }

    /// Offers what waits, oldest first, until the writer's queue is full.
    fn offer(&mut self) {
        while let Some(batch) = self.waiting.pop_front() {
            if let Err(batch) = self.log.output.offer(batch) {
                self.waiting.push_front(batch);
                return;
            }
        }
    }
}

impl AccessQueue for Queue {
    fn push(&mut self, record: AccessRecord) {
        if !self.log.output.is_enabled() {
            return;
        }
        if self.records.len() == BATCH {
            if !self.has_room() {
                self.log.count_dropped(1);
                return;
            }
            self.seal();
            self.offer();
        }
        if self.records.capacity() == 0 {
            self.records.reserve_exact(BATCH);
        }
        self.records.push(record);
        if self.records.len() == BATCH && self.waiting.is_empty() {
            self.seal();
            self.offer();
        }
    }

    fn flush(&mut self) {
        if !self.records.is_empty() && self.has_room() {
            self.seal();
        }
        self.offer();
    }
}

/// A worker that ends hands over what it has; what then finds no room is lost, and counted.
impl Drop for Queue {
    fn drop(&mut self) {
        self.flush();
        let left = self.waiting.iter().map(|batch| batch.lines()).sum::<u64>() + self.records.len() as u64;
        if left > 0 {
            self.log.count_dropped(left);
        }
    }
}
