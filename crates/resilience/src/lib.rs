//! What keeps a request alive or ends it in time: timeouts, retries, back-off, circuit breakers, the replay of a body,
//! and how gRPC is told of a failure. Pure: no clock, no socket, no task; randomness is handed in. The exchange and the
//! runtime's policies call in here.

pub mod backoff;
pub mod breaker;
pub mod grpc;
pub mod replay;
pub mod retry;
pub mod timeout;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerOptions, BreakerState, Counts, Permit, Rejection};
pub use grpc::GrpcStatus;
pub use replay::Replay;
pub use retry::{Decision, Progress, RetryState};
pub use timeout::Timeouts;
