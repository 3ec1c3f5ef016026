//! Why a process could not start. Each says what to do about it.

use std::io;
use std::path::PathBuf;

use mecha_observe::OpenError;

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A listener's address can't be taken.
    #[error("listener \"{listener}\": cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// Its name.
        listener: String,
        /// Its address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The admin API's address can't be taken.
    #[error("admin: cannot listen on {address}: {source}{}", hint(source))]
    Admin {
        /// Its address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// An address of the runtime's APIs can't be taken.
    #[error("{api}: cannot listen on {address}: {source}{}", api_hint(api, source))]
    Api {
        /// Which.
        api: String,
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A component can't be initialised.
    #[error("{0}")]
    Components(String),
    /// SIGHUP asked for another beginning, and there is nothing to begin with.
    #[error("{0}")]
    NotReloaded(String),
    /// A component that must work can't be loaded any more.
    #[error("a component can't be loaded; the log says why")]
    Failed,
    /// An API call asked for the end at once.
    #[error("a forced shutdown was requested")]
    Forced,
    /// A log can't be opened.
    #[error("{what}: {source}")]
    Log {
        /// Whose log.
        what: String,
        /// Why.
        source: OpenError,
    },
    /// The pid file can't be written.
    #[error("cannot write the pid file {}: {source} (set \"pid\" to a path that can be written)", path.display())]
    Pid {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread or its runtime can't be started.
    #[error("cannot start {what}: {source}")]
    Thread {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A worker ended although nobody asked it to.
    #[error("worker {0} ended by itself; this is a fault of Mecha, its log says more")]
    WorkerLost(usize),
}

/// The same for one of the runtime's, with the flag that chooses its port.
fn api_hint(api: &str, error: &io::Error) -> String {
    let flag = match api {
        "HTTP API" => "--dapr-http-port",
        "gRPC API" => "--dapr-grpc-port",
        "internal gRPC" => "--dapr-internal-grpc-port",
        "metrics" => "--metrics-port",
        "public API" => "--dapr-public-port",
        _ => return hint(error).to_owned(),
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(" (another process listens there: stop it, or choose another port with {flag})")
        }
        _ => hint(error).to_owned(),
    }
}

/// What to do about an address that can't be taken.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (another process listens there: stop it, or choose another port)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need the capability CAP_NET_BIND_SERVICE)",
        io::ErrorKind::AddrNotAvailable => " (no interface of this machine has that address)",
        // Of a socket that is a file: `sun_path` has 108 bytes (unix(7)).
        io::ErrorKind::InvalidInput => " (the path of a socket has at most 107 bytes: name a shorter folder)",
        io::ErrorKind::NotFound => " (the folder of the socket does not exist)",
        _ => "",
    }
}
