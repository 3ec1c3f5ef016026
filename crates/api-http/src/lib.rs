//! The HTTP surface of Dapr (reference, section 1): takes a request apart, calls `runtime`, writes down what it
//! answers. Nothing here knows what an operation means. The server below it ([`serve()`]) is that of every face.

mod api;
mod call;
mod edge;
mod handlers;
mod page;
mod path;
mod reply;
mod routes;
pub mod serve;

pub use api::{Api, public_router, router};
pub use page::{MetricsPage, metrics_router};
pub use serve::{Serve, ServeOptions, serve};

#[cfg(test)]
mod tests;
