//! Resiliency resources: named policies and what they apply to (reference 3.4).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::component::Place;

/// One Resiliency resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resiliency {
    /// Its name.
    pub name: String,
    /// How long a call may take.
    pub timeouts: BTreeMap<String, Duration>,
    /// When and how often a call is made again.
    pub retries: BTreeMap<String, Retry>,
    /// When calls are refused at once.
    pub breakers: BTreeMap<String, Breaker>,
    /// By app id.
    pub apps: BTreeMap<String, Target>,
    /// By component name.
    pub components: BTreeMap<String, ComponentTarget>,
    /// Where it is declared.
    pub place: Place,
}

/// A retry policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How pauses grow.
    pub pause: Pause,
    /// Most retries; `None` = without end.
    pub max_retries: Option<u32>,
    /// HTTP statuses that are tried again; `None` = every failure.
    pub http_codes: Option<Vec<RangeInclusive<u16>>>,
    /// gRPC codes that are tried again; `None` = every failure.
    pub grpc_codes: Option<Vec<RangeInclusive<u16>>>,
}

/// How pauses between tries grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Always so long; 5 s unless said.
    Constant(Duration),
    /// From 500 ms by half again each time (with jitter of half), at most so long; 60 s unless said.
    Exponential {
        /// The longest pause.
        max: Duration,
    },
}

/// A circuit breaker policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// Calls let through while half open; 1 unless said.
    pub max_requests: u32,
    /// Counts are cleared so often while closed; zero = never.
    pub interval: Duration,
    /// How long it stays open; 60 s unless said.
    pub timeout: Duration,
    /// A CEL expression over the counts; `consecutiveFailures > 5` unless said.
    pub trip: String,
}

/// The policies of one target, by name; `None` = none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// A timeout.
    pub timeout: Option<String>,
    /// A retry.
    pub retry: Option<String>,
    /// A circuit breaker.
    pub breaker: Option<String>,
    /// Most breakers that are kept for endpoints of the target; 100 unless said.
    pub breaker_cache: Option<usize>,
}

/// The policies of a component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentTarget {
    /// For deliveries to the application.
    pub inbound: Target,
    /// For operations on the component.
    pub outbound: Target,
}
