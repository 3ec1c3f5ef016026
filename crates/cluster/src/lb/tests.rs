//! What each policy promises: how picks are shared out, and what ill and tried hosts get. Seeds are fixed.

use fastrand::Rng;
use mecha_config::cluster::{LbOptions, LbPolicy};

use super::*;
use crate::cluster::Cluster;
use crate::host::Health;
use crate::set::ClusterSet;
use crate::set::tests::{cluster, tcp};
use crate::usage::RequestGuard;

fn build(lb: LbPolicy, weights: &[u32]) -> Arc<Cluster> {
    let host = |(n, weight): (usize, &u32)| tcp(&format!("10.0.{}.{}:80", n / 250, n % 250), *weight);
    let mut config = cluster("c", weights.iter().enumerate().map(host).collect());
    config.lb = lb;
    config.lb_options = LbOptions { choice_count: 2, active_request_bias: 1.0 };
    ClusterSet::build(&[config], None).get("c").unwrap().clone()
}

fn position(cluster: &Cluster, host: &Arc<Host>) -> usize {
    cluster.hosts().iter().position(|other| Arc::ptr_eq(other, host)).unwrap()
}

/// How often each host is picked in `picks` requests of one try.
fn counts(cluster: &Cluster, picks: usize) -> Vec<usize> {
    let mut state = PickState::new(Rng::with_seed(7));
    let mut counts = vec![0; cluster.hosts().len()];
    for _ in 0..picks {
        state.restart();
        counts[position(cluster, cluster.pick(&mut state).unwrap())] += 1;
    }
    counts
}

/// Pearson's statistic against the expected shares.
fn chi_square(counts: &[usize], shares: &[f64]) -> f64 {
    let (picks, whole): (usize, f64) = (counts.iter().sum(), shares.iter().sum());
    let term = |(count, share): (&usize, &f64)| {
        let expected = picks as f64 * share / whole;
        if expected == 0.0 { *count as f64 * 1e9 } else { (*count as f64 - expected).powi(2) / expected }
    };
    counts.iter().zip(shares).map(term).sum()
}

/// The 99.9% quantile of chi-square with 9 degrees of freedom.
const LIMIT_9: f64 = 27.9;

#[test]
fn every_policy_is_listed_once() {
    for policy in LbPolicy::ALL {
        assert_eq!(POLICIES.iter().filter(|(known, _)| *known == policy).count(), 1, "{policy:?}");
    }
}

#[test]
fn random_and_least_request_are_even_over_idle_hosts() {
    for policy in [LbPolicy::Random, LbPolicy::LeastRequest] {
        let counts = counts(&build(policy, &[1; 10]), 20_000);
        let statistic = chi_square(&counts, &[1.0; 10]);
        assert!(statistic < LIMIT_9, "{policy:?}: {statistic} {counts:?}");
    }
}

#[test]
fn round_robin_is_exact_and_ignores_weights() {
    assert_eq!(counts(&build(LbPolicy::RoundRobin, &[1, 9, 1]), 300), [100, 100, 100]);
    assert_eq!(counts(&build(LbPolicy::WeightedRoundRobin, &[4, 4, 4]), 300), [100, 100, 100]);
}

#[test]
fn turns_are_shared_by_workers() {
    let cluster = build(LbPolicy::RoundRobin, &[1, 1]);
    let mut workers = [PickState::new(Rng::with_seed(1)), PickState::new(Rng::with_seed(2))];
    let mut counts = [0; 2];
    for turn in 0..100 {
        let state = &mut workers[turn % 2];
        state.restart();
        counts[position(&cluster, cluster.pick(state).unwrap())] += 1;
    }
    assert_eq!(counts, [50, 50]);
}

#[test]
fn weighted_round_robin_is_exact_over_a_round() {
    assert_eq!(counts(&build(LbPolicy::WeightedRoundRobin, &[5, 3, 2]), 1_000), [500, 300, 200]);
    assert_eq!(counts(&build(LbPolicy::WeightedRoundRobin, &[128, 1]), 129 * 10), [1_280, 10]);
}

#[test]
fn ill_hosts_get_nothing_and_their_share_goes_to_all_others() {
    for policy in LbPolicy::ALL {
        let cluster = build(policy, &[1; 11]);
        cluster.hosts()[3].set_ill(Health::CheckFailed, true);
        let mut counts = counts(&cluster, 20_000);
        assert_eq!(counts.remove(3), 0, "{policy:?}");
        let statistic = chi_square(&counts, &[1.0; 10]);
        assert!(statistic < LIMIT_9, "{policy:?}: {statistic} {counts:?}");
    }
}

