//! What limits refuse, what dropped guards give back, and that racing workers never pass a limit.

use std::thread;

use mecha_config::cluster::{self as config, Limits};

use crate::set::ClusterSet;
use crate::set::tests::{cluster, tcp};

fn limited(change: impl FnOnce(&mut config::Cluster)) -> ClusterSet {
    let mut config = cluster("c", vec![tcp("10.0.0.1:80", 1), tcp("10.0.0.2:80", 1)]);
    change(&mut config);
    ClusterSet::build(&[config], None)
}

#[test]
fn each_limit_refuses_the_one_too_many_and_takes_again_after_a_drop() {
    let limits = Limits { max_connections: 1, max_pending_requests: 1, max_requests: 2, max_retries: 1 };
    let set = limited(|config| config.limits = limits);
    let cluster = set.get("c").unwrap();

    let first = cluster.try_request().unwrap();
    let second = cluster.try_request().unwrap();
    assert!(cluster.try_request().is_none());
    assert_eq!(cluster.usage().requests(), 2);
    drop(first);
    assert!(cluster.try_request().is_some());
    drop(second);
    assert_eq!(cluster.usage().requests(), 0);

    let retry = cluster.try_retry().unwrap();
    assert!(cluster.try_retry().is_none());
    drop(retry);
    assert!(cluster.try_retry().is_some());

    let pending = cluster.try_pending().unwrap();
    assert!(cluster.try_pending().is_none());
    drop(pending);
    assert!(cluster.try_pending().is_some());

    let hosts = cluster.hosts();
    let connection = hosts[0].try_connection(cluster).unwrap();
    assert!(hosts[1].try_connection(cluster).is_none(), "the limit is the cluster's");
    drop(connection);
    assert!(hosts[1].try_connection(cluster).is_some());
}

#[test]
fn zero_means_unlimited_and_is_counted() {
    let set = limited(|_| ());
    let cluster = set.get("c").unwrap();
    let guards: Vec<_> = (0..100).map(|_| cluster.try_request().unwrap()).collect();
    assert_eq!(cluster.usage().requests(), 100);
    drop(guards);
    assert_eq!(cluster.usage().requests(), 0);
}

#[test]
fn a_full_host_leaves_the_cluster_count_as_it_was() {
    let set = limited(|config| config.max_connections_per_host = 1);
    let cluster = set.get("c").unwrap();
    let kept = cluster.hosts()[0].try_connection(cluster).unwrap();
    assert!(cluster.hosts()[0].try_connection(cluster).is_none());
    assert_eq!(cluster.usage().connections(), 1);
    let other = cluster.hosts()[1].try_connection(cluster).unwrap();
    assert_eq!(cluster.usage().connections(), 2);
    drop((kept, other));
    assert_eq!((cluster.usage().connections(), cluster.hosts()[0].connections()), (0, 0));
}

#[test]
fn a_request_is_active_on_one_host_at_a_time() {
    let set = limited(|_| ());
    let cluster = set.get("c").unwrap();
    let [first, second] = cluster.hosts() else { panic!("two hosts") };
    let mut guard = cluster.try_request().unwrap();
    guard.assign(first);
    assert_eq!((first.active_requests(), second.active_requests()), (1, 0));
    guard.assign(second);
    assert_eq!((first.active_requests(), second.active_requests()), (0, 1));
    drop(guard);
    assert_eq!((first.active_requests(), second.active_requests()), (0, 0));
}

#[test]
fn racing_workers_never_pass_a_limit() {
    let set = limited(|config| config.max_connections_per_host = 3);
    let cluster = set.get("c").unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let host = &cluster.hosts()[0];
                let mut held = Vec::new();
                for turn in 0..5_000 {
                    held.extend(host.try_connection(cluster));
                    assert!(host.connections() <= 3);
                    if turn % 2 == 0 {
                        held.pop();
                    }
                }
            });
        }
    });
    assert_eq!(cluster.hosts()[0].connections(), 0);
}
