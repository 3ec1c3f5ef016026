//! The options of the state API as text (reference 1.4). What is no option is an error of the operation, not of the
//! request: Dapr's stores find it.

use mecha_component::state::{Concurrency, Consistency};
use mecha_component::{Error, Result};

/// Reads `first-write` or `last-write`; nothing is the latter.
///
/// # Errors
/// Anything else; answer it as a failure of the operation, for example by [`crate::ApiError::state_save`].
pub fn concurrency(text: &str) -> Result<Concurrency> {
    match text {
        "" | "last-write" => Ok(Concurrency::LastWrite),
        "first-write" => Ok(Concurrency::FirstWrite),
        _ => Err(Error::invalid(format!("unrecognized concurrency model '{text}'"))),
    }
}

/// Reads `strong` or `eventual`; nothing is the latter.
///
/// # Errors
/// Anything else, as for [`concurrency`]. Reads take it for `eventual` instead: no store of Dapr looks.
pub fn consistency(text: &str) -> Result<Consistency> {
    match text {
        "" | "eventual" => Ok(Consistency::Eventual),
        "strong" => Ok(Consistency::Strong),
        _ => Err(Error::invalid(format!("unrecognized consistency model '{text}'"))),
    }
}
