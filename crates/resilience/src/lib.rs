//! What keeps a request alive or ends it in time: timeouts, retries, the replay of its body, and how gRPC is told of a
//! failure. Pure: no clock, no socket, no task; randomness is handed in. The exchange calls in here.

pub mod grpc;
pub mod replay;
pub mod retry;
pub mod timeout;

pub use grpc::GrpcStatus;
pub use replay::Replay;
pub use retry::{Decision, Progress, RetryState};
pub use timeout::Timeouts;
