//! Connections of RPC protocols, over their codecs in `codec`: the server's end, whose requests are answered in any order,
//! and the client's end, which many requests share.

pub mod client;
pub mod head;
mod reader;
mod sending;
pub mod server;

#[cfg(test)]
mod tests;
