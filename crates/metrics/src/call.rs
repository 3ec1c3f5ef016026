//! What is counted about calls: each method of each service that a listener's `dubbo_stream` or `grpc_metric` filter saw
//! (reference mosn.md 1.6). The names come off the wire, so they are bounded in length and number; what is beyond counts
//! together.

mod table;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::registry::OVERFLOW;
use crate::shard::bump;
use crate::stat::{Metric, metrics};
pub(crate) use table::CallTable;

/// How many methods a registry keeps apart, over all services and listeners.
pub const MAX_CALLS: usize = 10_000;
/// The longest name of a service or method that is counted by itself, in bytes.
pub const MAX_CALL_NAME: usize = 256;

metrics! {
    /// A counter of one method's calls.
    pub enum CallStat {
        RequestTotal Counter "request_total" "Calls of the method.";
        ResponseSuccTotal Counter "response_succ_total" "Calls that the callee answered with success.";
        ResponseFailTotal Counter "response_fail_total" "Calls that were answered with an error, by whomever, or not at all.";
    }
}

/// Who counts, which is the prefix of the names in MOSN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallKind {
    /// `dubbo_stream`: messages of RPC protocols.
    Rpc,
    /// `grpc_metric`: gRPC and Triple.
    Grpc,
}

/// The counters of one method, for all workers.
#[derive(Debug)]
pub struct CallScope {
    pub(crate) kind: CallKind,
    labels: [(&'static str, Box<str>); 3],
    shards: Box<[OnceLock<Arc<CallShard>>]>,
}

/// One worker's part of a [`CallScope`]. One writer, as [`crate::Shard`], and a cache line to itself.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct CallShard {
    cells: [AtomicU64; CallStat::COUNT],
}

impl CallKind {
    /// Every kind.
    pub(crate) const ALL: [CallKind; 2] = [CallKind::Rpc, CallKind::Grpc];

    /// MOSN's metrics type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            CallKind::Rpc => "mosn",
            CallKind::Grpc => "grpc",
        }
    }
}

impl CallShard {
    /// Adds one.
    #[inline]
    pub fn inc(&self, stat: CallStat) {
        if let Some(cell) = self.cells.get(stat.index()) {
            bump(cell, 1);
        }
    }
}

impl CallScope {
    pub(crate) fn new(workers: usize, kind: CallKind, names: [&str; 3]) -> Self {
        let [listener, service, method] = names.map(Box::from);
        CallScope {
            kind,
            // In the order of their keys, as MOSN sorts them.
            labels: [("listener", listener), ("method", method), ("service", service)],
            // One more for the thread that is no worker.
            shards: (0..=workers).map(|_| OnceLock::new()).collect(),
        }
    }

    pub(crate) fn overflow(workers: usize, kind: CallKind) -> Arc<Self> {
        Arc::new(CallScope::new(workers, kind, [OVERFLOW; 3]))
    }

    /// The shard of a worker, made at the first call; an index that is no worker's gives the last.
    #[must_use]
    pub fn shard(&self, worker: usize) -> Option<&Arc<CallShard>> {
        let own = self.shards.get(worker).or_else(|| self.shards.last())?;
        Some(own.get_or_init(Arc::default))
    }

    /// The value now, over all workers.
    #[must_use]
    pub fn value(&self, stat: CallStat) -> u64 {
        let cells = self.shards.iter().filter_map(|shard| shard.get()?.cells.get(stat.index()));
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Relaxed)))
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.labels.iter().map(|(key, value)| (*key, &**value))
    }
}
