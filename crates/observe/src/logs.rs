//! Every log of the process by its path, which is how the admin API names them (MOSN reference, section 4):
//! levels, switching a log off and on, opening files anew, the counts of lines written and lost, and the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mecha_config::access_log::FormatError;
use mecha_config::server::{LogLevel, LogTarget, Roller};
use mecha_metrics::Registry;
use parking_lot::Mutex;

use crate::log::{LogHandle, level};
use crate::output::{Output, name_of};

/// The logs of the process. Cloning is cheap and shares them.
#[derive(Clone)]
pub struct Logs(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    roller: Roller,
    zone: TimeZone,
    outputs: Mutex<BTreeMap<String, Weak<Output>>>,
    diagnostics: Mutex<Option<LogHandle>>,
}

/// Why a log can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file, its folder or its thread.
    #[error(
        "cannot open the log {path}: {source}; check that its folder exists or can be made, and can be written to"
    )]
    Io {
        /// The log's path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The format of an access log.
    #[error("cannot use the format of the access log {path}: {source}")]
    Format {
        /// The log's path.
        path: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// Another subscriber takes this process' diagnostics already.
    #[error("the log is open already")]
    AlreadyOpen,
}

/// There is no log of this path, or none that has levels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such log as \"{path}\"; there are: {}", known.join(", "))]
pub struct UnknownLog {
    /// The path that was asked for.
    pub path: String,
    /// Those that would do.
    pub known: Vec<String>,
}

impl Logs {
    /// No logs yet. Files will be rotated by `roller`; lines written and lost are counted in `registry`. Times are
    /// those of the machine's zone.
    pub fn new(registry: Arc<Registry>, roller: Roller) -> Self {
        Self::in_zone(registry, roller, TimeZone::system())
    }

    pub(crate) fn in_zone(registry: Arc<Registry>, roller: Roller, zone: TimeZone) -> Self {
        let (outputs, diagnostics) = (Mutex::default(), Mutex::default());
        Logs(Arc::new(Inner { registry, roller, zone, outputs, diagnostics }))
    }

    /// Path and level of every log that has levels, as MOSN's `get_loglevel` lists them.
    pub fn levels(&self) -> BTreeMap<String, &'static str> {
        let diagnostics = self.0.diagnostics.lock();
        diagnostics.iter().map(|log| (log.path().to_owned(), level::name(log.level()))).collect()
    }

    /// Changes the least severe level that the log of this path writes.
    ///
    /// # Errors
    /// When no log with levels has this path: an access log has none.
    pub fn set_level(&self, path: &str, level: LogLevel) -> Result<(), UnknownLog> {
        // Changing the level takes locks of `tracing`, so ours is given back before.
        let found = self.0.diagnostics.lock().clone().filter(|log| log.path() == path);
        match found {
            Some(log) => {
                log.set_level(level);
                Ok(())
            }
            None => Err(UnknownLog { path: path.to_owned(), known: self.levels().into_keys().collect() }),
        }
    }

    /// Switches the log of this path on or off, access logs included. What an off log would have written is not
    /// counted as lost.
    ///
    /// # Errors
    /// When no log that is open has this path.
    pub fn set_enabled(&self, path: &str, enabled: bool) -> Result<(), UnknownLog> {
        let outputs = self.outputs();
        match outputs.iter().find(|output| output.name() == path) {
            Some(output) => {
                output.set_enabled(enabled);
                Ok(())
            }
            None => {
                let known = outputs.iter().map(|output| output.name().to_owned()).collect();
                Err(UnknownLog { path: path.to_owned(), known })
            }
        }
    }

    /// Opens every file anew (SIGUSR1): a tool that rotates logs has moved them away.
    pub fn reopen(&self) {
        for output in self.outputs() {
            output.reopen();
        }
    }

    /// Writes what is queued and ends every log, at most within `limit`; the paths of those that could not be
    /// finished in time. Lines that come later are lost. Blocks; call it when the workers have ended.
    pub fn shutdown(&self, limit: Duration) -> Vec<String> {
        let until = Instant::now() + limit;
        let outputs = self.outputs();
        outputs.iter().for_each(|output| output.close());
        let left =
            outputs.iter().filter(|output| !output.wait(until.saturating_duration_since(Instant::now())));
        left.map(|output| output.name().to_owned()).collect()
    }

    /// Appends the count of lines written and lost of each log in the Prometheus text format, to stand after
    /// [`Registry::prometheus`].
    pub fn prometheus(&self, out: &mut String) {
        let outputs = self.outputs();
        let families = [
            ("log_written_total", "Lines written to a log."),
            ("log_dropped_total", "Lines lost because a log's queue was full or it could not be written."),
        ];
        for (index, (name, help)) in families.into_iter().enumerate() {
            if outputs.is_empty() {
                return;
            }
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
            for output in &outputs {
                let (written, dropped) = output.counts();
                let path = output.name().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let _ =
                    writeln!(out, "{name}{{log=\"{path}\"}} {}", if index == 0 { written } else { dropped });
            }
        }
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.0.registry
    }

    /// The output for a target: the one that is open, or a new one.
    pub(crate) fn output(&self, target: &LogTarget) -> Result<Arc<Output>, OpenError> {
        let path = name_of(target);
        let mut outputs = self.0.outputs.lock();
        if let Some(open) = outputs.get(&path).and_then(Weak::upgrade) {
            return Ok(open);
        }
        outputs.retain(|_, output| output.strong_count() > 0);
        match Output::open(target, &self.0.roller, &self.0.zone) {
            Ok(output) => {
                outputs.insert(path, Arc::downgrade(&output));
                Ok(output)
            }
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    /// Makes the process' own log known to the admin API.
    pub(crate) fn set_diagnostics(&self, log: LogHandle) {
        *self.0.diagnostics.lock() = Some(log);
    }

    fn outputs(&self) -> Vec<Arc<Output>> {
        self.0.outputs.lock().values().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn logs() -> Logs {
        Logs::in_zone(Registry::new(1), Roller::default(), TimeZone::UTC)
    }

    #[test]
    fn one_path_is_one_output() {
        let (folder, logs) = (Folder::new(), logs());
        let target = LogTarget::File(folder.join("a.log"));
        let (one, two) = (logs.output(&target).unwrap(), logs.output(&target).unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(logs.shutdown(Duration::from_secs(30)), Vec::<String>::new());
    }

    #[test]
    fn a_log_is_switched_by_its_path() {
        let (folder, logs) = (Folder::new(), logs());
        let path = folder.join("a.log");
        let output = logs.output(&LogTarget::File(path.clone())).unwrap();
        logs.set_enabled(path.to_str().unwrap(), false).unwrap();
        assert!(!output.is_enabled());
        let unknown = logs.set_enabled("b.log", true).unwrap_err();
        assert_eq!(unknown.known, [path.to_str().unwrap()]);
        assert!(logs.set_level(path.to_str().unwrap(), LogLevel::Debug).is_err());
        drop(output);
        assert!(logs.set_enabled(path.to_str().unwrap(), true).is_err());
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let error = logs().output(&LogTarget::File("/proc/none/a.log".into())).err().unwrap();
        assert!(error.to_string().starts_with("cannot open the log /proc/none/a.log: "), "{error}");
    }

    #[test]
    fn counts_are_prometheus_text() {
        let (folder, logs) = (Folder::new(), logs());
        let output = logs.output(&LogTarget::File(folder.join("a\"b.log"))).unwrap();
        output.count_dropped(3);
        let mut text = String::new();
        logs.prometheus(&mut text);
        let path = folder.join("a\\\"b.log");
        assert!(text.contains(&format!("log_written_total{{log=\"{}\"}} 0\n", path.display())), "{text}");
        assert!(text.contains(&format!("log_dropped_total{{log=\"{}\"}} 3\n", path.display())), "{text}");
    }
}
