//! Calls from one runtime to another, over real connections: what the application gets, what the caller gets, and that
//! bodies stream both ways.

mod bodies;
mod failures;
mod grpc;
mod heads;
mod kit;
mod unary;
