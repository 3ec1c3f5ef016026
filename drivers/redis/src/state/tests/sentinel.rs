//! Through a Sentinel, whose master changes.

use mecha_component::state::Consistency;

use super::*;
use crate::testing::{Sentinel, eventually};

const FAILOVER: [(&str, &str); 2] = [("failover", "true"), ("sentinelMasterName", "main")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_master_takes_over() {
    let mut servers = Sentinel::start().await;
    let store = open(&servers.host(), &FAILOVER).await.unwrap();
    check(Arc::clone(&store), SUITE).await;

    // Strong: the replica has it when the write is done.
    let strong = SetRequest { consistency: Consistency::Strong, ..set("kept", "1") };
    store.set(strong).await.unwrap();
    assert_eq!(servers.replica.cli(&["hget", "kept", "data"]), "1");

    servers.master.kill();
    eventually("writes reach the new master", async || store.set(set("after", "2")).await.is_ok()).await;
    assert_eq!(text(&*store, "kept").await.as_deref(), Some("1"));
    assert_eq!(servers.replica.cli(&["hget", "after", "data"]), "2");

    // There is no replica any more; a strong write does not fail for it.
    let strong = SetRequest { consistency: Consistency::Strong, ..set("kept", "3") };
    store.set(strong).await.unwrap();
    assert_eq!(text(&*store, "kept").await.as_deref(), Some("3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_no_sentinel_knows_is_said() {
    let servers = Sentinel::start().await;
    let other = [("failover", "true"), ("sentinelMasterName", "other")];
    let error = open(&servers.host(), &other).await.err().unwrap();
    assert!(error.message().contains("`other`") && error.message().contains("sentinelMasterName"), "{error}");
}
