//! Which reason a reset is passed on with.

use h2::Reason;
use mecha_base::{Error, Kind};

/// The reason to reset a client's stream with after `error`: the upstream's own when it gave one.
pub fn reason_for(error: &Error) -> Reason {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    match (cause.and_then(h2::Error::reason), error.kind()) {
        (Some(reason), Kind::UpstreamReset) if reason != Reason::NO_ERROR => reason,
        (_, Kind::BadRequest(_)) => Reason::PROTOCOL_ERROR,
        (_, Kind::ClientGone | Kind::Timeout | Kind::StreamIdle) => Reason::CANCEL,
        (_, Kind::Shutdown) => Reason::REFUSED_STREAM,
        _ => Reason::INTERNAL_ERROR,
    }
}
