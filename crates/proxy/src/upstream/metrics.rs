//! The counters of one host and of its cluster, as one.

use std::sync::Arc;
use std::time::Duration;

use mecha_metrics::{Registry, Shard, UpstreamHistogram, UpstreamStat};

/// The shards of one worker for a host and its cluster.
#[derive(Clone)]
pub(crate) struct UpstreamMetrics {
    cluster: Arc<Shard<UpstreamStat>>,
    host: Arc<Shard<UpstreamStat>>,
}

impl UpstreamMetrics {
    pub(crate) fn new(registry: &Registry, worker: usize, cluster: &str, host: &str) -> Self {
        UpstreamMetrics {
            cluster: registry.cluster(cluster).shard(worker).clone(),
            host: registry.host(cluster, host).shard(worker).clone(),
        }
    }

    #[inline]
    pub(crate) fn inc(&self, stat: UpstreamStat) {
        self.cluster.inc(stat);
        self.host.inc(stat);
    }

    #[inline]
    pub(crate) fn dec(&self, stat: UpstreamStat) {
        self.cluster.dec(stat);
        self.host.dec(stat);
    }

    #[inline]
    pub(crate) fn add(&self, stat: UpstreamStat, n: u64) {
        if n > 0 {
            self.cluster.add(stat, n);
            self.host.add(stat, n);
        }
    }

    #[inline]
    pub(crate) fn traffic(&self, (read, written): (u64, u64)) {
        self.add(UpstreamStat::BytesReadTotal, read);
        self.add(UpstreamStat::BytesWriteTotal, written);
    }

    #[inline]
    pub(crate) fn observe(&self, histogram: UpstreamHistogram, duration: Duration) {
        self.cluster.observe(histogram, duration);
        self.host.observe(histogram, duration);
    }
}
