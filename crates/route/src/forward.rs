//! How a matched request is sent on: to which cluster, for how long, with which retries.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use mecha_config::proxy::Protocol;
use mecha_config::route::{Forward, HashPolicy, RetryPolicy, Target};
use mecha_http::RequestHead;

use crate::entry::Building;
use crate::rewrite::{Rewrite, set_authority};

/// A `route` action.
#[derive(Debug)]
pub struct ForwardPlan {
    target: Choice,
    /// What the cluster speaks; `None` = what the client speaks.
    pub upstream_protocol: Option<Protocol>,
    /// The global timeout; `None` = the default.
    pub timeout: Option<Duration>,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// What consistent hashing looks at; the first entry counts.
    pub hash_policy: Box<[HashPolicy]>,
    rewrite: Option<Box<Rewrite>>,
}

#[derive(Debug)]
enum Choice {
    One(Arc<str>),
    /// Each cluster with the sum of the weights up to and with its own; weights of zero are left out.
    Several(Box<[(u64, Arc<str>)]>),
    /// The one that this request header names.
    Header(Box<str>),
}

impl ForwardPlan {
    pub(crate) fn build(forward: &Forward, building: &mut Building) -> Self {
        ForwardPlan {
            target: Choice::build(&forward.target, building),
            upstream_protocol: forward.upstream_protocol,
            timeout: forward.timeout,
            retry: forward.retry.clone(),
            hash_policy: forward.hash_policy.as_slice().into(),
            rewrite: Rewrite::build(forward).map(Box::new),
        }
    }

    /// The cluster of one request: each as likely as it weighs, and one without weight never. Without any cluster
    /// of weight (validation refuses that), or the header that would name it, it is the empty name, which no cluster has.
    #[inline]
    pub fn choose_cluster<'a>(&'a self, rng: &mut Rng, head: &'a RequestHead) -> &'a str {
        match &self.target {
            Choice::One(name) => name,
            Choice::Header(name) => head.headers.get_str(name).unwrap_or_default(),
            Choice::Several(choices) => {
                let total = choices.last().map_or(1, |(upper, _)| *upper);
                let drawn = rng.u64(..total.max(1));
                let at = choices.partition_point(|(upper, _)| *upper <= drawn);
                match choices.get(at) {
                    Some((_, name)) => name,
                    None => "",
                }
            }
        }
    }

    /// The request header that names the cluster, when one does; it must not go any further.
    pub fn cluster_header(&self) -> Option<&str> {
        match &self.target {
            Choice::Header(name) => Some(name),
            Choice::One(_) | Choice::Several(_) => None,
        }
    }

    /// Every cluster that may be chosen, with its weight; the weight of a single one is 1. None when the request names it.
    pub fn clusters(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let (one, several): (_, &[(u64, Arc<str>)]) = match &self.target {
            Choice::One(name) => (Some((name, 1)), &[]),
            Choice::Several(choices) => (None, choices),
            Choice::Header(_) => (None, &[]),
        };
        let mut before = 0;
        one.into_iter().chain(several.iter().map(move |(upper, name)| {
            let weight = upper - before;
            before = *upper;
            (name, weight)
        }))
    }

    /// Whether the authority follows the chosen host, so that [`ForwardPlan::rewrite_authority`] has something to do.
    pub fn follows_host(&self) -> bool {
        self.rewrite.as_ref().is_some_and(|rewrite| rewrite.follows_host())
    }

    /// Sets the authority to the chosen host's name when the route has `auto_host_rewrite`; to be called for each try. A
    /// host without a name changes nothing.
    pub fn rewrite_authority(&self, head: &mut RequestHead, hostname: &str) {
        if self.follows_host() {
            set_authority(head, hostname.into());
        }
    }

    pub(crate) fn rewrite(&self) -> Option<&Rewrite> {
        self.rewrite.as_deref()
    }
}

impl Choice {
    fn build(target: &Target, building: &mut Building) -> Self {
        let choices = match target {
            Target::Cluster(name) => return Choice::One(building.name(name)),
            Target::Weighted(choices) => choices,
            Target::Header(name) => return Choice::Header(name.as_str().into()),
        };
        let mut upper = 0;
        let weighty = choices.iter().filter(|choice| choice.weight > 0).map(|choice| {
            upper += u64::from(choice.weight);
            (upper, building.name(&choice.name))
        });
        Choice::Several(weighty.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::request;
    use mecha_config::route::WeightedCluster;

    fn plan(weights: &[(&str, u32)]) -> ForwardPlan {
        let choice =
            |(name, weight): &(&str, u32)| WeightedCluster { name: (*name).to_owned(), weight: *weight };
        let target = Target::Weighted(weights.iter().map(choice).collect());
        ForwardPlan::build(&Forward { target, ..Forward::default() }, &mut Building::default())
    }

    #[test]
    fn clusters_are_chosen_by_weight_and_never_without_one() {
        let plan = plan(&[("none", 0), ("a", 1), ("b", 3), ("never", 0)]);
        let head = request("a", "/", &[]);
        let mut rng = Rng::with_seed(11);
        let (mut a, mut b) = (0, 0);
        for _ in 0..10_000 {
            match plan.choose_cluster(&mut rng, &head) {
                "a" => a += 1,
                "b" => b += 1,
                other => panic!("{other} weighs nothing"),
            }
        }
        assert!((2_350..2_650).contains(&a), "{a} of 10000 for a quarter");
        assert_eq!(a + b, 10_000);
        let listed: Vec<_> = plan.clusters().map(|(name, weight)| (&**name, weight)).collect();
        assert_eq!(listed, [("a", 1), ("b", 3)]);
    }

    #[test]
    fn weights_may_be_as_large_as_they_like() {
        let plan = plan(&[("a", u32::MAX), ("b", u32::MAX)]);
        let mut rng = Rng::with_seed(1);
        let head = request("a", "/", &[]);
        let a = (0..1_000).filter(|_| plan.choose_cluster(&mut rng, &head) == "a").count();
        assert!((400..600).contains(&a), "{a}");
    }

    #[test]
    fn without_any_weight_no_cluster_is_chosen() {
        for plan in [plan(&[]), plan(&[("a", 0)])] {
            assert_eq!(plan.choose_cluster(&mut Rng::with_seed(1), &request("a", "/", &[])), "");
        }
    }

    #[test]
    fn the_request_may_name_its_cluster() {
        let forward = Forward { target: Target::Header("x-to".to_owned()), ..Forward::default() };
        let plan = ForwardPlan::build(&forward, &mut Building::default());
        let mut rng = Rng::with_seed(1);
        assert_eq!(plan.choose_cluster(&mut rng, &request("a", "/", &[("X-To", "blue")])), "blue");
        assert_eq!(plan.choose_cluster(&mut rng, &request("a", "/", &[])), "");
        assert_eq!(plan.cluster_header(), Some("x-to"));
        assert_eq!(plan.clusters().count(), 0);
    }
}
