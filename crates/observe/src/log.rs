//! Diagnostics: what the process says about itself through `tracing`, one line each as MOSN writes them:
//! `2006-01-02 15:04:05,000 [INFO] [proxy::exchange] message key=value`. The line is queued, never waited for; the
//! level changes while the process runs.

mod form;
mod layer;
pub mod level;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use mecha_config::Server;
use mecha_config::server::LogLevel;
use tracing::Subscriber;
use tracing_subscriber::Registry as Spans;
use tracing_subscriber::layer::SubscriberExt;

use crate::logs::{Logs, OpenError};
use crate::output::Output;
use form::Form;
use layer::LinesLayer;

/// The process' own log, once it is open.
#[derive(Clone)]
pub struct LogHandle {
    level: Arc<AtomicU8>,
    output: Arc<Output>,
    form: Arc<Form>,
}

/// Opens the log that the configuration describes and makes it the one that the whole process writes to. Call it
/// once, before anything is worth saying.
///
/// # Errors
/// When the log can't be opened, or the process already has one.
pub fn init(server: &Server, logs: &Logs) -> Result<LogHandle, OpenError> {
    let (subscriber, handle) = subscriber(server, logs)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| OpenError::AlreadyOpen)?;
    Ok(handle)
}

/// As [`init`], without making it the process' own.
fn subscriber(server: &Server, logs: &Logs) -> Result<(impl Subscriber + use<>, LogHandle), OpenError> {
    let output = logs.output(&server.log)?;
    output.carry_diagnostics();
    let level = Arc::new(AtomicU8::new(level::index(server.log_level)));
    let handle = LogHandle { level, output, form: Arc::new(Form::new(&server.log_form)) };
    logs.set_diagnostics(handle.clone());
    Ok((Spans::default().with(LinesLayer::new(handle.clone())), handle))
}

impl LogHandle {
    /// MOSN's log path: the file as configured, `stdout` or `stderr`.
    pub fn path(&self) -> &str {
        self.output.name()
    }

    /// The least severe level that is written.
    pub fn level(&self) -> LogLevel {
        level::from_index(self.level.load(Relaxed))
    }

