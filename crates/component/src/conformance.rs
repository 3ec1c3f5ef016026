//! Suites that hold a driver to what its building block promises (reference 7.2). A driver's tests hand over a connected
//! store or broker; the features it declares choose the cases, and those it does not declare must answer that they are
//! not supported. A failed assertion panics with the case and what was expected. Keys and topics are unique to a run, so a
//! server that others use will do.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed assertion is a panic"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "comparing a value found with one written down reads as it is"
)]

pub mod pubsub;
pub mod secrets;
pub mod state;

use std::sync::atomic::{AtomicU32, Ordering};

/// What a suite did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The cases that ran, in their order.
    pub ran: Vec<&'static str>,
    /// The cases whose feature is not declared; that they are refused was checked instead.
    pub refused: Vec<&'static str>,
}

/// A name that no other run uses.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("conformance-{:x}-{:x}-{count}", crate::state::ttl::now(), std::process::id())
}

/// Checks that an undeclared feature is refused as such.
#[track_caller]
fn refused<T: std::fmt::Debug>(case: &str, result: crate::Result<T>) {
    match result {
        Err(error) if error.kind() == crate::ErrorKind::Unsupported => {}
        other => panic!("[{case}] the feature is not declared, so it must answer Unsupported; got {other:?}"),
    }
}

#[cfg(test)]
mod tests;
