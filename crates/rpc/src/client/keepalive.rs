//! Asks a host that says nothing whether it is there, and gives up on one that does not answer.

use std::time::Duration;

use tokio::time::Instant;

/// When heartbeats are sent, and when there were too many without an answer. The defaults are MOSN's (MOSN reference 2.4):
/// 15 s, 1 s and 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// A host is asked when it has said nothing for so long.
    pub interval: Duration,
    /// How long it may take to say anything then.
    pub timeout: Duration,
    /// So many heartbeats one after the other without an answer end the connection.
    pub failures: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        KeepAlive { interval: Duration::from_secs(15), timeout: Duration::from_secs(1), failures: 6 }
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Heartbeat,
    GiveUp,
}

/// Where a connection stands.
pub(super) struct Pulse {
    options: KeepAlive,
    /// When something came, or a heartbeat was sent if that is later.
    since: Instant,
    asked: bool,
    failures: u32,
}

impl Pulse {
    pub(super) fn new(options: KeepAlive, now: Instant) -> Self {
        Pulse { options, since: now, asked: false, failures: 0 }
    }

    /// The host said something.
    pub(super) fn heard(&mut self, now: Instant) {
        (self.since, self.asked, self.failures) = (now, false, 0);
    }

    /// When [`Self::due`] is to be asked next.
    pub(super) fn deadline(&self) -> Instant {
        self.since + if self.asked { self.options.timeout } else { self.options.interval }
    }

    /// What is to be done; a heartbeat counts as sent.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        if self.asked && now >= self.since + self.options.timeout {
            self.asked = false;
            self.failures += 1;
            if self.failures >= self.options.failures {
                return Due::GiveUp;
            }
        }
        if self.asked || now < self.since + self.options.interval {
            return Due::Nothing;
        }
        (self.since, self.asked) = (now, true);
        Due::Heartbeat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn six_heartbeats_without_an_answer_are_enough() {
        let start = Instant::now();
        let mut pulse = Pulse::new(KeepAlive::default(), start);
        assert_eq!(pulse.due(start + 14 * SECOND), Due::Nothing);
        let mut sent = Vec::new();
        let end = loop {
            let now = pulse.deadline();
            match pulse.due(now) {
                Due::Heartbeat => sent.push((now - start).as_secs()),
                Due::GiveUp => break (now - start).as_secs(),
                Due::Nothing => {}
            }
        };
        assert_eq!((sent, end), (vec![15, 30, 45, 60, 75, 90], 91));
    }

    #[test]
    fn whatever_is_heard_starts_over() {
        let start = Instant::now();
        let mut pulse = Pulse::new(KeepAlive::default(), start);
        for round in 1..20 {
            let now = start + round * 16 * SECOND;
            assert_eq!(pulse.due(now), Due::Heartbeat);
            assert_eq!(pulse.due(now + SECOND), Due::Nothing);
            if round % 5 == 0 {
                pulse.heard(now + SECOND / 2);
            }
        }
    }
}
