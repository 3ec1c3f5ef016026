//! Drives one path: a few connections side by side, calls one after the other on each, and a row of what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::metrics;
use super::ports::Ports;
use super::scenario::{Proof, Scenario};
use super::service;
use super::table::Row;

#[cfg(test)]
mod tests;

/// Calls per path.
const CALLS: usize = 400;
/// Connections that share them, one call at a time each.
const LANES: usize = 4;
/// How far an observed share may be from the configured one, in standard deviations of a random choice. A right
/// choice is this far off once in about a million runs.
const DEVIATIONS: f64 = 5.0;

/// What one or all connections saw.
#[derive(Debug, Default)]
struct Tally {
    latencies: Vec<Duration>,
    failed: usize,
    /// The first failure.
    reason: Option<String>,
    /// Answers by service, in the order of `service::NAMES`.
    by_service: [usize; 2],
}

/// Makes the calls of one path.
pub(super) async fn row(scenario: &Scenario, ports: &Ports) -> Row {
    let before = match scenario.proof {
        Proof::Retries => metrics::retries(ports.admin).await,
        Proof::Each | Proof::Shares(_) => Ok(0),
    };
    let tally = drive(scenario).await;
    let (note, complaint) = match scenario.proof {
        Proof::Each => (None, None),
        Proof::Shares(weights) => shares(tally.by_service, weights),
        Proof::Retries => retries(before, metrics::retries(ports.admin).await),
    };
    Row {
        name: scenario.name,
        planned: CALLS,
        latencies: tally.latencies,
        failed: tally.failed,
        detail: note.map_or_else(|| scenario.way.clone(), |note| format!("{}: {note}", scenario.way)),
        complaint: tally.reason.or(complaint),
    }
}

async fn drive(scenario: &Scenario) -> Tally {
    let scenario = Arc::new(scenario.clone());
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        lanes.spawn(lane(Arc::clone(&scenario), number, CALLS / LANES));
    }
    lanes.join_all().await.into_iter().fold(Tally::default(), Tally::merge)
}

/// The calls of one connection. It ends at the first failure: with the connection in an unknown state, the calls after it
/// would only repeat it.
async fn lane(scenario: Arc<Scenario>, number: usize, calls: usize) -> Tally {
    let mut tally = Tally::default();
    let mut door = match scenario.open(number).await {
        Ok(door) => door,
        Err(reason) => return tally.fail(reason),
    };
    for _ in 0..calls {
        let began = Instant::now();
        match scenario.call(&mut door).await {
            Ok(answered) => tally.count(began.elapsed(), answered),
            Err(reason) => return tally.fail(reason),
        }
    }
    tally
}

impl Tally {
    fn count(&mut self, latency: Duration, answered: Option<&str>) {
        self.latencies.push(latency);
        for (name, count) in service::NAMES.into_iter().zip(&mut self.by_service) {
            *count += usize::from(answered == Some(name));
        }
    }

    fn fail(mut self, reason: String) -> Self {
        self.failed += 1;
        self.reason = Some(reason);
        self
    }

    fn merge(mut self, other: Tally) -> Self {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
        self.reason = self.reason.or(other.reason);
        for (mine, theirs) in self.by_service.iter_mut().zip(other.by_service) {
            *mine += theirs;
        }
        self
    }
}

/// A note for the table, and what is wrong with it.
type Finding = (Option<String>, Option<String>);

fn shares(seen: [usize; 2], weights: [usize; 2]) -> Finding {
    let [first, second] = seen;
    let note = format!("{first} and {second}");
    let (calls, total) = (seen.iter().sum::<usize>() as f64, weights.iter().sum::<usize>() as f64);
    let share = weights[0] as f64 / total;
    let allowed = DEVIATIONS * (calls * share * (1.0 - share)).sqrt();
    let off = (first as f64 - calls * share).abs() > allowed;
    let complaint =
        off.then(|| format!("{note} is too far from the weights {} and {}", weights[0], weights[1]));
    (Some(note), complaint)
}

fn retries(before: Result<u64, String>, after: Result<u64, String>) -> Finding {
    match (before, after) {
        (Ok(before), Ok(after)) if after > before => (Some(format!("{} retries", after - before)), None),
        (Ok(_), Ok(_)) => (None, Some("Mecha counted no retry".to_owned())),
        (Err(reason), _) | (_, Err(reason)) => (None, Some(format!("can't read Mecha's metrics: {reason}"))),
    }
}
