//! Hosts that a registry knows. [`follow`] looks after one cluster for as long as the process runs; whoever spawned it
//! makes the hosts known to the workers. One file a registry.

mod provider;
mod zookeeper;

use mecha_config::discovery::{Discovery, Registry};
use mecha_config::{Host, Speaks};

/// What a registry said of a cluster's hosts: all of them, each time.
pub type Found = Vec<Host>;

/// Follows what the registry says, for ever. Every change is told to `found`, the first state too; while the registry
/// can't be reached, what it said last goes on to hold. Problems are logged, under the name of the cluster.
pub async fn follow(
    cluster: &str,
    discovery: &Discovery,
    speaks: Option<Speaks>,
    mut found: impl FnMut(Found) + Send,
) {
    match &discovery.registry {
        Registry::ZooKeeper(settings) => {
            zookeeper::follow(cluster, settings, discovery, speaks, &mut found).await;
        }
    }
}
