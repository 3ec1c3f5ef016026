//! The properties of `pubsub.mecha`, beside those of [`crate::settings`].

use std::time::Duration;

use mecha_component::{Context, Error, Properties, Result};

/// What a broker is configured with; the table is in [`crate::pubsub`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The group that subscriptions belong to, unless they name one.
    pub(crate) group: String,
    /// How its subscriptions hand messages over.
    pub(crate) delivery: Delivery,
    /// What is kept.
    pub(crate) retention: Retention,
    /// Where a new group begins.
    pub(crate) start: Start,
}

/// How a subscription hands messages over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Calls of the handler at once.
    pub(crate) concurrency: usize,
    /// Most messages of a group that are handed over or wait to be handed over again.
    pub(crate) in_flight: usize,
    /// How long a message waits after it was refused the first time; twice as long after each further time.
    pub(crate) interval: Duration,
    /// How long it waits at most.
    pub(crate) most: Duration,
}

impl Delivery {
    /// How long a message waits that was refused `attempts` times.
    pub(crate) fn backoff(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.interval.saturating_mul(1 << doublings).min(self.most.max(self.interval))
    }
}

/// What of a topic is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// How long.
    pub(crate) time: Duration,
    /// How many bytes.
    pub(crate) bytes: u64,
    /// Whether messages stay that every group is done with.
    pub(crate) consumed: bool,
}

/// Where a group begins that is new to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the oldest message that is kept.
    Oldest,
    /// After the newest one.
    Newest,
}

impl Options {
    /// Reads the properties.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub(crate) fn read(properties: &Properties, context: &Context) -> Result<Self> {
        let second = Duration::from_secs(1);
        let time = |name, default| positive(name, properties.duration(name, second)?.unwrap_or(default));
        let delivery = Delivery {
            concurrency: count(properties, "concurrency", 10)?,
            in_flight: count(properties, "maxInFlight", 1000)?,
            interval: time("redeliverInterval", Duration::from_millis(500))?,
            most: time("maxRedeliverInterval", Duration::from_mins(1))?,
        };
        let retention = Retention {
            time: time("retentionTime", Duration::from_hours(7 * 24))?,
            bytes: properties.parse::<u64>("retentionBytes")?.unwrap_or(1 << 30).max(1),
            consumed: properties.flag("keepConsumed").unwrap_or(false),
        };
        let start = match properties.get("startAt") {
            None => Start::Oldest,
            Some(text) if text.eq_ignore_ascii_case("oldest") => Start::Oldest,
            Some(text) if text.eq_ignore_ascii_case("newest") => Start::Newest,
            Some(text) => {
                return Err(Error::configuration(format!("startAt: `{text}` is neither oldest nor newest")));
            }
        };
        let group = properties.get("consumerID").unwrap_or(&context.app_id).to_owned();
        Ok(Options { group, delivery, retention, start })
    }
}

fn count(properties: &Properties, name: &str, default: usize) -> Result<usize> {
    match properties.parse::<usize>(name)? {
        Some(0) => Err(Error::configuration(format!("{name}: must be at least 1"))),
        value => Ok(value.unwrap_or(default)),
    }
}

fn positive(name: &str, value: Duration) -> Result<Duration> {
    if value.is_zero() {
        Err(Error::configuration(format!("{name}: must be longer than nothing")))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        let second = Duration::from_secs(1);
        let delivery = Delivery { concurrency: 1, in_flight: 1, interval: second, most: 10 * second };
        let waits: Vec<_> = [1, 2, 3, 4, 5, 99].map(|attempts| delivery.backoff(attempts).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }
}
