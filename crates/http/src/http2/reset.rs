//! Which reason a reset is passed on with.

use h2::Reason;
use mecha_base::{Error, Kind};

/// The reason to reset a client's stream with after `error`: the upstream's own when it reset its stream for one. A
/// part of the response has gone out by then, so "not processed" would be wrong.
pub fn reason_for(error: &Error) -> Reason {
    let reset =
        cause_of(error).filter(|cause| cause.is_reset() && cause.is_remote()).and_then(h2::Error::reason);
    let reset = reset.filter(|reason| !matches!(*reason, Reason::NO_ERROR | Reason::REFUSED_STREAM));
    match (reset, error.kind()) {
        (Some(reason), Kind::UpstreamReset) => reason,
        (_, Kind::BadRequest(_)) => Reason::PROTOCOL_ERROR,
        (_, Kind::ClientGone | Kind::Timeout | Kind::StreamIdle) => Reason::CANCEL,
        (_, Kind::Shutdown) => Reason::REFUSED_STREAM,
        _ => Reason::INTERNAL_ERROR,
    }
}

/// The reason to reset a host's stream with after `error`: the client's own when it reset its stream for one.
pub fn cancel_reason_for(error: &Error) -> Reason {
    let given = cause_of(error).filter(|cause| !cause.is_go_away()).and_then(h2::Error::reason);
    match (given, error.kind()) {
        (Some(reason), Kind::ClientGone) if reason != Reason::NO_ERROR => reason,
        _ => Reason::CANCEL,
    }
}

fn cause_of(error: &Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}
