//! Whether a request that failed is tried again, and after which pause (reference 1.7 rule 10). At least three
//! retries follow failures by which nothing reached the upstream, whatever the policy; the policy adds bad
//! statuses, broken connections and slow tries.

use std::time::Duration;

use fastrand::Rng;
use mecha_base::{Error, Kind, RetrySafety};
use mecha_config::route::RetryPolicy;

use crate::grpc::GrpcStatus;

/// Retries that every request has after failures by which nothing was sent (reference 1.7 rule 10).
pub const LEAST_RETRIES: u32 = 3;

/// The middle of the pause before a retry, in milliseconds (MOSN's); half of it to one and a half, so that requests that
/// failed together don't return together.
const PAUSE_MILLIS: u64 = 10;

/// How far a try got before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No byte of the request was sent.
    NotSent,
    /// Some of the request was sent; nothing of a response went to the client.
    Sent,
    /// The client has part of a response: it is too late.
    Answered,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after `pause`, if the body can be replayed and the cluster's `max_retries` allows it.
    Retry {
        /// How long to wait first; zero = at once.
        pause: Duration,
        /// Whether it takes one of the cluster's `max_retries` places. The repetition after a keep-alive race does not.
        counted: bool,
    },
    /// The failure is the answer.
    No,
}

/// The retries of one request.
#[derive(Debug)]
pub struct RetryState<'a> {
    policy: &'a RetryPolicy,
    left: u32,
    made: u32,
    repeated: bool,
    rng: Rng,
}

impl<'a> RetryState<'a> {
    /// The retries of a request whose route has `policy`; `rng` gives the pauses.
    pub fn new(policy: &'a RetryPolicy, rng: Rng) -> Self {
        let left = policy.retries.max(LEAST_RETRIES);
        RetryState { policy, left, made: 0, repeated: false, rng }
    }

    /// Retries decided on so far, for access log and metrics.
    pub fn retries(&self) -> u32 {
        self.made
    }

    /// Whether a response status could still lead to a retry: if not, the response can go out without a look at it.
    pub fn watches_status(&self) -> bool {
        self.policy.on_failure && self.left > 0
    }

    /// Decides after a try that ended in `error`. An error that says [`RetrySafety::No`] is final.
    pub fn on_error(&mut self, error: &Error, progress: Progress) -> Decision {
        if progress == Progress::Answered {
            return Decision::No;
        }
        match error.retry() {
            RetrySafety::No => Decision::No,
            RetrySafety::ReusedOnly if !self.repeated => {
                self.repeated = true;
                self.made += 1;
                Decision::Retry { pause: Duration::ZERO, counted: false }
            }
            safety => self.retry_if(self.covers(error.kind(), safety, progress)),
        }
    }

    /// Decides after a response head. `grpc` is the grpc-status that stands in it (a trailers-only response).
    pub fn on_status(&mut self, status: u16, grpc: Option<GrpcStatus>) -> Decision {
        let codes = &self.policy.status_codes;
        let failed = match grpc {
            // "Unavailable" alone promises that trying again makes sense; the others are asked for by their HTTP status.
            Some(grpc) if codes.is_empty() => grpc == GrpcStatus::UNAVAILABLE,
            Some(grpc) => codes.contains(&grpc.to_http()),
            None if codes.is_empty() => status >= 500,
            None => codes.contains(&status),
        };
        self.retry_if(self.policy.on_failure && failed)
    }

    fn covers(&self, kind: Kind, safety: RetrySafety, progress: Progress) -> bool {
        match kind {
            // Another try would only add load, or come too late.
            Kind::Overflow | Kind::Timeout | Kind::NoHealthyHost | Kind::NoCluster | Kind::NoRoute => false,
            Kind::BadRequest(_) | Kind::SlowClient | Kind::ClientGone => false,
            Kind::StreamIdle | Kind::Shutdown | Kind::Internal => false,
            Kind::ConnectFailed | Kind::ConnectTimeout => true,
            Kind::UpstreamReset | Kind::UpstreamProtocol => {
                safety == RetrySafety::Safe || progress == Progress::NotSent || self.policy.on_failure
            }
            Kind::TryTimeout => self.policy.on_failure,
        }
    }

    fn retry_if(&mut self, wanted: bool) -> Decision {
        if !wanted || self.left == 0 {
            return Decision::No;
        }
        self.left -= 1;
        self.made += 1;
        let micros = PAUSE_MILLIS * 1_000;
        let pause = Duration::from_micros(self.rng.u64(micros / 2..=micros * 3 / 2));
        Decision::Retry { pause, counted: true }
    }
}

#[cfg(test)]
mod tests;
