//! All clusters of one configuration, by name: an immutable snapshot that every worker shares.

use std::collections::HashMap;
use std::sync::Arc;

use mecha_config::cluster as config;

use crate::cluster::Cluster;

/// The clusters of one configuration.
#[derive(Debug, Default)]
pub struct ClusterSet {
    by_name: HashMap<Arc<str>, Arc<Cluster>, foldhash::fast::RandomState>,
    in_order: Vec<Arc<Cluster>>,
}

impl ClusterSet {
    /// Builds the running clusters. A cluster whose name was in `previous` goes on with the counts of that one, and
    /// hosts whose address it had keep their identity, so that pooled connections and limits survive. Of several
    /// clusters with one name the last is found by it (validation refuses that).
    pub fn build(clusters: &[config::Cluster], previous: Option<&ClusterSet>) -> Self {
        let build = |config: &config::Cluster| {
            let previous = previous.and_then(|previous| previous.get(&config.name));
            Arc::new(Cluster::build(config, previous.map(Arc::as_ref)))
        };
        let in_order: Vec<_> = clusters.iter().map(build).collect();
        let by_name = in_order.iter().map(|cluster| (cluster.name.clone(), cluster.clone())).collect();
        ClusterSet { by_name, in_order }
    }

    /// The same clusters with this one added, or in the place of the one of its name, whose counts it goes on with.
    #[must_use]
    pub fn with(&self, config: &config::Cluster) -> Self {
        let cluster = Arc::new(Cluster::build(config, self.get(&config.name).map(Arc::as_ref)));
        let mut next = ClusterSet { by_name: self.by_name.clone(), in_order: self.in_order.clone() };
        match next.in_order.iter_mut().find(|known| known.name == cluster.name) {
            Some(known) => *known = cluster.clone(),
            None => next.in_order.push(cluster.clone()),
        }
        next.by_name.insert(cluster.name.clone(), cluster);
        next
    }

    /// The same clusters without the one of this name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut next = ClusterSet { by_name: self.by_name.clone(), in_order: self.in_order.clone() };
        next.by_name.remove(name);
        next.in_order.retain(|cluster| &*cluster.name != name);
        next
    }

    /// The cluster of this name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Arc<Cluster>> {
        self.by_name.get(name)
    }

    /// Every cluster, in configuration order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Cluster>> {
        self.in_order.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use config::HostAddress;
    use std::collections::BTreeMap;

    pub(crate) fn tcp(address: &str, weight: u32) -> config::Host {
        let address = HostAddress::Tcp(address.parse().unwrap());
        config::Host { address, hostname: String::new(), weight, metadata: BTreeMap::new() }
    }

    pub(crate) fn cluster(name: &str, hosts: Vec<config::Host>) -> config::Cluster {
        config::Cluster { name: name.to_owned(), hosts, ..config::Cluster::default() }
    }

    #[test]
    fn clusters_are_found_by_name_and_listed_in_order() {
        let set = ClusterSet::build(&[cluster("b", vec![]), cluster("a", vec![])], None);
        assert_eq!(set.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(set.get("a").map(|c| &*c.name), Some("a"));
        assert!(set.get("c").is_none());
    }

    #[test]
    fn one_cluster_comes_changes_and_goes_beside_the_others() {
        let set = ClusterSet::build(&[cluster("a", vec![tcp("10.0.0.1:80", 1)])], None);
        let more = set.with(&cluster("b", vec![tcp("10.0.0.2:80", 1)]));
        assert!(Arc::ptr_eq(more.get("a").unwrap(), set.get("a").unwrap()));
        let changed = more.with(&cluster("b", vec![tcp("10.0.0.2:80", 1), tcp("10.0.0.3:80", 1)]));
        assert_eq!(changed.get("b").unwrap().hosts().len(), 2);
        assert!(Arc::ptr_eq(&changed.get("b").unwrap().hosts()[0], &more.get("b").unwrap().hosts()[0]));
        assert_eq!(changed.iter().map(|cluster| &*cluster.name).collect::<Vec<_>>(), ["a", "b"]);
        let fewer = changed.without("b");
        assert!(fewer.get("b").is_none());
        assert_eq!(fewer.len(), 1);
    }

    #[test]
    fn an_update_keeps_hosts_and_counts_of_the_same_cluster_only() {
        let hosts = || vec![tcp("10.0.0.1:80", 1), tcp("10.0.0.2:80", 1)];
        let before = ClusterSet::build(&[cluster("a", hosts()), cluster("b", hosts())], None);
        let held = before.get("a").unwrap().try_request().unwrap();

        let mut changed = cluster("a", vec![tcp("10.0.0.2:80", 1), tcp("10.0.0.3:80", 1)]);
        changed.limits.max_requests = 1;
        let after = ClusterSet::build(&[changed], Some(&before));
        let (old, new) = (before.get("a").unwrap(), after.get("a").unwrap());
        assert!(Arc::ptr_eq(&new.hosts()[0], &old.hosts()[1]));
        assert!(!Arc::ptr_eq(&new.hosts()[0], &before.get("b").unwrap().hosts()[1]));
        assert!(new.try_request().is_none(), "the request of before still counts");
        drop(held);
        assert!(new.try_request().is_some());
    }
}
