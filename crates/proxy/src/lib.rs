//! The middle of the house: workers, their listeners and connections, and the exchange that every request
//! passes, whatever wire it came in by. `app` builds what runs here; nothing here reads a configuration file.

pub mod access;
mod caller;
mod client;
mod connection;
mod exchange;
mod listener;
mod protocol;
mod snapshot;
mod upstream;
mod worker;

pub use caller::{Call, Caller};
pub use listener::Listener;
pub use snapshot::Snapshot;
pub use worker::{Doorway, Drains, Worker, Workers, run};
