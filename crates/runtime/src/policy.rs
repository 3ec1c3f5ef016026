//! Resiliency policies as operations run under them: timeout, circuit breaker, retry (reference 3.4).

use std::future::Future;
use std::time::Duration;

/// What a policy must know of an error.
pub trait Failure {
    /// Whether another try may succeed.
    fn is_retriable(&self) -> bool;

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

/// The policy of one target.
#[derive(Clone, Debug, Default)]
pub struct Policy;

impl Policy {
    /// Whether it does nothing, so that callers need keep nothing for another try.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Runs an operation under the policy. It is told the number of the try, from 0.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn run<T, E, F, O>(&self, mut operation: O) -> Result<T, Refused<E>>
    where
        E: Failure,
        F: Future<Output = Result<T, E>> + Send,
        O: FnMut(u32) -> F + Send,
    {
        operation(0).await.map_err(Refused::Failed)
    }
}

/// The policies of every target.
#[derive(Debug, Default)]
pub struct Policies;

impl Policies {
    /// For calls to an application.
    pub fn app(&self, app_id: &str) -> Policy {
        let _ = app_id;
        Policy
    }

    /// For operations on a component; `block` is `statestore`, `pubsub`, `secretstore`, ... as default policies name it.
    pub fn outbound(&self, component: &str, block: &str) -> Policy {
        let _ = (component, block);
        Policy
    }

    /// For deliveries of a component to the application.
    pub fn inbound(&self, component: &str, block: &str) -> Policy {
        let _ = (component, block);
        Policy
    }
}
