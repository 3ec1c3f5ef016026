//! Every flag in one table: its name, the letter that `mecha run` takes for it (that of Dapr's own command line), what
//! it takes and what it says in the help.

use std::path::PathBuf;
use std::time::Duration;

use super::Flags;
use super::value::{self as v, *};

/// A flag.
pub(super) struct Definition {
    /// Without dashes.
    pub(super) name: &'static str,
    /// The letter after one dash, before a command only.
    pub(super) letter: Option<char>,
    /// What it takes.
    pub(super) takes: Takes,
    /// A line of help; empty for flags that are taken and not shown.
    pub(super) help: &'static str,
}

/// What a flag takes, and what becomes of it.
pub(super) enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch(fn(&mut Flags, bool)),
    /// A value of this form.
    Value(&'static str, fn(&mut Flags, &str) -> Result<(), String>),
    /// A switch without effect yet.
    SwitchLater,
    /// A value of this form, without effect yet.
    ValueLater(&'static str, fn(&str) -> Result<(), String>),
    /// Nothing: it asks for something else than to run.
    Instead(Instead),
}

/// What is asked for instead of running, the strongest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Instead {
    Wait,
    BuildInfo,
    Version,
    Help,
}

/// The flag of a name or a letter.
pub(super) fn find(name: &str) -> Option<&'static Definition> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The flag of a letter.
pub(super) fn find_letter(letter: char) -> Option<&'static Definition> {
    FLAGS.iter().find(|flag| flag.letter == Some(letter))
}

const fn value(
    name: &'static str,
    form: &'static str,
    set: fn(&mut Flags, &str) -> Result<(), String>,
    help: &'static str,
) -> Definition {
    Definition { name, letter: None, takes: Takes::Value(form, set), help }
}

const fn switch(name: &'static str, set: fn(&mut Flags, bool), help: &'static str) -> Definition {
    Definition { name, letter: None, takes: Takes::Switch(set), help }
}

const fn later(name: &'static str, form: &'static str, help: &'static str) -> Definition {
    Definition { name, letter: None, takes: Takes::ValueLater(form, |_| Ok(())), help }
}

const fn instead(name: &'static str, instead: Instead, help: &'static str) -> Definition {
    Definition { name, letter: None, takes: Takes::Instead(instead), help }
}

impl Definition {
    const fn or(mut self, letter: char) -> Self {
        self.letter = Some(letter);
        self
    }
}

/// Puts a value where it belongs.
fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    value.map(|value| *place = value)
}

fn text(place: &mut String, value: &str) -> Result<(), String> {
    value.clone_into(place);
    Ok(())
}

fn more(place: &mut Vec<PathBuf>, value: &str) -> Result<(), String> {
    place.extend(path(value));
    Ok(())
}

