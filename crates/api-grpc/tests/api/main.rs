//! The gRPC API as a client sees it: the generated client of the crate `dapr` against the router, with drivers in
//! memory, and an application's gRPC server behind a real worker and its exchange.

#![expect(clippy::unwrap_used, reason = "clippy.toml lets test functions panic; these are their helpers")]

mod app;
mod callback;
mod control;
mod gate;
mod invoke;
mod kit;
mod pubsub;
mod reflection;
mod sdk;
mod secrets;
mod state;
mod watch;
