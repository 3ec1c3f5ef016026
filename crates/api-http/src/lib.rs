//! The HTTP surface of Dapr (reference, section 1): takes a request apart, calls `runtime`, writes down what it
//! answers. Nothing here knows what an operation means.

pub mod serve;

pub use serve::{Serve, ServeOptions, serve};
