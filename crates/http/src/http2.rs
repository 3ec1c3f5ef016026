//! HTTP/2 connections (cleartext, prior knowledge) over the `h2` crate: a server end that gives a stream
//! for each request, and a client end whose driver runs beside the requests that share it.

mod client;
mod head;
mod io;
mod reset;
mod sending;
mod server;

pub use client::{ClientConnection, ClientStream, Driver};
pub use io::Traffic;
pub use reset::{cancel_reason_for, reason_for};
pub use server::{ServerConnection, ServerOptions, ServerStream};

#[cfg(test)]
mod tests;
