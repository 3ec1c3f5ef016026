//! Clusters that come and go while the process runs: the applications and endpoints that the runtime calls. Each change
//! builds another snapshot, off the request path, and every worker takes it over. The number of such clusters is
//! bounded: the one that was not asked for the longest goes.

use std::sync::Arc;

use mecha_config::{Cluster, Config};
use mecha_proxy::{Snapshot, Worker};
use mecha_runtime::Clusters;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Most clusters beside the configured ones.
const MOST: usize = 1024;

/// What runs, with the clusters that were added.
pub(crate) struct LiveClusters {
    config: Arc<Config>,
    state: Mutex<State>,
    sender: watch::Sender<Arc<Snapshot>>,
}

struct State {
    snapshot: Arc<Snapshot>,
    /// Last used last.
    added: Vec<Cluster>,
}

impl LiveClusters {
    /// Beginning with the configured clusters; snapshots go to `sender`, and workers end when this is gone.
    pub(crate) fn new(
        config: Arc<Config>,
        snapshot: Arc<Snapshot>,
        sender: watch::Sender<Arc<Snapshot>>,
    ) -> Arc<Self> {
        Arc::new(LiveClusters { config, state: Mutex::new(State { snapshot, added: Vec::new() }), sender })
    }

    /// Changes a configured cluster, for whoever knows its hosts better than the configuration.
    pub(crate) fn update(&self, cluster: &Cluster) {
        let mut state = self.state.lock();
        state.snapshot = Arc::new(state.snapshot.with_cluster(cluster));
        // Under the lock, so that nobody sends an older one after a newer one.
        self.sender.send_replace(state.snapshot.clone());
    }

    /// What requests route by now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.state.lock().snapshot.clone()
    }
}

impl Clusters for LiveClusters {
    /// A configured cluster is not changed by calls.
    fn put(&self, cluster: Cluster) {
        if self.config.clusters.iter().any(|own| own.name == cluster.name) {
            return;
        }
        let mut state = self.state.lock();
        let known = state.added.iter().position(|added| added.name == cluster.name);
        let before = known.map(|at| state.added.remove(at));
        let same = before.as_ref() == Some(&cluster);
        if !same {
            let mut snapshot = state.snapshot.with_cluster(&cluster);
            if state.added.len() >= MOST {
                snapshot = snapshot.without_cluster(&state.added.remove(0).name);
            }
            state.snapshot = Arc::new(snapshot);
            // Under the lock, so that nobody sends an older one after a newer one.
            self.sender.send_replace(state.snapshot.clone());
        }
        state.added.push(cluster);
        // Whoever puts a cluster that others know is about to use it on a worker that may not have heard of it.
        let snapshot = state.snapshot.clone();
        drop(state);
        if let Some(worker) = Worker::current() {
            worker.set_snapshot(&snapshot);
        }
    }
}
