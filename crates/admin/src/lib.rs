//! The admin API (MOSN reference, section 4): what the process is doing, why, and a few knobs. A small HTTP/1.1
//! server on the control thread; the app binds it and hands it a view of what runs. It has no authentication, as in
//! MOSN, so it belongs on loopback.

mod api;
mod context;
mod query;
mod reply;
mod request;
mod server;
mod slow;

pub use context::{AdminContext, Live};
pub use server::{Bound, bind};

#[cfg(test)]
mod tests;
