//! On a cluster, and through a Sentinel whose master changes.

use super::*;
use crate::testing::{Cluster, Sentinel, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_a_cluster() {
    let cluster = Cluster::start().await;
    let broker = open(&cluster.hosts(), &[("redisType", "cluster"), SOON[0], SOON[1]]).await.unwrap();
    check(Arc::clone(&broker), Suite { ordered: false, ..Default::default() }).await;
    publish(&*broker, "cluster topic", "one").await.unwrap();
    assert!(cluster.cli(&["xrange", "cluster topic", "-", "+"]).ends_with("data\none"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_follow_the_master() {
    let mut servers = Sentinel::start().await;
    let more = [("failover", "true"), ("sentinelMasterName", "main"), SOON[0], SOON[1]];
    let broker = open(&servers.host(), &more).await.unwrap();
    check(Arc::clone(&broker), Suite { ordered: false, ..Default::default() }).await;

    let taker = Taker::new();
    let subscription = subscribe(&*broker, "t", &taker).await;
    publish(&*broker, "t", "before").await.unwrap();
    taker.until(1).await;
    servers.master.kill();
    eventually("the new master takes messages", async || publish(&*broker, "t", "after").await.is_ok()).await;
    eventually("and they arrive", async || taker.texts().contains(&"after".to_owned())).await;
    assert!(servers.replica.cli(&["xrange", "t", "-", "+"]).contains("after"));
    subscription.stop().await;
}
