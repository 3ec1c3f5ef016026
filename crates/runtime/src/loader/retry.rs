//! Trying again: a component that failed and whose failures are ignored comes up as soon as what it needs is there.

use std::sync::{Arc, Weak};
use std::time::Duration;

use fastrand::Rng;
use mecha_config::runtime::Component;
use mecha_resilience::backoff::Backoff;

use super::table::State;
use super::{Failure, Starter};
use crate::runtime::Runtime;

/// Pauses between attempts: from half a second to a minute, with jitter, so that many runtimes do not come back to a
/// system in step.
const PAUSES: Backoff = Backoff::exponential(Duration::from_secs(60));

impl Runtime {
    /// Tries again to bring a component up until it works, is changed or is removed.
    pub(super) fn try_again_later(self: &Arc<Self>, component: &Component, ticket: u64) {
        let attempts = attempts(Arc::downgrade(self), component.clone(), ticket);
        let task = self.tasks().spawn(attempts);
        self.loader().set_retry(&component.name, ticket, &task.abort_handle());
    }

    /// One attempt; whether there shall be no other.
    async fn attempt(self: &Arc<Self>, component: &Component, ticket: u64) -> bool {
        if !self.loader().is_current(&component.name, ticket) {
            return true;
        }
        match self.prepare(component).await {
            Ok(ready) => {
                // What comes up late takes nothing with it when it fails to start others.
                let _ = self.came_up(component, ticket, ready, Starter::Background).await;
                true
            }
            Err(Failure::Waiting(store)) => {
                self.loader().set(&component.name, ticket, State::Waiting(store));
                true
            }
            Err(Failure::Broken(broken)) => {
                tracing::debug!("Component {} is still not up: {}", component.log_name(), broken.text);
                let again = broken.may_pass;
                self.loader().set(&component.name, ticket, State::Failed { text: broken.text, again });
                !again
            }
        }
    }
}

async fn attempts(runtime: Weak<Runtime>, component: Component, ticket: u64) {
    let mut rng = Rng::new();
    for number in 0.. {
        tokio::time::sleep(PAUSES.pause(number, &mut rng)).await;
        let Some(runtime) = runtime.upgrade() else { return };
        if runtime.attempt(&component, ticket).await {
            return;
        }
    }
}
