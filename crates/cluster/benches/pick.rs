//! What choosing a host costs in instructions, counted by callgrind.
//!
//! Needs valgrind and the runner of the same version: `cargo install gungraun-runner --version 0.20.0 --locked`. Run
//! with `cargo bench -p mecha-cluster`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench is not called by anyone, and its input is its own"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use fastrand::Rng;
use gungraun::{library_benchmark, library_benchmark_group, main};
use mecha_cluster::{Cluster, ClusterSet, LbPolicy, PickState};
use mecha_config::cluster::{self as config, HostAddress};

/// A cluster of hosts that weigh 1, 2, ... `weights` in turn, and a request that has not begun.
fn cluster(lb: LbPolicy, hosts: u16, weights: u32) -> (Arc<Cluster>, PickState) {
    let host = |n: u16| config::Host {
        address: HostAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, n + 1))),
        hostname: String::new(),
        weight: u32::from(n) % weights + 1,
        metadata: BTreeMap::new(),
    };
    let hosts = (0..hosts).map(host).collect();
    let config = config::Cluster { name: "c".into(), lb, hosts, ..config::Cluster::default() };
    let built = ClusterSet::build(&[config], None).get("c").unwrap().clone();
    (built, PickState::new(Rng::with_seed(1)))
}

#[library_benchmark]
#[bench::one_host(cluster(LbPolicy::RoundRobin, 1, 1))]
#[bench::random(cluster(LbPolicy::Random, 100, 1))]
#[bench::round_robin(cluster(LbPolicy::RoundRobin, 100, 1))]
#[bench::weighted_round_robin(cluster(LbPolicy::WeightedRoundRobin, 100, 5))]
#[bench::least_request(cluster(LbPolicy::LeastRequest, 100, 1))]
#[bench::least_request_of_5_weighted(cluster(LbPolicy::LeastRequest, 5, 5))]
#[bench::least_request_of_100_weighted(cluster(LbPolicy::LeastRequest, 100, 5))]
fn pick((cluster, mut state): (Arc<Cluster>, PickState)) -> (Arc<Cluster>, PickState) {
    assert!(black_box(&cluster).pick(black_box(&mut state)).is_some());
    (cluster, state)
}

// The guards of one request: its place in the cluster and on its host.
#[library_benchmark]
#[bench::unlimited(cluster(LbPolicy::RoundRobin, 2, 1))]
fn count((cluster, mut state): (Arc<Cluster>, PickState)) -> (Arc<Cluster>, PickState) {
    if let (Some(mut guard), Some(host)) = (black_box(&cluster).try_request(), cluster.pick(&mut state)) {
        guard.assign(host);
    }
    (cluster, state)
}

library_benchmark_group!(name = hosts, benchmarks = [pick, count]);
main!(library_benchmark_groups = [hosts]);
