//! Which policy a target has: the one that a Resiliency resource names for it, else the default of the most specific
//! name, else the built-in one (reference 3.4). The resources are those of the start; a change restarts the runtime.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mecha_config::runtime::Resiliency;
use mecha_config::runtime::resiliency as config;
use mecha_resilience::{Backoff, Breaker, BreakerOptions};
use parking_lot::Mutex;

use super::trip::trip;
use super::{Labels, Parts, Policy, Retry};
use crate::metrics::{self, Metrics};

/// Retries of invocations that nobody wrote a policy for: 3 times after a second.
const SERVICE_RETRIES: &str = "DaprBuiltInServiceRetries";
/// A built-in policy that is written anew keeps at least so many retries.
const LEAST_BUILT_IN: u32 = 3;
/// Most targets whose policies are kept; those beyond get one of their own for each call, without a shared breaker.
const MOST_TARGETS: usize = 4096;

/// The policies of every target.
#[derive(Debug, Default)]
pub struct Policies {
    timeouts: HashMap<String, Duration>,
    retries: HashMap<String, config::Retry>,
    breakers: HashMap<String, config::Breaker>,
    apps: HashMap<String, config::Target>,
    components: HashMap<String, config::ComponentTarget>,
    resource: String,
    /// No resource says anything.
    empty: bool,
    metrics: Arc<Metrics>,
    made: Mutex<HashMap<(Flow, String), Policy>>,
}

/// Which way an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flow {
    App,
    Outbound,
    Inbound,
}

impl Policies {
    /// The policies of these resources; what can't be used is logged and left out.
    pub fn new(resources: &[Resiliency], metrics: Arc<Metrics>) -> Self {
        let names: Vec<_> = resources.iter().map(|resource| resource.name.as_str()).collect();
        let mut policies = Policies {
            metrics,
            empty: resources.is_empty(),
            resource: names.join(","),
            ..Policies::default()
        };
        for resource in resources {
            policies.metrics.resiliency_loaded(&resource.name);
            for (name, breaker) in &resource.breakers {
                match trip(&breaker.trip) {
                    Ok(_) => drop(policies.breakers.insert(name.clone(), breaker.clone())),
                    Err(error) => tracing::error!(
                        "Could not read resiliency policy {}: circuitBreakers.{name}.trip: {error}",
                        resource.name
                    ),
                }
            }
            let copy = |pair: (&String, &Duration)| (pair.0.clone(), *pair.1);
            policies.timeouts.extend(resource.timeouts.iter().map(copy));
            policies
                .retries
                .extend(resource.retries.iter().map(|(name, retry)| (name.clone(), retry.clone())));
            policies.apps.extend(resource.apps.iter().map(|(name, target)| (name.clone(), target.clone())));
            let components = resource.components.iter().map(|(name, target)| (name.clone(), target.clone()));
            policies.components.extend(components);
        }
        policies
    }

    /// For calls to an application.
    pub fn app(&self, app_id: &str) -> Policy {
        self.find(Flow::App, app_id, |policies| {
            let named = policies.apps.get(app_id).cloned();
            let users = named.unwrap_or_else(|| policies.defaults(&["App", ""]));
            policies
                .build(&users, &app_target(app_id), "outbound")
                .unwrap_or_else(|| policies.service(app_id))
        })
    }

    /// For operations on a component; `block` is `statestore`, `pubsub`, `secretstore`, ... as default policies name it.
    pub fn outbound(&self, component: &str, block: &str) -> Policy {
        if self.empty {
            return Policy::default();
        }
        self.find(Flow::Outbound, component, |policies| policies.component(component, block, "Outbound"))
    }

    /// For deliveries of a component to the application.
    pub fn inbound(&self, component: &str, block: &str) -> Policy {
        if self.empty {
            return Policy::default();
        }
        self.find(Flow::Inbound, component, |policies| policies.component(component, block, "Inbound"))
    }

    fn find(&self, flow: Flow, name: &str, make: impl FnOnce(&Self) -> Policy) -> Policy {
        let key = (flow, name.to_owned());
        if let Some(policy) = self.made.lock().get(&key) {
            return policy.clone();
        }
        let policy = make(self);
        let mut made = self.made.lock();
        if made.len() >= MOST_TARGETS {
            return policy;
        }
        made.entry(key).or_insert(policy).clone()
    }

