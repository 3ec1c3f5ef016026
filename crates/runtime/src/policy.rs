//! Resiliency policies as operations run under them (reference 3.4): a timeout for each try, a circuit breaker around
//! each try, retries around both. The parts are those of `resilience`, which the data plane uses as well.

mod set;
mod trip;

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mecha_resilience::{Backoff, Breaker, BreakerState, Permit, Rejection};

pub use set::Policies;

use crate::metrics::Metrics;

/// What a policy must know of an error.
pub trait Failure {
    /// Whether another try may succeed.
    fn is_retriable(&self) -> bool;

    /// Whether the target could not be reached at all: the only failures that built-in policies retry.
    fn is_unreachable(&self) -> bool {
        false
    }

    /// The HTTP status behind it, for policies that choose by status.
    fn http_status(&self) -> Option<u16> {
        None
    }

    /// The gRPC code behind it, for policies that choose by code.
    fn grpc_code(&self) -> Option<u16> {
        None
    }
}

/// Why an operation under a policy failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// The last try failed so.
    Failed(E),
    /// The last try took longer than the policy allows.
    Timeout(Duration),
    /// The circuit breaker is open (`circuit breaker is open`) or half open and full (`too many requests`).
    Open(&'static str),
}

/// The policy of one target. Cheap to clone; clones share the circuit breaker.
#[derive(Clone, Debug, Default)]
pub struct Policy(Option<Arc<Parts>>);

#[derive(Debug)]
struct Parts {
    timeout: Option<Duration>,
    retry: Option<Retry>,
    breaker: Option<Arc<Breaker>>,
    /// For metrics.
    labels: Labels,
    metrics: Arc<Metrics>,
}

/// What metrics say about a policy.
#[derive(Debug, Default)]
struct Labels {
    resource: String,
    target: String,
    flow: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
struct Retry {
    backoff: Backoff,
    /// `None` = without end.
    max: Option<u32>,
    http_codes: Option<Vec<RangeInclusive<u16>>>,
    grpc_codes: Option<Vec<RangeInclusive<u16>>>,
    /// Only failures to reach the target count.
    built_in: bool,
}

impl Policy {
    /// Whether it does nothing, so that callers need keep nothing for another try.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an operation may be tried more than once.
    pub fn retries(&self) -> bool {
        self.0.as_ref().is_some_and(|parts| parts.retry.is_some())
    }

    /// Whether the user wrote it: it counts answers that are no success as failures, which built-in policies do not.
    pub fn is_users(&self) -> bool {
        self.0.as_ref().is_some_and(|parts| !parts.retry.as_ref().is_some_and(|retry| retry.built_in))
    }

    /// Runs an operation that can't be repeated under the policy: without its retries, whatever comes of it.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn run_once<T, E: Failure>(
        &self,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, Refused<E>> {
        let Some(parts) = &self.0 else { return operation.await.map_err(Refused::Failed) };
        parts.begin();
        parts.attempt(operation).await
    }

    /// Runs an operation under the policy. It is told the number of the try, from 0.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn run<T, E, F, O>(&self, operation: O) -> Result<T, Refused<E>>
    where
        E: Failure,
        F: Future<Output = Result<T, E>> + Send,
        O: FnMut(u32) -> F + Send,
    {
        self.run_while(operation, || true).await
    }

    /// As [`Policy::run`], with another try only as long as `again` says that the operation can be repeated.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn run_while<T, E, F, O>(
        &self,
        mut operation: O,
        again: impl Fn() -> bool + Send,
    ) -> Result<T, Refused<E>>
    where
        E: Failure,
        F: Future<Output = Result<T, E>> + Send,
        O: FnMut(u32) -> F + Send,
    {
        let Some(parts) = &self.0 else { return operation(0).await.map_err(Refused::Failed) };
        parts.begin();
        let mut attempt = 0;
        loop {
            let refused = match parts.attempt(operation(attempt)).await {
                Ok(done) => return Ok(done),
                Err(refused) => refused,
            };
            let pause = parts.pause(attempt, &refused).filter(|_| again());
            let Some(pause) = pause else { return Err(refused) };
            parts.count("retry", true);
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }
}

/// A place of the circuit breaker. Dropped without a result (the caller went away) it is free again: kept, it would leave
/// a breaker half open and full for good.
struct Place<'b> {
    breaker: &'b Breaker,
    permit: Option<Permit>,
}

impl Place<'_> {
    fn done(mut self, success: bool) -> Option<BreakerState> {
        let permit = self.permit.take()?;
        self.breaker.done(permit, success, Instant::now())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.forget(permit);
        }
    }
}

impl Parts {
    /// Counts that the policies are in effect.
    fn begin(&self) {
        let there = [
            ("timeout", self.timeout.is_some()),
            ("retry", self.retry.is_some()),
            ("circuitbreaker", self.breaker.is_some()),
        ];
        for (policy, _) in there.iter().filter(|(_, there)| *there) {
            self.count(policy, false);
        }
    }

    fn count(&self, policy: &str, activated: bool) {
        let Labels { resource, target, flow } = &self.labels;
        let state = self.breaker.as_ref().map(|breaker| breaker.state(Instant::now()).name());
        self.metrics.resiliency(resource, policy, activated, target, flow, state);
    }

    /// One try: refused by the breaker, or made within the timeout.
    async fn attempt<T, E>(
        &self,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, Refused<E>> {
        let Some(breaker) = &self.breaker else { return self.timed(operation).await };
        let permit = breaker.permit(Instant::now()).map_err(|rejection| {
            self.count("circuitbreaker", true);
            Refused::Open(match rejection {
                Rejection::Open => "circuit breaker is open",
                Rejection::TooMany => "too many requests",
            })
        })?;
        let place = Place { breaker, permit: Some(permit) };
        let result = self.timed(operation).await;
        if let Some(state) = place.done(result.is_ok()) {
            tracing::info!("Circuit breaker of {} is {}", self.labels.target, state.name());
            self.count("circuitbreaker", true);
        }
        result
    }

    async fn timed<T, E>(
        &self,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, Refused<E>> {
        let Some(limit) = self.timeout else { return operation.await.map_err(Refused::Failed) };
        match tokio::time::timeout(limit, operation).await {
            Ok(result) => result.map_err(Refused::Failed),
            Err(_) => {
                self.count("timeout", true);
                Err(Refused::Timeout(limit))
            }
        }
    }

    /// The pause before the next try; `None` when this one was the last.
    fn pause<E: Failure>(&self, attempt: u32, refused: &Refused<E>) -> Option<Duration> {
        let retry = self.retry.as_ref()?;
        let wanted = match refused {
            Refused::Open(_) => false,
            Refused::Timeout(_) => true,
            Refused::Failed(error) => retry.wants(error),
        };
        let left = retry.max.is_none_or(|max| attempt < max);
        (wanted && left).then(|| retry.backoff.pause(attempt, &mut Rng::new()))
    }
}

impl Retry {
    fn wants(&self, error: &impl Failure) -> bool {
        if self.built_in {
            return error.is_unreachable();
        }
        let listed = |codes: &Option<Vec<RangeInclusive<u16>>>, code: Option<u16>| match (codes, code) {
            (Some(codes), Some(code)) => codes.iter().any(|range| range.contains(&code)),
            _ => true,
        };
        error.is_retriable()
            && listed(&self.http_codes, error.http_status())
            && listed(&self.grpc_codes, error.grpc_code())
    }
}

#[cfg(test)]
mod tests;