#[test]
fn the_others_share_by_weight_when_the_heaviest_is_ill() {
    let cluster = build(LbPolicy::WeightedRoundRobin, &[128, 1, 3]);
    cluster.hosts()[0].set_ill(Health::Ejected, true);
    let counts = counts(&cluster, 8_000);
    assert_eq!(counts[0], 0);
    let share = counts[2] as f64 / 8_000.0;
    assert!((share - 0.75).abs() < 0.03, "{counts:?}");
}

#[test]
fn a_retry_goes_elsewhere_until_every_host_was_tried() {
    for policy in LbPolicy::ALL {
        for weights in [[1, 1, 1], [1, 5, 100]] {
            let cluster = build(policy, &weights);
            let mut state = PickState::new(Rng::with_seed(3));
            for _ in 0..200 {
                state.restart();
                let mut seen: Vec<_> =
                    (0..3).map(|_| position(&cluster, cluster.pick(&mut state).unwrap())).collect();
                assert!(cluster.pick(&mut state).is_some(), "a tried host is better than none");
                seen.sort_unstable();
                assert_eq!(seen, [0, 1, 2], "{policy:?}");
            }
        }
    }
}

#[test]
fn nothing_is_picked_where_nothing_is_healthy() {
    for policy in LbPolicy::ALL {
        for count in [0, 1, 5] {
            let cluster = build(policy, &vec![1; count]);
            for host in cluster.hosts() {
                host.set_ill(Health::Ejected, true);
            }
            assert!(cluster.pick(&mut PickState::new(Rng::with_seed(1))).is_none(), "{policy:?} {count}");
        }
    }
}

#[test]
fn one_healthy_host_of_many_is_found() {
    for policy in LbPolicy::ALL {
        for weights in [vec![1; 200], (1..=200).map(|n| n % 100 + 1).collect()] {
            let cluster = build(policy, &weights);
            for host in cluster.hosts().iter().skip(1) {
                host.set_ill(Health::CheckFailed, true);
            }
            assert_eq!(counts(&cluster, 50)[0], 50, "{policy:?}");
        }
    }
}

fn load(cluster: &Cluster, host: usize, requests: usize) -> Vec<RequestGuard> {
    let guard = || {
        let mut guard = cluster.try_request().unwrap();
        guard.assign(&cluster.hosts()[host]);
        guard
    };
    (0..requests).map(|_| guard()).collect()
}

#[test]
fn the_busier_of_two_draws_is_left_alone() {
    let cluster = build(LbPolicy::LeastRequest, &[1; 4]);
    let busy = load(&cluster, 0, 1);
    let counts = counts(&cluster, 6_000);
    assert_eq!(counts[0], 0, "two different hosts are drawn, so an idle one is always among them");
    drop(busy);
    assert!(counts[1..].iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
}

#[test]
fn weighted_least_request_shares_by_weight_over_load() {
    let cluster = build(LbPolicy::LeastRequest, &[1, 2, 3, 4]);
    let idle = counts(&cluster, 20_000);
    assert!(chi_square(&idle, &[1.0, 2.0, 3.0, 4.0]) < LIMIT_9, "{idle:?}");
    let busy = load(&cluster, 3, 3);
    let loaded = counts(&cluster, 20_000);
    assert!(chi_square(&loaded, &[1.0, 2.0, 3.0, 1.0]) < LIMIT_9, "{loaded:?}");
    drop(busy);
}

#[test]
fn weighted_least_request_reaches_every_host_of_a_large_cluster() {
    let weights: Vec<u32> = (0..300).map(|n| n % 2 + 1).collect();
    let counts = counts(&build(LbPolicy::LeastRequest, &weights), 60_000);
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    let heavy: usize = counts.iter().skip(1).step_by(2).sum();
    assert!((heavy as f64 / 60_000.0 - 2.0 / 3.0).abs() < 0.02, "{heavy}");
}

#[test]
fn a_host_that_leaves_is_used_only_when_no_other_is_there() {
    for policy in LbPolicy::ALL {
        let cluster = build(policy, &[1, 1, 1]);
        let leaving = cluster.hosts()[0].leaving();
        assert_eq!(counts(&cluster, 300)[0], 0, "{policy:?}");
        let also = [cluster.hosts()[1].leaving(), cluster.hosts()[2].leaving()];
        assert!(counts(&cluster, 300).iter().all(|count| *count > 0), "{policy:?}");
        drop((leaving, also));
        assert!(counts(&cluster, 300)[0] > 0, "{policy:?}");
        let only = build(policy, &[1]);
        let _leaving = only.hosts()[0].leaving();
        assert_eq!(counts(&only, 3), [3], "{policy:?}");
    }
}