    fn component(&self, component: &str, block: &str, flow: &str) -> Policy {
        let named = self.components.get(component).map(|target| match flow {
            "Inbound" => target.inbound.clone(),
            _ => target.outbound.clone(),
        });
        let users = named.unwrap_or_else(|| {
            let typed = format!("{}Component{flow}", capital(block));
            self.defaults(&[&typed, &format!("Component{flow}"), "Component", ""])
        });
        let direction = if flow == "Inbound" { "inbound" } else { "outbound" };
        self.build(&users, &format!("{}_{component}", capital(block)), direction).unwrap_or_default()
    }

    /// The default policies: for each sort the one of the first name that exists, as in `DefaultAppRetryPolicy`.
    fn defaults(&self, middles: &[&str]) -> config::Target {
        let first = |sort: &str, exists: &dyn Fn(&str) -> bool| {
            middles.iter().map(|middle| format!("Default{middle}{sort}Policy")).find(|name| exists(name))
        };
        config::Target {
            timeout: first("Timeout", &|name| self.timeouts.contains_key(name)),
            retry: first("Retry", &|name| self.retries.contains_key(name)),
            breaker: first("CircuitBreaker", &|name| self.breakers.contains_key(name)),
            breaker_cache: None,
        }
    }

    /// The policy of a target; `None` when nothing of it exists.
    fn build(&self, target: &config::Target, name: &str, flow: &'static str) -> Option<Policy> {
        let named = |policy: &Option<String>| policy.as_deref().unwrap_or_default().to_owned();
        let timeout = self.timeouts.get(&named(&target.timeout)).copied();
        let retry = self.retries.get(&named(&target.retry)).map(|retry| Retry::of(retry, false));
        let breaker = self.breakers.get(&named(&target.breaker)).and_then(breaker);
        if timeout.is_none() && retry.is_none() && breaker.is_none() {
            return None;
        }
        Some(self.policy(timeout, retry, breaker, name, flow))
    }

    /// The built-in policy of invocations.
    fn service(&self, app_id: &str) -> Policy {
        let written = self.retries.get(SERVICE_RETRIES).map(|retry| {
            let retry = Retry::of(retry, true);
            Retry { max: retry.max.map(|max| max.max(LEAST_BUILT_IN)), ..retry }
        });
        let usual = Retry {
            backoff: Backoff::Constant(Duration::from_secs(1)),
            max: Some(LEAST_BUILT_IN),
            http_codes: None,
            grpc_codes: None,
            built_in: true,
        };
        self.policy(None, Some(written.unwrap_or(usual)), None, &app_target(app_id), "outbound")
    }

    fn policy(
        &self,
        timeout: Option<Duration>,
        retry: Option<Retry>,
        breaker: Option<Arc<Breaker>>,
        target: &str,
        flow: &'static str,
    ) -> Policy {
        let labels = Labels { resource: self.resource.clone(), target: target.to_owned(), flow };
        Policy(Some(Arc::new(Parts { timeout, retry, breaker, labels, metrics: self.metrics.clone() })))
    }
}

/// An application in the label `target` of the metrics (reference 5.5); components stand there as `Statestore_orders`.
fn app_target(app_id: &str) -> String {
    format!("app_{}", metrics::callee(app_id))
}

impl Retry {
    fn of(retry: &config::Retry, built_in: bool) -> Self {
        let backoff = match retry.pause {
            config::Pause::Constant(pause) => Backoff::Constant(pause),
            config::Pause::Exponential { max } => Backoff::exponential(max),
        };
        let (http_codes, grpc_codes) = (retry.http_codes.clone(), retry.grpc_codes.clone());
        Retry { backoff, max: retry.max_retries, http_codes, grpc_codes, built_in }
    }
}

fn breaker(config: &config::Breaker) -> Option<Arc<Breaker>> {
    let options = BreakerOptions {
        max_requests: config.max_requests.into(),
        interval: config.interval,
        timeout: config.timeout,
    };
    trip(&config.trip).ok().map(|trip| Arc::new(Breaker::new(options, trip, Instant::now())))
}

/// `statestore` as `Statestore`.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