fn path(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// All flags, in the order of the help.
pub(super) const FLAGS: &[Definition] = &[
    value("app-id", "ID", |f, t| text(&mut f.app_id, t), "Whom the runtime serves; no dots").or('a'),
    value(
        "app-port",
        "PORT",
        |f, t| put(&mut f.app_port, port_unless_zero(t)),
        "Where the application listens",
    )
    .or('p'),
    value(
        "app-protocol",
        "http|h2c|grpc",
        |f, t| protocol(t).map(|(protocol, tls)| (f.app_protocol, f.app_tls) = (protocol, tls)),
        "What the application speaks (http)",
    )
    .or('P'),
    value(
        "app-channel-address",
        "HOST",
        |f, t| text(&mut f.app_address, t),
        "The application's host (127.0.0.1)",
    ),
    value(
        "app-max-concurrency",
        "N",
        |f, t| put(&mut f.app_max_concurrency, number(t).map(|n| u32::try_from(n).ok().filter(|n| *n > 0))),
        "Most calls to the application at once (-1: no limit)",
    ),
    value("dapr-http-port", "PORT", |f, t| put(&mut f.http_port, port(t)), "The HTTP API (3500)").or('H'),
    value("dapr-grpc-port", "PORT", |f, t| put(&mut f.grpc_port, port(t)), "The gRPC API (50001)").or('G'),
    value(
        "dapr-internal-grpc-port",
        "PORT",
        |f, t| put(&mut f.internal_port, port_unless_zero(t)),
        "What other runtimes call (a port from 47300 on, always the same)",
    )
    .or('I'),
    value(
        "dapr-internal-grpc-listen-address",
        "HOST",
        |f, t| text(&mut f.internal_address, t),
        "Where that port listens (everywhere)",
    ),
    value(
        "dapr-listen-addresses",
        "HOST,...",
        |f, t| put(&mut f.listen_addresses, Ok(v::list(t))),
        "Where the APIs listen (everywhere)",
    ),
    value(
        "dapr-public-port",
        "PORT",
        |f, t| put(&mut f.public_port, optional_port(t)),
        "Health and metadata only (none)",
    ),
    value(
        "dapr-public-listen-address",
        "HOST",
        |f, t| text(&mut f.public_address, t),
        "Where that port listens (everywhere)",
    ),
    value(
        "unix-domain-socket",
        "DIR",
        |f, t| put(&mut f.unix_folder, Ok(path(t))),
        "APIs on sockets in a folder",
    )
    .or('u'),
    switch("enable-metrics", |f, on| f.metrics = on, "Prometheus metrics (true)"),
    value("metrics-port", "PORT", |f, t| put(&mut f.metrics_port, port(t)), "Where metrics are (9090)")
        .or('M'),
    value(
        "metrics-listen-address",
        "HOST",
        |f, t| text(&mut f.metrics_address, t),
        "Where that port listens (0.0.0.0)",
    ),
    value(
        "resources-path",
        "DIR",
        |f, t| more(&mut f.resources, t),
        "A folder of resource files; may stand more than once",
    )
    .or('d'),
    value("components-path", "DIR", |f, t| put(&mut f.components, Ok(path(t))), ""),
    value("config", "FILE", |f, t| more(&mut f.config, t), "A Configuration; later ones add to earlier ones")
        .or('c'),
    value(
        "log-level",
        "LEVEL",
        |f, t| put(&mut f.log_level, level(t)),
        "debug, info, warn, error, fatal (info)",
    ),
    switch("log-as-json", |f, on| f.log_as_json = on, "Log lines as JSON"),
    switch("enable-api-logging", |f, on| f.api_logging = Some(on), "Log every call of the APIs"),
    switch("enable-app-health-check", |f, on| f.health_check = on, "Probe the application's health"),
    value(
        "app-health-check-path",
        "PATH",
        |f, t| text(&mut f.health_path, t),
        "What HTTP applications are asked (/healthz)",
    ),
    value(
        "app-health-probe-interval",
        "SECONDS",
        |f, t| put(&mut f.health_interval, positive(t, Duration::from_secs(1), HEALTH_INTERVAL)),
        "How often (5)",
    ),
    value(
        "app-health-probe-timeout",
        "MILLISECONDS",
        |f, t| put(&mut f.health_timeout, positive(t, Duration::from_millis(1), HEALTH_TIMEOUT)),
        "How long an answer may take (500)",
    ),
    value(
        "app-health-threshold",
        "N",
        |f, t| put(&mut f.health_threshold, number(t).map(threshold)),
        "Failures in a row that count (3)",
    ),
    value(
        "disable-init-endpoints",
        "config,subscribe",
        init_endpoints,
        "What the application is not asked at the start",
    ),
    value(
        "max-body-size",
        "SIZE",
        |f, t| put(&mut f.max_body, size(t, MAX_BODY)),
        "Largest request body (4Mi)",
    ),
    value(
        "read-buffer-size",
        "SIZE",
        |f, t| put(&mut f.max_head, size(t, MAX_HEAD)),
        "Largest request head (4Ki)",
    ),
    value(
        "dapr-http-max-request-size",
        "MEGABYTES",
        |f, t| put(&mut f.max_body, units(t, 1 << 20, MAX_BODY)),
        "",
    ),
    value(
        "dapr-http-read-buffer-size",
        "KILOBYTES",
        |f, t| put(&mut f.max_head, units(t, 1 << 10, MAX_HEAD)),
        "",
    ),
    value(
        "allowed-origins",
        "ORIGIN,...",
        |f, t| put(&mut f.allowed_origins, Ok(v::list(t))),
        "Origins that browsers may call from (none; * = all)",
    ),
    value(
        "dapr-graceful-shutdown-seconds",
        "SECONDS",
        |f, t| put(&mut f.graceful_shutdown, seconds(t, GRACEFUL)),
        "How long the end may take (5)",
    ),
    value(
        "dapr-block-shutdown-duration",
        "DURATION",
        |f, t| put(&mut f.block_shutdown, if t.is_empty() { Ok(None) } else { duration(t).map(Some) }),
        "APIs stay so long after the end was asked for",
    ),
    value(
        "hot-reload-reconcile-interval",
        "DURATION",
        |f, t| {
            put(&mut f.reload_interval, duration(t).map(|d| if d.is_zero() { RELOAD_INTERVAL } else { d }))
        },
        "How often resources are read again (60s)",
    ),
    value("mode", "standalone", |f, t| put(&mut f.mode, mode(t)), "Who tells what runs (standalone)"),
    instead("version", Instead::Version, "Print the version"),
    instead("build-info", Instead::BuildInfo, "Print what this program was built from"),
    instead("wait", Instead::Wait, "Wait until a runtime with these flags is ready"),
    instead("help", Instead::Help, "Print this"),
    switch("enable-profiling", |f, on| f.profiling = on, "Taken, not in effect yet"),
    value("profile-port", "PORT", |f, t| put(&mut f.profile_port, port(t)), "Taken, not in effect yet"),
    Definition {
        name: "enable-mtls",
        letter: None,
        takes: Takes::SwitchLater,
        help: "Taken, not in effect yet",
    },
    Definition {
        name: "disable-builtin-k8s-secret-store",
        letter: None,
        takes: Takes::SwitchLater,
        help: "Taken, not in effect yet",
    },
    switch("app-ssl", |f, on| f.app_tls |= on, ""),
    later("control-plane-address", "HOST:PORT", "Taken, not in effect yet"),
    later("sentry-address", "HOST:PORT", "Taken, not in effect yet"),
    later("placement-host-address", "HOST:PORT,...", "Taken, not in effect yet"),
    later("scheduler-host-address", "HOST:PORT,...", "Taken, not in effect yet"),
    later("control-plane-trust-domain", "NAME", "Taken, not in effect yet"),
    later("control-plane-namespace", "NAME", "Taken, not in effect yet"),
    later("sentry-request-jwt-audiences", "NAME,...", "Taken, not in effect yet"),
    Definition {
        name: "scheduler-job-streams",
        letter: None,
        takes: Takes::ValueLater("N", |t| number(t).map(drop)),
        help: "Taken, not in effect yet",
    },
    Definition {
        name: "actors-disseminate-timeout",
        letter: None,
        takes: Takes::ValueLater("DURATION", |t| duration_above_zero(t).map(drop)),
        help: "Taken, not in effect yet",
    },
    Definition {
        name: "app-binding-options-timeout",
        letter: None,
        takes: Takes::ValueLater("DURATION", |t| duration(t).map(drop)),
        help: "Taken, not in effect yet",
    },
    later("reminders-service", "TEXT", ""),
    later("actors-service", "TEXT", ""),
    later("runtime-path", "DIR", ""),
    later("app-health-port", "PORT", ""),
];

fn threshold(number: i64) -> u32 {
    u32::try_from(number).ok().filter(|number| *number > 0).unwrap_or(HEALTH_THRESHOLD)
}

fn init_endpoints(flags: &mut Flags, text: &str) -> Result<(), String> {
    for name in v::list(text) {
        match name.as_str() {
            "config" => flags.init_config = false,
            "subscribe" => flags.init_subscribe = false,
            _ => return Err("names an endpoint that is not asked; there are config and subscribe".to_owned()),
        }
    }
    Ok(())
}
