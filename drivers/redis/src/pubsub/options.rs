//! The properties of `pubsub.redis` beside those of a connection; [`super::RedisPubSub`] has the table.

use std::time::Duration;

use mecha_component::{Context, Error, Properties, Result};

use crate::options::{positive, time};

/// The longest that a handler may take when nothing is said; what Dapr's component allows.
const PATIENCE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a broker is configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The group of subscriptions that name none.
    pub(super) group: String,
    pub(super) delivery: Delivery,
    pub(super) keep: Keep,
}

/// How subscriptions hand messages over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Calls of the handler at once.
    pub(super) concurrency: usize,
    /// Most messages that wait.
    pub(super) depth: usize,
    /// `None` = nothing comes again.
    pub(super) again: Option<Again>,
    /// Whether a refused message is done with.
    pub(super) ack_on_error: bool,
}

/// When messages come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    /// How long a message is pending before.
    pub(super) pending: Duration,
    /// How often is looked.
    pub(super) interval: Duration,
    /// How long a handler may take.
    pub(super) patience: Duration,
}

/// What of a stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    All,
    Entries(u64),
    For(Duration),
}

impl Settings {
    pub(super) fn read(properties: &Properties, context: &Context) -> Result<Self> {
        Ok(Settings {
            group: properties.get("consumerID").unwrap_or(&context.app_id).to_owned(),
            delivery: Delivery {
                concurrency: count(properties, "concurrency", 10)?,
                depth: count(properties, "queueDepth", 100)?,
                again: again(properties)?,
                ack_on_error: properties.flag("ackOnError").unwrap_or(false),
            },
            keep: keep(properties)?,
        })
    }
}

fn again(properties: &Properties) -> Result<Option<Again>> {
    let given = properties.get("processingTimeout").is_some();
    let pending = positive(time(properties, "processingTimeout", Duration::from_secs(15))?);
    let interval = positive(time(properties, "redeliverInterval", Duration::from_secs(60))?);
    Ok(pending.zip(interval).map(|(pending, interval)| Again {
        pending,
        interval,
        patience: if given { pending } else { PATIENCE },
    }))
}

/// A number of entries wins over a time, as it does in Dapr.
fn keep(properties: &Properties) -> Result<Keep> {
    let entries = properties.parse::<i64>("maxLenApprox")?.and_then(|number| u64::try_from(number).ok());
    if let Some(entries) = entries.filter(|entries| *entries > 0) {
        return Ok(Keep::Entries(entries));
    }
    let days =
        properties.get("streamTTL").and_then(|text| text.trim().strip_suffix('d')?.parse::<u32>().ok());
    let time = match days {
        Some(days) => Some(DAY * days),
        None => properties.duration("streamTTL", Duration::from_secs(1))?,
    };
    Ok(positive(time).map_or(Keep::All, Keep::For))
}

fn count(properties: &Properties, name: &str, default: usize) -> Result<usize> {
    match properties.parse::<usize>(name)? {
        Some(0) => Err(Error::configuration(format!("{name}: must be at least 1"))),
        value => Ok(value.unwrap_or(default)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(&pairs.iter().copied().collect(), &context())
    }

    #[tokio::test]
    async fn defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.group, "app");
        assert_eq!((settings.delivery.concurrency, settings.delivery.depth), (10, 100));
        let seconds = Duration::from_secs;
        let again = Again { pending: seconds(15), interval: seconds(60), patience: seconds(60) };
        assert_eq!(settings.delivery.again, Some(again));
        assert_eq!(settings.keep, Keep::All);
    }

    #[tokio::test]
    async fn times_of_redelivery() {
        let again = |pairs: &[(&str, &str)]| read(pairs).unwrap().delivery.again;
        let given = again(&[("processingTimeout", "500"), ("redeliverInterval", "2s")]).unwrap();
        assert_eq!((given.pending, given.patience), (Duration::from_millis(500), Duration::from_millis(500)));
        assert_eq!(given.interval, Duration::from_secs(2));
        assert_eq!(again(&[("processingTimeout", "0")]), None);
        assert_eq!(again(&[("redeliverInterval", "0")]), None);
    }

    #[tokio::test]
    async fn what_is_kept() {
        let keep = |pairs: &[(&str, &str)]| read(pairs).unwrap().keep;
        assert_eq!(keep(&[("maxLenApprox", "100"), ("streamTTL", "1h")]), Keep::Entries(100));
        assert_eq!(keep(&[("streamTTL", "30d")]), Keep::For(30 * DAY));
        assert_eq!(keep(&[("streamTTL", "90")]), Keep::For(Duration::from_secs(90)));
        assert!(read(&[("queueDepth", "0")]).unwrap_err().message().starts_with("queueDepth:"));
    }
}
