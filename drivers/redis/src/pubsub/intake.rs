//! What brings messages into the queue of a subscription: new ones are read as they come, pending ones that nobody holds
//! are claimed from time to time, and what is here is held.

use std::time::Duration;

use mecha_component::Result;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::hand::{Hand, Hands};
use super::options::Again;
use super::stream::{Pending, Read, Stream};
use crate::link::Link;

/// How long a read waits for messages before it asks again.
pub(crate) const BLOCK: Duration = Duration::from_secs(5);
/// The pause after a failed read, doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often what is here is held, in the time after which others may take it.
const HOLDS: u32 = 3;

/// The way into the queue.
pub(super) struct Intake<'a> {
    pub(super) stream: &'a Stream,
    pub(super) reading: &'a Link,
    pub(super) hands: &'a Hands,
    pub(super) queue: mpsc::Sender<Hand>,
}

impl Intake<'_> {
    /// Reads for as long as it is polled.
    pub(super) async fn read(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            // No more than there is room for: what waits in Redis can go to another process.
            let Ok(place) = self.queue.reserve().await else { return };
            let room = self.queue.capacity() + 1;
            drop(place);
            match self.stream.read(self.reading, room, BLOCK).await {
                Ok(Read::Entries(entries)) => {
                    pause = FIRST_PAUSE;
                    for entry in entries {
                        if let Some(hand) = self.hands.take(entry)
                            && self.queue.send(hand).await.is_err()
                        {
                            return;
                        }
                    }
                    continue;
                }
                Ok(Read::NoGroup) => {
                    tracing::warn!(
                        "topic {}: the consumer group {} is gone, so Redis lost data or somebody deleted it; making it anew",
                        self.stream.topic,
                        self.stream.group
                    );
                    match self.stream.make_group().await {
                        Ok(()) => continue,
                        Err(error) => tracing::warn!("topic {}: {error}", self.stream.topic),
                    }
                }
                // The link says by itself that it is broken.
                Err(error) if error.is_transient() => tracing::debug!("topic {}: {error}", self.stream.topic),
                Err(error) => tracing::error!("topic {}: {error}", self.stream.topic),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.reading.up().await;
        }
    }

    /// Claims what nobody holds, at once and then at every interval.
    pub(super) async fn reclaim(&self, again: Again) {
        let mut ticks = interval(again.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.reclaim_all(again.pending).await {
                tracing::warn!("topic {}: pending messages can't be claimed now: {error}", self.stream.topic);
            }
        }
    }

    /// Tells Redis what is here, so that no other process takes it.
    pub(super) async fn hold(&self, again: Again) {
        let period = (again.pending / HOLDS).max(Duration::from_millis(1));
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let ids = self.hands.ids();
            if !ids.is_empty()
                && let Err(error) = self.stream.set_idle(&ids, Duration::ZERO).await
            {
                tracing::debug!("topic {}: messages can't be held: {error}", self.stream.topic);
            }
        }
    }

    async fn reclaim_all(&self, pending: Duration) -> Result<()> {
        let mut start = "-".to_owned();
        let begun = Instant::now();
        loop {
            let Ok(place) = self.queue.reserve().await else { return Ok(()) };
            let room = self.queue.capacity() + 1;
            drop(place);
            let page = self.stream.pending(&start, room).await?;
            let Some(last) = page.last() else { return Ok(()) };
            start = after(&last.id);
            // What became pending since the round began is not looked at, or a busy stream would have no end.
            let limit = pending.max(begun.elapsed());
            let due = |message: &&Pending| message.idle >= limit && !self.hands.has(&message.id);
            let ids: Vec<_> = page.iter().filter(due).map(|message| message.id.clone()).collect();
            if !ids.is_empty() {
                self.take(ids, pending).await?;
            }
            if page.len() < room {
                return Ok(());
            }
        }
    }

    async fn take(&self, mut ids: Vec<String>, pending: Duration) -> Result<()> {
        let claimed = self.stream.claim(&ids, pending).await?;
        ids.retain(|id| !claimed.iter().any(|entry| entry.id == *id));
        for entry in claimed {
            if let Some(hand) = self.hands.take(entry)
                && self.queue.send(hand).await.is_err()
            {
                return Ok(());
            }
        }
        self.stream.forget_deleted(&ids).await
    }
}

/// The smallest id after `id`.
fn after(id: &str) -> String {
    let (time, number) = id.split_once('-').unwrap_or((id, "0"));
    match number.parse::<u64>().unwrap_or(u64::MAX).checked_add(1) {
        Some(next) => format!("{time}-{next}"),
        None => format!("{}-0", time.parse::<u64>().unwrap_or(u64::MAX).saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn ids_follow_each_other() {
        assert_eq!(after("1700000000000-0"), "1700000000000-1");
        assert_eq!(after("5-18446744073709551615"), "6-0");
    }
}
