//! What the process writes down: diagnostics through `tracing`, and the access log. Both end in the same kind of
//! output: a file or standard stream with a thread of its own behind a bounded queue, so that nobody who logs ever
//! waits for a disk. The app opens everything through [`Logs`]; the admin API turns the knobs on it.

pub mod access;
mod escape;
pub mod log;
mod logs;
mod output;
mod stamp;
#[cfg(test)]
mod testing;

pub use access::{AccessLog, Format};
pub use log::LogHandle;
pub use logs::{Logs, OpenError, UnknownLog};
