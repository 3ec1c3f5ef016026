//! What an operation of the application runtime means, whatever wire it came in by: keys, etags, scopes, envelopes,
//! routing of messages, invocation, policies, health. `api-http` and `api-grpc` decode, call here and encode; drivers
//! are called through `component`; everything that goes to another process goes through the exchange (`network`).

pub mod body;
pub mod channel;
pub mod components;
pub mod error;
pub mod health;
pub mod loader;
pub mod metadata;
pub mod metrics;
pub mod network;
pub mod policy;
pub mod publish;
pub mod pubsub;
pub mod runtime;
pub mod secrets;
pub mod shutdown;
pub mod state;

pub use body::Body;
pub use channel::AppChannel;
pub use components::{Components, Loaded};
pub use error::{ApiError, Detail, GrpcCode};
pub use health::Health;
pub use loader::{Applied, LoadError};
pub use metadata::Metadata;
pub use metrics::Metrics;
pub use network::Network;
pub use policy::{Failure, Policies, Policy, Refused};
pub use publish::{BulkPublishCall, BulkPublishEntry, FailedEntry, PublishCall, Trace};
pub use pubsub::{ListedSubscription, StreamAcks, StreamEvent, StreamSubscription, SubscriptionKind};
pub use runtime::{Parts, Runtime};
pub use secrets::Secrets;
pub use shutdown::Shutdown;
pub use state::State;
