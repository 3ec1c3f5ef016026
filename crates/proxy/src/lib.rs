//! The middle of the house: the listener manager, the connection manager and the exchange.

pub mod access;
