//! From a configuration to running things: `Config` becomes [`Bound`] (every address and file is taken, nothing
//! runs yet) and then a running process, until a signal ends it. The binary calls [`run`].

mod base;
mod bound;
mod clusters;
mod control;
mod error;
mod live;
mod pid;
mod process;
mod sidecar;
mod signals;
mod workers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use mecha_component::Drivers;
use mecha_config::Config;
use mecha_config::server::LogLevel;
use mecha_net::Address;

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
    /// Told once everything listens.
    pub ready: Option<Sender<Ready>>,
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
pub fn run(config: Config, options: Options) -> Result<Ended, AppError> {
    run_restarting(config, &options, || None)
}

/// As [`run`], beginning anew in the same process, with the same log and counters, each time SIGHUP asks for it. `load`
/// gives the configuration of each beginning; when it gives none, the process ends with the reason it has logged.
///
/// # Errors
/// As [`run`].
pub fn run_restarting(
    first: Config,
    options: &Options,
    load: impl Fn() -> Option<Config>,
) -> Result<Ended, AppError> {
    let base = Base::new(&first, options)?;
    let mut config = Some(first);
    let ended = loop {
        let Some(next) = config.take() else { break Err(AppError::NotReloaded) };
        match Bound::take(next, &base, options).and_then(|bound| bound.run(options.ready.clone())) {
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
