//! From a configuration to running things: `Config` becomes [`Bound`] (every address and file is taken, nothing
//! runs yet) and then a running process, until a signal ends it. The binary calls [`run`].

mod base;
mod bound;
mod clusters;
mod control;
mod discovery;
mod error;
mod live;
mod pid;
mod process;
mod sidecar;
mod signals;
mod workers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mecha_component::Drivers;
use mecha_config::Config;
use mecha_config::server::LogLevel;
use mecha_net::Address;
use tokio::sync::watch;

pub use base::Base;
pub use bound::Bound;
pub use error::AppError;

/// What the command line adds to the configuration.
#[derive(Clone, Default)]
pub struct Options {
    /// How many data workers; wins over the configuration.
    pub workers: Option<usize>,
    /// The least severe level that is logged; wins over the configuration.
    pub log_level: Option<LogLevel>,
    /// The file that the configuration came from, for messages.
    pub config_file: Option<PathBuf>,
    /// Of this program, without a `v`.
    pub version: &'static str,
    /// The drivers that are compiled in.
    pub drivers: Drivers,
    /// Ends the process when it becomes true, in place of SIGTERM, SIGINT and SIGHUP, which somebody else looks after then.
    pub end: Option<watch::Receiver<bool>>,
    /// Files and folders whose change makes the runtime load anew; none = it does not look.
    pub watch: Vec<PathBuf>,
    /// What was found before the log was open.
    pub notices: Vec<Notice>,
    /// Told once everything listens.
    pub ready: Option<Sender<Ready>>,
}

/// Gives the configuration anew; the error says why it can't be had.
pub type Load = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// Something to be logged once the log is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A milestone.
    Info(String),
    /// Something odd.
    Warning(String),
}

impl Notice {
    fn log(&self) {
        match self {
            Notice::Info(text) => tracing::info!("{text}"),
            Notice::Warning(text) => tracing::warn!("{text}"),
        }
    }
}

/// Where the process listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Each listener's name and address.
    pub listeners: Vec<(String, Address)>,
    /// Each API of the runtime and its address.
    pub apis: Vec<(String, Address)>,
    /// The admin API's address.
    pub admin: Option<SocketAddr>,
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request in flight was finished.
    Drained,
    /// Some were cut: the graceful timeout passed, or the signal asked for it.
    Cut,
    /// Every request in flight was finished; SIGHUP asks for a new beginning in the same process.
    Restart,
}

/// Runs a validated configuration on this thread and its workers until a signal ends it.
///
/// # Errors
/// When an address or a file can't be taken, or a thread can't be started; nothing runs then.
pub fn run(config: Config, options: &Options) -> Result<Ended, AppError> {
    let load: Load = Arc::new(|| Err("there is nothing to load again".to_owned()));
    run_restarting(config, options, &load)
}

/// As [`run`], beginning anew in the same process, with the same log and counters, each time SIGHUP or a change of its
/// files asks for it. `load` gives the configuration then.
///
/// # Errors
/// As [`run`].
pub fn run_restarting(first: Config, options: &Options, load: &Load) -> Result<Ended, AppError> {
    let base = Base::new(&first, options)?;
    for notice in &options.notices {
        notice.log();
    }
    let (mut config, mut signals) = (Ok(first), None);
    let ended = loop {
        let next = match config {
            Ok(next) => next,
            Err(error) => break Err(AppError::NotReloaded(error)),
        };
        match Bound::take(next, &base, options).and_then(|bound| bound.run(options, load, &mut signals)) {
            Ok(Ended::Restart) => config = load(),
            ended => break ended,
        }
    };
    if let (Err(error), true) = (&ended, base.has_runtime) {
        tracing::error!("Fatal error from runtime: {error}");
    }
    base.finish();
    ended
}

/// Opens the log as the configuration says, writes the reason why nothing runs, and closes it.
pub fn refuse(config: &Config, options: &Options, reason: &str) {
    match Base::new(config, options) {
        Ok(base) => {
            tracing::error!("Fatal error from runtime: {reason}");
            base.finish();
        }
        Err(error) => {
            let _ =
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("mecha: {reason}; {error}\n"));
        }
    }
}
