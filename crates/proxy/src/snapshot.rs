//! What a worker routes by: tables and clusters of one configuration. Each worker holds a copy of its own, so
//! that requests share no reference count with other workers; those in flight keep the one they started with.

use std::collections::HashMap;
use std::sync::Arc;

use mecha_cluster::ClusterSet;
use mecha_config::Config;
use mecha_route::RouteTable;

/// Route tables and clusters.
#[derive(Clone, Default)]
pub struct Snapshot {
    routers: HashMap<Arc<str>, Arc<RouteTable>, foldhash::fast::RandomState>,
    clusters: Arc<ClusterSet>,
}

impl Snapshot {
    /// Builds everything that requests look at. Clusters of `previous` hand on their counts.
    pub fn build(config: &Config, previous: Option<&Snapshot>) -> Self {
        let table = |router| {
            let table = RouteTable::build(router);
            (table.name().clone(), Arc::new(table))
        };
        let routers = config.routers.iter().map(table).collect();
        let clusters = ClusterSet::build(&config.clusters, previous.map(|previous| &*previous.clusters));
        Snapshot { routers, clusters: Arc::new(clusters) }
    }

    /// The same with one cluster added or changed; routes and all other clusters are shared with this one.
    #[must_use]
    pub fn with_cluster(&self, cluster: &mecha_config::Cluster) -> Self {
        Snapshot { routers: self.routers.clone(), clusters: Arc::new(self.clusters.with(cluster)) }
    }

    /// The same without the cluster of this name.
    #[must_use]
    pub fn without_cluster(&self, name: &str) -> Self {
        Snapshot { routers: self.routers.clone(), clusters: Arc::new(self.clusters.without(name)) }
    }

    /// A route table by name.
    pub fn router(&self, name: &str) -> Option<&Arc<RouteTable>> {
        self.routers.get(name)
    }

    /// The clusters.
    pub fn clusters(&self) -> &Arc<ClusterSet> {
        &self.clusters
    }
}
