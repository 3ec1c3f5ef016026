//! Clusters that come to be known while the process runs: the addresses of applications that were looked up, foreign
//! endpoints. The app implements this over the workers' snapshots.

use mecha_config::Cluster;

/// Makes clusters known to the workers.
pub trait Clusters: Send + Sync + 'static {
    /// Makes a cluster known, or changes the one of its name: to the calling worker before this returns, to the others
    /// soon. The same cluster once more costs next to nothing, and keeps it from being forgotten: of a bounded number the
    /// one goes that was put the longest ago.
    fn put(&self, cluster: Cluster);
}

/// For runtimes that call nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Clusters for Nowhere {
    fn put(&self, _cluster: Cluster) {}
}
