//! Calls from one runtime to another, over real connections: what the application gets, what the caller gets, and that
//! bodies stream both ways.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy.toml lets test functions panic; these are their helpers"
)]

mod bodies;
mod failures;
mod grpc;
mod heads;
mod kit;
mod policies;
mod services;
mod unary;
