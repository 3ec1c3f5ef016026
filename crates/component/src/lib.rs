//! Building blocks: what a driver is asked for, whatever system is behind it. A driver holds its configuration, a
//! connection, the operations and the mapping of errors; keys, scopes, retries, metrics and events belong to
//! `runtime`, which calls drivers through the `Dyn` forms here. The binary names the drivers that are compiled in.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod error;
pub mod features;
pub mod memory;
pub mod properties;
pub mod pubsub;
pub mod registry;
pub mod secrets;
pub mod state;

pub use error::{Error, ErrorKind, Result};
pub use features::{Feature, Features};
pub use properties::Properties;
pub use registry::{Context, Driver, Drivers};

/// A future on the heap, as the `Dyn` forms return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;
