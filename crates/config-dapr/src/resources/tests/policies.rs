//! Resiliency resources.

use std::time::Duration;

use mecha_config::runtime::resiliency::{Breaker, Pause, Retry, Target};

use super::*;

const HEAD: &str = "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: mine}\n";

/// Every kind of policy, and targets for them.
const SPEC: &str = "spec:
  policies:
    timeouts:
      general: 5s
      short: 250
    retries:
      slow:
        policy: exponential
        maxInterval: 15s
        maxRetries: 0
        matching:
          httpStatusCodes: 429, 500-503
          gRPCStatusCodes: 4,8-14
      forever: {maxRetries: -1, duration: 2s}
      plain: {}
    circuitBreakers:
      simple: {maxRequests: 2, interval: 8s, timeout: 45s, trip: consecutiveFailures > 8}
      plain: {}
  targets:
    apps:
      pay: {timeout: general, retry: slow, circuitBreaker: simple, circuitBreakerCacheSize: 7}
    actors:
      thing: {timeout: general}
    components:
      store:
        outbound: {retry: forever}
        inbound: {timeout: short}
";

#[test]
fn policies_and_targets_are_read() {
    let text = format!("{HEAD}{SPEC}");
    let made = clean(&text).resiliency.remove(0);
    assert_eq!(made.name, "mine");
    assert_eq!(made.timeouts["general"], Duration::from_secs(5));
    assert_eq!(made.timeouts["short"], Duration::from_millis(250));
    let slow = Retry {
        pause: Pause::Exponential { max: Duration::from_secs(15) },
        max_retries: Some(0),
        http_codes: Some(vec![429..=429, 500..=503]),
        grpc_codes: Some(vec![4..=4, 8..=14]),
    };
    assert_eq!(made.retries["slow"], slow);
    let retry = |seconds| Retry {
        pause: Pause::Constant(Duration::from_secs(seconds)),
        max_retries: None,
        http_codes: None,
        grpc_codes: None,
    };
    assert_eq!((&made.retries["forever"], &made.retries["plain"]), (&retry(2), &retry(5)));
    let breaker = |max_requests, interval, timeout, trip: &str| Breaker {
        max_requests,
        interval: Duration::from_secs(interval),
        timeout: Duration::from_secs(timeout),
        trip: trip.to_owned(),
    };
    assert_eq!(made.breakers["simple"], breaker(2, 8, 45, "consecutiveFailures > 8"));
    assert_eq!(made.breakers["plain"], breaker(1, 0, 60, "consecutiveFailures > 5"));
    let pay = Target {
        timeout: Some("general".into()),
        retry: Some("slow".into()),
        breaker: Some("simple".into()),
        breaker_cache: Some(7),
    };
    assert_eq!(made.apps["pay"], pay);
    assert_eq!(made.components["store"].outbound.retry.as_deref(), Some("forever"));
    assert_eq!(made.components["store"].inbound.timeout.as_deref(), Some("short"));
}

#[test]
fn a_resource_that_is_wrong_is_left_out_and_named() {
    let cases = [
        (
            "{timeouts: {a: soon}}",
            "r.yaml:5:28: warning: spec.policies.timeouts.a: Could not read resiliency policy mine: \
             invalid duration \"soon\": not a duration; write a number and a unit, for example \"300ms\" or \"1m30s\"",
        ),
        (
            "{retries: {a: {policy: often}}}",
            "r.yaml:5:36: warning: spec.policies.retries.a.policy: Could not read resiliency policy mine: \
             \"often\" is no retry policy (there are constant and exponential)",
        ),
        (
            "{retries: {a: {matching: {httpStatusCodes: 600}}}}",
            "r.yaml:5:56: warning: spec.policies.retries.a.matching.httpStatusCodes: \
             Could not read resiliency policy mine: invalid pattern \"600\" \
             (write codes from 100 to 599, for example 429,500-503)",
        ),
        (
            "{retries: {a: {matching: {gRPCStatusCodes: 5-3}}}}",
            "r.yaml:5:56: warning: spec.policies.retries.a.matching.gRPCStatusCodes: \
             Could not read resiliency policy mine: invalid pattern \"5-3\" \
             (write codes from 0 to 16, for example 4,8-14)",
        ),
    ];
    for (policies, expected) in cases {
        let (resources, said) = load(&format!("{HEAD}spec:\n  policies: {policies}\n"));
        assert_eq!(said, [expected]);
        assert!(resources.unwrap().resiliency.is_empty());
    }
}

#[test]
fn a_target_without_its_policy_is_said() {
    let (resources, said) = load(&format!("{HEAD}spec:\n  targets: {{apps: {{pay: {{retry: none}}}}}}\n"));
    assert_eq!(
        said,
        ["r.yaml:5:12: warning: spec.targets: no retry policy \"none\" is declared here \
          (without one in another resource the target has none)"]
    );
    assert_eq!(resources.unwrap().resiliency.len(), 1);
}
