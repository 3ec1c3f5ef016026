//! The metrics of the process as a whole. They change rarely and from any thread, so they are plain shared atomics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::stat::{Metric, metrics};

metrics! {
    /// A counter or gauge of the process.
    pub enum ServerStat {
        StartTime Gauge "process_start_time_seconds" "When the process started, in seconds since 1970.";
        Workers Gauge "server_workers" "Worker threads that carry traffic.";
        StateCode Gauge "server_state_code" "State of the process as the admin API reports it; 6 is running.";
        ConfigReloadSuccess Counter "server_config_reload_success_total" "Configuration changes that took effect.";
        ConfigReloadFailed Counter "server_config_reload_failed_total" "Configuration changes that were refused; the last good one stays.";
        AccessLogWritten Counter "access_log_written_total" "Access log lines written.";
        AccessLogDropped Counter "access_log_dropped_total" "Access log lines dropped because the queue was full or the file could not be written.";
        Scopes Gauge "metrics_scopes" "Listeners, clusters and hosts that have metrics of their own.";
        ScopeOverflow Counter "metrics_scope_overflow_total" "Times a listener, cluster or host got the shared metrics named _overflow because there were too many.";
    }
}

const COUNT: usize = <ServerStat as Metric>::COUNT;

/// The values of [`ServerStat`]. Any thread may write; adding is a locked instruction, so nothing that happens for
/// every request belongs here.
#[derive(Debug)]
pub struct ServerStats {
    cells: [AtomicU64; COUNT],
}

impl ServerStats {
    pub(crate) fn new() -> Self {
        let stats = Self { cells: [const { AtomicU64::new(0) }; COUNT] };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        stats.set(ServerStat::StartTime, now);
        stats
    }

    /// Adds one.
    pub fn inc(&self, stat: ServerStat) {
        self.add(stat, 1);
    }

    /// Adds `n`.
    pub fn add(&self, stat: ServerStat, n: u64) {
        if let Some(cell) = self.cells.get(stat.index()) {
            cell.fetch_add(n, Relaxed);
        }
    }

    /// Replaces the value of a gauge.
    pub fn set(&self, stat: ServerStat, value: u64) {
        if let Some(cell) = self.cells.get(stat.index()) {
            cell.store(value, Relaxed);
        }
    }

    /// The value now.
    #[must_use]
    pub fn get(&self, stat: ServerStat) -> u64 {
        self.cells.get(stat.index()).map_or(0, |cell| cell.load(Relaxed))
    }
}
