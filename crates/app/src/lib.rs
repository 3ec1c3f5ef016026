//! From a configuration to running things: `Config` becomes [`Bound`] (every address and file is taken, nothing
//! runs yet) and then a running process, until a signal ends it. The binary calls [`run`].

mod bound;
mod control;
mod error;
mod live;
mod pid;
mod workers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use mecha_config::Config;
use mecha_config::server::LogLevel;
use mecha_net::Address;

pub use bound::Bound;
pub use error::AppError;

/// What the command line adds to the configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many data workers; wins over the configuration.
    pub workers: Option<usize>,
    /// The least severe level that is logged; wins over the configuration.
    pub log_level: Option<LogLevel>,
    /// The file that the configuration came from, for messages.
    pub config_file: Option<PathBuf>,
    /// Of this program, without a `v`.
    pub version: &'static str,
    /// Told once everything listens.
    pub ready: Option<Sender<Ready>>,
}

/// Where the process listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Each listener's name and address.
    pub listeners: Vec<(String, Address)>,
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
}

/// Runs a validated configuration on this thread and its workers until a signal ends it.
///
/// # Errors
/// When an address or a file can't be taken, or a thread can't be started; nothing runs then.
pub fn run(config: Config, options: Options) -> Result<Ended, AppError> {
    Bound::take(config, &options)?.run(options.ready)
}
