//! A scope: everything that is counted about one thing (the process, a listener, a cluster, a host), spread over
//! shards that come to life when a worker first asks for its own. A scope that no worker uses is a name and a null
//! pointer, so a thousand idle clusters cost almost nothing.

use std::sync::{Arc, OnceLock};

use crate::histogram::HistogramSnapshot;
use crate::shard::Shard;
use crate::stat::Stat;

/// The counters, gauges and histograms of one thing, for all workers.
///
/// Made by [`crate::Registry`]. Take the worker's [`Shard`] once and keep it; cloning the scope itself between
/// workers on the request path would make them share a reference count.
#[derive(Debug)]
pub struct Scope<S: Stat> {
    subject: Subject,
    workers: u32,
    name: Arc<str>,
    host: Option<Arc<str>>,
    shards: OnceLock<Box<Shards<S>>>,
}

/// What a scope is about: the key of its first label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Proxy,
    Listener,
    Cluster,
}

#[derive(Debug)]
struct Shards<S: Stat> {
    workers: Box<[OnceLock<Arc<Shard<S>>>]>,
    /// For the one thread that is no worker: control, health checks. See [`Scope::shard`].
    control: OnceLock<Arc<Shard<S>>>,
}

impl<S: Stat> Scope<S> {
    pub(crate) fn new(workers: usize, subject: Subject, name: Arc<str>, host: Option<Arc<str>>) -> Self {
        let workers = u32::try_from(workers).unwrap_or(u32::MAX);
        Self { subject, workers, name, host, shards: OnceLock::new() }
    }

    /// The shard of a worker, made at the first call. Clone the `Arc` to keep it with a connection.
    ///
    /// Every index that is not a worker's shares one more shard, the last, meant for the control thread: no index
    /// panics, but two threads that use such indexes are two writers and may lose each other's counts.
    #[inline]
    pub fn shard(&self, worker: usize) -> &Arc<Shard<S>> {
        let shards = self.shards.get_or_init(|| {
            let workers = (0..self.workers).map(|_| OnceLock::new()).collect();
            Box::new(Shards { workers, control: OnceLock::new() })
        });
        shards.workers.get(worker).unwrap_or(&shards.control).get_or_init(|| Arc::new(Shard::new()))
    }

    /// A counter's or gauge's value now: the sum over the workers. Counters wrap after 2^63.
    #[must_use]
    pub fn value(&self, stat: S) -> i64 {
        self.live().fold(0_u64, |sum, shard| sum.wrapping_add(shard.get(stat))).cast_signed()
    }

    /// A histogram now, summed over the workers.
    #[must_use]
    pub fn histogram(&self, histogram: S::Histogram) -> HistogramSnapshot {
        let mut snapshot = HistogramSnapshot::empty();
        self.live().filter_map(|shard| shard.cells(histogram)).for_each(|cells| snapshot.merge(cells));
        snapshot
    }

    /// Whether any worker has ever taken its shard. Until then every value is zero and no cells are allocated.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.live().next().is_some()
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject
    }

    /// Label keys and values in the order in which both text forms show them (MOSN sorts by key).
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let first = (self.subject.label(), &*self.name);
        std::iter::once(first).chain(self.host.as_deref().map(|host| ("host", host)))
    }

    fn live(&self) -> impl Iterator<Item = &Arc<Shard<S>>> {
        let shards = self.shards.get().into_iter();
        shards.flat_map(|s| s.workers.iter().chain(std::iter::once(&s.control))).filter_map(OnceLock::get)
    }
}

impl Subject {
    const fn label(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Listener => "listener",
            Self::Cluster => "cluster",
        }
    }
}
