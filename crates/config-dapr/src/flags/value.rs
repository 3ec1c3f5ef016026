//! The values of flags: what each kind looks like, and the defaults that out-of-range numbers fall back to, as in Dapr.

use std::time::Duration;

use mecha_base::duration;
use mecha_config::runtime::AppProtocol;
use mecha_config::server::LogLevel;

use super::Mode;
use crate::quantity;

/// `--max-body-size`, in bytes: 4Mi.
pub(super) const MAX_BODY: usize = 4 << 20;
/// `--read-buffer-size`, in bytes: 4Ki.
pub(super) const MAX_HEAD: usize = 4 << 10;
/// `--dapr-graceful-shutdown-seconds`.
pub(super) const GRACEFUL: Duration = Duration::from_secs(5);
/// `--app-health-probe-interval`.
pub(super) const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// `--app-health-probe-timeout`.
pub(super) const HEALTH_TIMEOUT: Duration = Duration::from_millis(500);
/// `--app-health-threshold`.
pub(super) const HEALTH_THRESHOLD: u32 = 3;
/// `--hot-reload-reconcile-interval`.
pub(super) const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

type Value<T> = Result<T, String>;

/// A port; 0 lets the system choose.
pub(super) fn port(text: &str) -> Value<u16> {
    text.trim().parse().map_err(|_| "is not a port from 0 to 65535".to_owned())
}

/// A port, or nothing.
pub(super) fn optional_port(text: &str) -> Value<Option<u16>> {
    if text.trim().is_empty() { Ok(None) } else { port(text).map(Some) }
}

/// A port; nothing and 0 mean that there is none.
pub(super) fn port_unless_zero(text: &str) -> Value<Option<u16>> {
    optional_port(text).map(|port| port.filter(|port| *port != 0))
}

/// A whole number, which may be below zero.
pub(super) fn number(text: &str) -> Value<i64> {
    text.trim().parse().map_err(|_| "is not a whole number".to_owned())
}

/// `number` of `unit`; zero and less mean `default`.
pub(super) fn positive(text: &str, unit: Duration, default: Duration) -> Value<Duration> {
    Ok(match u32::try_from(number(text)?) {
        Ok(0) | Err(_) => default,
        Ok(number) => unit.saturating_mul(number),
    })
}

/// Seconds; less than zero means `default`.
pub(super) fn seconds(text: &str, default: Duration) -> Value<Duration> {
    Ok(u64::try_from(number(text)?).map_or(default, Duration::from_secs))
}

/// A duration in Go's notation.
pub(super) fn duration(text: &str) -> Value<Duration> {
    duration::parse(text.trim()).map_err(|error| error.to_string())
}

/// A duration above zero.
pub(super) fn duration_above_zero(text: &str) -> Value<Duration> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than zero".to_owned()),
        duration => Ok(duration),
    }
}

/// A size in bytes in Kubernetes' notation; less than zero means `default`.
pub(super) fn size(text: &str, default: usize) -> Value<usize> {
    match quantity::parse(text) {
        Some(bytes) if bytes < 0 => Ok(default),
        Some(0) => Err("must be more than zero, for example 4Mi".to_owned()),
        Some(bytes) => usize::try_from(bytes).map_err(|_| "is too much".to_owned()),
        None => Err("is not a size; write bytes or a quantity such as 4Ki, 4Mi, 10M".to_owned()),
    }
}

/// A whole number of `unit` bytes, the notation of older flags; zero and less mean `default`.
pub(super) fn units(text: &str, unit: usize, default: usize) -> Value<usize> {
    Ok(usize::try_from(number(text)?)
        .ok()
        .filter(|number| *number > 0)
        .map_or(default, |n| n.saturating_mul(unit)))
}

/// The parts of a list that commas part.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `--mode`.
pub(super) fn mode(text: &str) -> Value<Mode> {
    match text.trim() {
        "standalone" => Ok(Mode::Standalone),
        "kubernetes" => Ok(Mode::Kubernetes),
        _ => Err("is no mode; there are standalone and kubernetes".to_owned()),
    }
}

/// `--app-protocol`: what is spoken, and whether inside TLS.
pub(super) fn protocol(text: &str) -> Value<(AppProtocol, bool)> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "http" => Ok((AppProtocol::Http, false)),
        "https" => Ok((AppProtocol::Http, true)),
        "h2c" => Ok((AppProtocol::H2c, false)),
        "grpc" => Ok((AppProtocol::Grpc, false)),
        "grpcs" => Ok((AppProtocol::Grpc, true)),
        _ => Err("is no protocol; there are http, https, h2c, grpc and grpcs".to_owned()),
    }
}

/// `--log-level`.
pub(super) fn level(text: &str) -> Value<LogLevel> {
    match text.trim().to_ascii_lowercase().as_str() {
        "debug" => Ok(LogLevel::Debug),
        "info" => Ok(LogLevel::Info),
        "warn" | "warning" => Ok(LogLevel::Warn),
        "error" => Ok(LogLevel::Error),
        "fatal" => Ok(LogLevel::Fatal),
        _ => Err("is no level; there are debug, info, warn, error and fatal".to_owned()),
    }
}

/// `true` or `false` in the forms of Go's `strconv.ParseBool`.
pub(super) fn switch(text: &str) -> Value<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}
