//! What an operation of the application runtime means, whatever wire it came in by: keys, etags, scopes, envelopes,
//! routing of messages, invocation, policies, health. `api-http` and `api-grpc` decode, call here and encode; drivers
//! are called through `component`; everything that goes to another process goes through the exchange (`network`).

pub mod acl;
pub mod body;
pub mod channel;
pub mod clusters;
pub mod components;
pub mod doors;
pub mod error;
mod expression;
pub mod health;
pub mod invoke;
pub mod json;
mod lifecycle;
pub mod loader;
pub mod metadata;
pub mod metrics;
pub mod middleware;
pub mod names;
pub mod network;
pub mod policy;
pub mod publish;
pub mod pubsub;
pub mod runtime;
pub mod secrets;
pub mod shutdown;
pub mod state;
#[cfg(test)]
mod testing;
pub mod trace;

pub use body::Body;
pub use channel::AppChannel;
pub use clusters::Clusters;
pub use components::{Components, Loaded};
pub use error::{ApiError, Detail, GrpcCode};
pub use health::Health;
pub use invoke::{Caller, Invocation};
pub use loader::{Applied, LoadError};
pub use metadata::Metadata;
pub use metrics::Metrics;
pub use network::Network;
pub use policy::{Failure, Policies, Policy, Refused};
pub use publish::{BulkPublishCall, BulkPublishEntry, FailedEntry, PublishCall};
pub use pubsub::{ListedSubscription, StreamAcks, StreamEvent, StreamSubscription, SubscriptionKind};
pub use runtime::{Parts, Runtime};
pub use secrets::Secrets;
pub use shutdown::Shutdown;
pub use state::State;
pub use trace::Trace;
