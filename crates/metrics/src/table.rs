//! The registry's tables: which scope belongs to which label set, and how many there may be.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::scope::{Scope, Subject};
use crate::{DownstreamScope, UpstreamScope};

/// Scopes by name. Clusters and hosts are apart because a host may be asked for before, or without, its cluster.
#[derive(Debug)]
pub(crate) struct Table {
    workers: usize,
    limit: usize,
    count: usize,
    listeners: BTreeMap<Arc<str>, Arc<DownstreamScope>>,
    clusters: BTreeMap<Arc<str>, Arc<UpstreamScope>>,
    hosts: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<UpstreamScope>>>,
}

impl Table {
    pub(crate) fn new(workers: usize, limit: usize) -> Self {
        let (listeners, clusters, hosts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { workers, limit, count: 0, listeners, clusters, hosts }
    }

    /// How many scopes the tables hold.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The listener's scope, made if need be; `None` when the table is full.
    pub(crate) fn listener(&mut self, name: &str) -> Option<Arc<DownstreamScope>> {
        if let Some(scope) = self.listeners.get(name) {
            return Some(scope.clone());
        }
        self.reserve()?;
        let name: Arc<str> = name.into();
        let scope = Arc::new(Scope::new(self.workers, Subject::Listener, name.clone(), None));
        self.listeners.insert(name, scope.clone());
        Some(scope)
    }

    /// The cluster's scope, made if need be; `None` when the table is full.
    pub(crate) fn cluster(&mut self, name: &str) -> Option<Arc<UpstreamScope>> {
        if let Some(scope) = self.clusters.get(name) {
            return Some(scope.clone());
        }
        self.reserve()?;
        let name = self.cluster_name(name);
        let scope = Arc::new(Scope::new(self.workers, Subject::Cluster, name.clone(), None));
        self.clusters.insert(name, scope.clone());
        Some(scope)
    }

    /// The host's scope, made if need be; `None` when the table is full.
    pub(crate) fn host(&mut self, cluster: &str, addr: &str) -> Option<Arc<UpstreamScope>> {
        if let Some(scope) = self.hosts.get(cluster).and_then(|hosts| hosts.get(addr)) {
            return Some(scope.clone());
        }
        self.reserve()?;
        let (cluster, addr) = (self.cluster_name(cluster), Arc::<str>::from(addr));
        let scope = Arc::new(Scope::new(self.workers, Subject::Cluster, cluster.clone(), Some(addr.clone())));
        self.hosts.entry(cluster).or_default().insert(addr, scope.clone());
        Some(scope)
    }

    pub(crate) fn remove_listener(&mut self, name: &str) {
        if self.listeners.remove(name).is_some() {
            self.count -= 1;
        }
    }

    pub(crate) fn remove_cluster(&mut self, name: &str) {
        let cluster = usize::from(self.clusters.remove(name).is_some());
        let hosts = self.hosts.remove(name).map_or(0, |hosts| hosts.len());
        self.count -= cluster + hosts;
    }

    pub(crate) fn remove_host(&mut self, cluster: &str, addr: &str) {
        let Some(hosts) = self.hosts.get_mut(cluster) else { return };
        if hosts.remove(addr).is_some() {
            self.count -= 1;
        }
        if hosts.is_empty() {
            self.hosts.remove(cluster);
        }
    }

    /// Every listener's scope in the order of names.
    pub(crate) fn downstream(&self) -> impl Iterator<Item = Arc<DownstreamScope>> {
        self.listeners.values().cloned()
    }

    /// Every cluster's scope in the order of names, then every host's.
    pub(crate) fn upstream(&self) -> impl Iterator<Item = Arc<UpstreamScope>> {
        self.clusters.values().chain(self.hosts.values().flat_map(BTreeMap::values)).cloned()
    }

    fn reserve(&mut self) -> Option<()> {
        if self.count >= self.limit {
            return None;
        }
        self.count += 1;
        Some(())
    }

    /// One string per cluster name, shared by the cluster's scope and those of its hosts.
    fn cluster_name(&self, name: &str) -> Arc<str> {
        let known = self.clusters.get_key_value(name).map(|(name, _)| name);
        let known = known.or_else(|| self.hosts.get_key_value(name).map(|(name, _)| name));
        known.map_or_else(|| name.into(), Arc::clone)
    }
}