    /// Changes [`LogHandle::level`] for every line from now on.
    pub fn set_level(&self, level: LogLevel) {
        self.level.store(level::index(level), Relaxed);
        // Places that log remember whether anyone listens.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Writes lines again.
    pub fn enable(&self) {
        self.output.set_enabled(true);
    }

    /// Writes no more lines until [`LogHandle::enable`].
    pub fn disable(&self) {
        self.output.set_enabled(false);
    }

    /// Opens the file anew.
    pub fn reopen(&self) {
        self.output.reopen();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;
    use mecha_config::server::{LogForm, LogTarget, Roller};
    use mecha_metrics::Registry;

    use super::*;
    use crate::testing::Folder;

    /// Runs `work` under a log at this level; the lines without their times.
    fn logged(level: LogLevel, work: impl FnOnce(&LogHandle)) -> Vec<String> {
        let lines = written(Server { log_level: level, ..Server::default() }, work);
        lines.iter().map(|line| line.split_at_checked(24).unwrap().1.to_owned()).collect()
    }

    /// Runs `work` under a log of this server; the lines.
    fn written(server: Server, work: impl FnOnce(&LogHandle)) -> Vec<String> {
        let folder = Folder::new();
        let logs = Logs::in_zone(Registry::new(1), Roller::default(), TimeZone::UTC);
        let path = folder.join("mosn.log");
        let server = Server { log: LogTarget::File(path.clone()), ..server };
        let (subscriber, handle) = subscriber(&server, &logs).unwrap();
        tracing::subscriber::with_default(subscriber, || work(&handle));
        assert!(logs.shutdown(Duration::from_secs(30)).is_empty());
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn as_dapr(json: bool) -> Server {
        let (app_id, instance, version) = ("orders".to_owned(), "my host".to_owned(), "1.0".to_owned());
        Server { log_form: LogForm::Dapr { json, app_id, instance, version }, ..Server::default() }
    }

    #[test]
    fn a_line_of_daprs_form_has_its_fields_in_order() {
        let lines = written(as_dapr(false), |_| {
            tracing::warn!(target: "mecha_runtime::loader", "Component \"a\" failed");
            tracing::info!(target: "mecha_api_http", code = 204, method = "GET /a", "ready\nnow");
        });
        let rest: Vec<_> = lines.iter().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(
            rest,
            [
                r#"level=warning msg="Component \"a\" failed" app_id=orders instance="my host" scope=dapr.runtime type=log ver=1.0"#,
                r#"level=info msg="ready\nnow" app_id=orders code=204 instance="my host" method="GET /a" scope=dapr.runtime.http type=log ver=1.0"#,
            ]
        );
        assert!(lines[0].starts_with("time=\"2"), "{}", lines[0]);
    }

    #[test]
    fn daprs_form_may_be_json() {
        let lines = written(as_dapr(true), |_| tracing::error!(target: "mecha_app", "it \"broke\""));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["msg"], "it \"broke\"");
        assert_eq!(line["level"], "error");
        assert_eq!(line["app_id"], "orders");
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_line_has_level_place_message_and_fields() {
        let lines = logged(LogLevel::Info, |_| {
            tracing::info!(target: "mecha_proxy::exchange", port = 2045, host = "a b", "up \"{}\"", 1);
            tracing::debug!("not wanted");
            tracing::error!(target: "h2", "forged\n2026-01-01 [INFO] line");
        });
        assert_eq!(
            lines,
            [
                "[INFO] [proxy::exchange] up \"1\" port=2045 host=\"a b\"",
                "[ERROR] [h2] forged\\x0A2026-01-01 [INFO] line"
            ]
        );
    }

    #[test]
    fn spans_say_what_it_is_about() {
        let lines = logged(LogLevel::Info, |_| {
            let span = tracing::info_span!("listener", name = "in", peer = tracing::field::Empty);
            let _in = span.enter();
            span.record("peer", 7);
            tracing::info_span!("stream").in_scope(|| tracing::warn!(target: "mecha_net", "slow"));
        });
        assert_eq!(lines, ["[WARN] [net] listener{name=\"in\" peer=7}:stream: slow"]);
    }

    #[test]
    fn the_level_changes_at_run_time() {
        let lines = logged(LogLevel::Error, |log| {
            for level in [LogLevel::Error, LogLevel::Debug, LogLevel::Off, LogLevel::Trace] {
                log.set_level(level);
                assert_eq!(log.level(), level);
                tracing::error!(target: "mecha_t", "{level:?}");
                tracing::debug!(target: "mecha_t", "{level:?}");
            }
        });
        assert_eq!(
            lines,
            [
                "[ERROR] [t] Error",
                "[ERROR] [t] Debug",
                "[DEBUG] [t] Debug",
                "[ERROR] [t] Trace",
                "[DEBUG] [t] Trace"
            ]
        );
    }

    #[test]
    fn libraries_tell_of_frames_at_trace_only() {
        let lines = logged(LogLevel::Debug, |log| {
            for level in [LogLevel::Debug, LogLevel::Trace] {
                log.set_level(level);
                tracing::info!(target: "h2::codec", "{level:?}");
                tracing::debug!(target: "h2::codec", "{level:?}");
                tracing::debug!(target: "mecha::run", "{level:?}");
                tracing::debug!(target: "mechanical", "{level:?}");
            }
        });
        assert_eq!(
            lines,
            [
                "[INFO] [h2::codec] Debug",
                "[DEBUG] [mecha::run] Debug",
                "[INFO] [h2::codec] Trace",
                "[DEBUG] [h2::codec] Trace",
                "[DEBUG] [mecha::run] Trace",
                "[DEBUG] [mechanical] Trace"
            ]
        );
    }

    #[test]
    fn a_disabled_log_is_silent() {
        let lines = logged(LogLevel::Info, |log| {
            log.disable();
            tracing::info!(target: "t", "one");
            log.enable();
            tracing::info!(target: "t", "two");
        });
        assert_eq!(lines, ["[INFO] [t] two"]);
    }
}
