//! The gRPC face of the runtime: Dapr's API as a service, the server that other runtimes call, and the application when
//! it speaks gRPC. Messages are decoded here and nothing is decided: what an operation means is in `runtime`.

mod channel;
mod control;
mod detail;
mod dispatch;
mod gate;
mod headers;
mod internal;
mod invoke;
mod json;
mod proto;
mod proxy;
mod publish;
mod reflection;
mod rpc;
mod secrets;
mod server;
mod state;
mod status;
mod subscribe;
mod watch;

pub use channel::GrpcChannel;
pub use internal::internal_router;
pub use server::router;
