//! The process: its name, log, workers and the way it ends (MOSN reference 1.2).

use std::path::PathBuf;
use std::time::Duration;

/// What belongs to the process as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// `mosn_server_name`: shown in the admin dump.
    pub name: String,
    /// Where diagnostics go.
    pub log: LogTarget,
    /// How a line of the log looks.
    pub log_form: LogForm,
    /// The least severe level that is written.
    pub log_level: LogLevel,
    /// When the log file is rotated.
    pub log_roller: Roller,
    /// How long in-flight requests may go on after SIGTERM.
    pub graceful_timeout: Duration,
    /// How many data workers; `None` = one per available core.
    pub workers: Option<usize>,
    /// The file that holds the process id; `None` writes none.
    pub pid_file: Option<PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            name: String::new(),
            log: LogTarget::Stdout,
            log_form: LogForm::Mosn,
            log_level: LogLevel::Info,
            log_roller: Roller::default(),
            graceful_timeout: Duration::from_secs(30),
            workers: None,
            pid_file: None,
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogForm {
    /// `2006-01-02 15:04:05,000 [INFO] [place] message key=value`.
    #[default]
    Mosn,
    /// Dapr's: `time=... level=info msg=... app_id=... instance=... scope=... type=log ver=...` (Dapr's reference 5.2).
    Dapr {
        /// The same fields as JSON.
        json: bool,
        /// The application.
        app_id: String,
        /// The host.
        instance: String,
        /// Of this program.
        version: String,
    },
}

/// Where lines are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, opened for appending; missing folders are made.
    File(PathBuf),
}

/// MOSN's log levels, most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing at all.
    Off,
    /// The process can't go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Milestones.
    Info,
    /// Details.
    Debug,
    /// Everything.
    Trace,
}

/// When a log file is rotated (MOSN's `global_log_roller`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roller {
    /// By size: megabytes per file, days and number of old files kept, gzip them.
    Size {
        /// Megabytes after which a new file begins.
        megabytes: u64,
        /// Days that old files are kept.
        days: u32,
        /// How many old files are kept.
        keep: u32,
        /// Whether old files are compressed.
        compress: bool,
    },
    /// By time: a new file every so many hours.
    Time {
        /// Hours per file.
        hours: u32,
    },
}

impl Default for Roller {
    /// Daily, as MOSN does.
    fn default() -> Self {
        Roller::Time { hours: 24 }
    }
}
