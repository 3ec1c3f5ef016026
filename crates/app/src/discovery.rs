//! Clusters whose hosts a registry knows: followed on the control thread, made known to the workers. Workers begin when
//! the registries have answered, or a moment later without them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mecha_cluster::discovery;
use mecha_config::{Cluster, Config};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::clusters::LiveClusters;

/// How long the start waits for registries.
const WARM_UP: Duration = Duration::from_secs(3);

/// Follows every cluster that a registry knows for as long as `runtime` is polled, and waits for their first answers.
pub(crate) fn start(runtime: &Runtime, config: &Config, clusters: &Arc<LiveClusters>) {
    let discovered = config.clusters.iter().filter(|cluster| cluster.discovery.is_some());
    let answers: Vec<_> = discovered
        .map(|cluster| {
            let (tell, told) = oneshot::channel();
            runtime.spawn(follow(cluster.clone(), Arc::downgrade(clusters), tell));
            (cluster.name.clone(), told)
        })
        .collect();
    if answers.is_empty() {
        return;
    }
    let deadline = tokio::time::Instant::now() + WARM_UP;
    runtime.block_on(async {
        for (name, told) in answers {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            if timeout(left, told).await.is_err() {
                tracing::warn!(
                    "cluster {name}: its registry did not answer within {WARM_UP:?}; it begins without"
                );
            }
        }
    });
}

/// Holds `clusters` only in passing: workers end when nobody else does.
async fn follow(mut cluster: Cluster, clusters: Weak<LiveClusters>, tell: oneshot::Sender<()>) {
    let Some(wanted) = cluster.discovery.clone() else { return };
    let (name, speaks) = (cluster.name.clone(), cluster.speaks);
    let mut tell = Some(tell);
    let found = |hosts| {
        cluster.hosts = hosts;
        if let Some(clusters) = clusters.upgrade() {
            clusters.update(&cluster);
        }
        if let Some(tell) = tell.take() {
            let _ = tell.send(());
        }
    };
    discovery::follow(&name, &wanted, speaks, found).await;
}
