//! On a cluster of three masters.

use mecha_component::ErrorKind;
use mecha_component::state::{Operation, TransactionRequest};

use super::*;
use crate::testing::{Cluster, eventually};

const CLUSTER: (&str, &str) = ("redisType", "cluster");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_on_a_cluster() {
    let cluster = Cluster::start().await;
    // One host is enough to find the others.
    let store = open(&cluster.nodes[1].host(), &[CLUSTER]).await.unwrap();
    let report = check(Arc::clone(&store), SUITE).await;
    for case in ["bulk", "etag-bulk", "transaction", "keys-like"] {
        assert!(report.ran.contains(&case), "{case} did not run");
    }

    let writes = (0..300).map(|number| set(&format!("spread||{number}"), &number.to_string()));
    store.bulk_set(writes.collect()).await.unwrap();
    assert_eq!(cluster.cli(&["hgetall", "spread||7"]), "data\n7\nversion\n1");
    let found = store.bulk_get(
        (0..300)
            .map(|number| GetRequest { key: format!("spread||{number}"), ..Default::default() })
            .collect(),
    );
    for (number, found) in found.await.unwrap().into_iter().enumerate() {
        let item = found.item.unwrap().unwrap();
        assert_eq!(
            (found.key, &item.value[..]),
            (format!("spread||{number}"), number.to_string().as_bytes())
        );
    }
    let (keys, _) = store.keys_like("spread||%", None, None).await.unwrap();
    assert_eq!(keys.len(), 300, "the keys of every node are listed");
    for node in &cluster.nodes {
        let size: usize = node.cli(&["dbsize"]).parse().unwrap();
        assert!(size > 50, "every node has its share, {} has {size}", node.host());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_over_slots_checks_everything_first() {
    let cluster = Cluster::start().await;
    let store = open(&cluster.hosts(), &[CLUSTER]).await.unwrap();
    let upsert = |key: String, etag: Option<&str>| {
        Operation::Upsert(SetRequest { etag: etag.map(str::to_owned), ..set(&key, "1") })
    };
    let mut operations: Vec<_> = (0..20).map(|number| upsert(format!("t||{number}"), None)).collect();
    operations.push(upsert("t||wrong".to_owned(), Some("5")));
    let error = store.transact(TransactionRequest { operations, ..Default::default() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EtagMismatch);
    let (keys, _) = store.keys_like("t||%", None, None).await.unwrap();
    assert!(keys.is_empty(), "nothing is done: {keys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_is_found_again() {
    let mut cluster = Cluster::start().await;
    let store = open(&cluster.hosts(), &[CLUSTER]).await.unwrap();
    for node in &mut cluster.nodes {
        node.kill();
    }
    let error = store.set(set("a", "1")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    for node in &mut cluster.nodes {
        node.start_again();
    }
    eventually("writes go through again", async || store.set(set("a", "2")).await.is_ok()).await;
    assert_eq!(text(&*store, "a").await.as_deref(), Some("2"));
}
