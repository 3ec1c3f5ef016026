//! What Redis and its client say, as errors of a component: the kind decides about retries, the message names the place
//! and, where it is known, what to do.

use mecha_component::{Error, ErrorKind};
use redis::{RedisError, ServerErrorKind};

use crate::options::{Kind, Options};

/// The answer to a command, or the failure to get one.
pub(crate) fn of(error: &RedisError, options: &Options) -> Error {
    match error.code() {
        Some("NOAUTH") => return login(options, "asks for a password", error),
        Some("WRONGPASS") => return login(options, "refuses the login", error),
        Some("NOPERM") => {
            let text = format!("Redis at {options} does not permit this ({error}): extend the user's ACL");
            return Error::configuration(text);
        }
        Some("MOVED" | "ASK") if options.kind == Kind::Node => {
            let text = format!("Redis at {options} is part of a cluster ({error}): set redisType to cluster");
            return Error::configuration(text);
        }
        _ => {}
    }
    match error.kind() {
        redis::ErrorKind::AuthenticationFailed => login(options, "refuses the login", error),
        redis::ErrorKind::Io if error.is_timeout() => late(options),
        redis::ErrorKind::Io
        | redis::ErrorKind::ClusterConnectionNotFound
        | redis::ErrorKind::MasterNameNotFoundBySentinel
        | redis::ErrorKind::EmptySentinelList => lost(error, options),
        _ if refused_as_a_whole(error) => {
            Error::unavailable(format!("Redis at {options} is not ready: {error}"))
        }
        redis::ErrorKind::InvalidClientConfig => Error::configuration(format!("Redis at {options}: {error}")),
        _ => Error::internal(format!("Redis at {options}: {error}")),
    }
}

/// No connection could be made.
pub(crate) fn unreachable(error: &RedisError, options: &Options) -> Error {
    if error.is_timeout() {
        return silent(options);
    }
    let known = of(error, options);
    if known.kind() == ErrorKind::Configuration {
        return known;
    }
    let what = match &options.kind {
        Kind::Sentinel { master, .. } if error.kind() == redis::ErrorKind::MasterNameNotFoundBySentinel => {
            format!("no Sentinel there knows a master `{master}` that is up: check sentinelMasterName")
        }
        Kind::Sentinel { .. } => "check that the Sentinels run and redisHost names them".to_owned(),
        Kind::Cluster | Kind::Node => "check that it is running and redisHost is right".to_owned(),
    };
    Error::unavailable(format!("cannot connect to Redis at {options}: {error}; {what}"))
}

/// Nobody answered while a connection was made.
pub(crate) fn silent(options: &Options) -> Error {
    Error::unavailable(format!(
        "cannot connect to Redis at {options}: no answer within {:?}; check that redisHost is right and the way there is open",
        options.dial
    ))
}

/// An answer did not come in time.
pub(crate) fn late(options: &Options) -> Error {
    let limit = options.answer.unwrap_or_default();
    let text = format!("Redis at {options} did not answer within {limit:?} (readTimeout, writeTimeout)");
    Error::new(ErrorKind::Timeout, text)
}

/// The component was closed.
pub(crate) fn closed() -> Error {
    Error::unavailable("the component is closed")
}

/// An answer that makes no sense.
pub(crate) fn unexpected(what: &str) -> Error {
    Error::internal(format!("Redis answered {what} in a form that is not known"))
}

/// Whether the server did nothing and may do it later, perhaps another server of the same name.
pub(crate) fn refused_as_a_whole(error: &RedisError) -> bool {
    let redis::ErrorKind::Server(kind) = error.kind() else { return false };
    matches!(
        kind,
        ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask
    )
}

fn login(options: &Options, what: &str, error: &RedisError) -> Error {
    let names = "redisUsername and redisPassword (of a Sentinel: sentinelUsername and sentinelPassword)";
    Error::configuration(format!("Redis at {options} {what} ({error}): check {names}"))
}

fn lost(error: &RedisError, options: &Options) -> Error {
    Error::unavailable(format!("the connection to Redis at {options} is lost: {error}"))
}
