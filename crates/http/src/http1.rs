//! HTTP/1.0 and HTTP/1.1 connections over the sans-io codec: a server end and a client end, each polled by
//! the exchange that owns it. Neither spawns, neither holds a buffer while nothing is in flight.

mod client;
mod fields;
mod server;
mod target;
mod transport;

pub use client::{ClientConnection, RequestOptions};
pub use mecha_codec::http1::Limits;
pub use server::{Incoming, ServerConnection};

#[cfg(test)]
mod tests;
