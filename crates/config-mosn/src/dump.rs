//! The model as MOSN's JSON, for `config_dump` of the admin API (reference 4): MOSN's key names, Go's
//! durations, every value that is in effect. A dump loads again to an equal model. Secrets never appear:
//! every public function here ends in [`redact`].

mod cluster;
mod filter;
mod listener;
mod router;

use std::time::Duration;

use mecha_base::duration;
use mecha_config::server::{LogLevel, LogTarget, Roller};
use mecha_config::{Admin, Cluster, Config, Listener, Router, Server};
use serde_json::{Map, Value, json};

/// What stands where a secret would.
const REDACTED: &str = "***REDACTED***";

/// Keys whose values are secrets.
const SECRETS: [&str; 1] = ["private_key"];

/// The whole configuration, as MOSN's `mosn_config`.
pub fn config(config: &Config) -> Value {
    let mut server = server(&config.server);
    server.insert("listeners".to_owned(), config.listeners.iter().map(self::listener).collect());
    server.insert("routers".to_owned(), config.routers.iter().map(self::router).collect());
    let clusters: Value = config.clusters.iter().map(self::cluster).collect();
    let mut top = Map::new();
    top.insert("servers".to_owned(), json!([server]));
    top.insert("cluster_manager".to_owned(), json!({ "clusters": clusters }));
    put(&mut top, "admin", config.admin.as_ref().map(admin));
    let pid = config.server.pid_file.as_ref();
    put(&mut top, "pid", pid.map(|path| path.display().to_string()));
    redacted(Value::Object(top))
}

/// One listener.
pub fn listener(listener: &Listener) -> Value {
    redacted(listener::listener(listener))
}

/// One router, its virtual hosts inline.
pub fn router(router: &Router) -> Value {
    redacted(router::router(router))
}

/// One cluster.
pub fn cluster(cluster: &Cluster) -> Value {
    redacted(cluster::cluster(cluster))
}

/// Puts `***REDACTED***` in the place of every secret, however deep.
pub fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(entries) => {
            for (key, value) in entries {
                let secret = SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(key));
                match value {
                    Value::Null => {}
                    _ if secret => *value = Value::from(REDACTED),
                    _ => redact(value),
                }
            }
        }
        _ => {}
    }
}

fn redacted(mut value: Value) -> Value {
    redact(&mut value);
    value
}

fn server(server: &Server) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, "mosn_server_name", filled(&server.name));
    put(&mut out, "default_log_path", Some(log_target(&server.log)));
    put(&mut out, "default_log_level", Some(level(server.log_level)));
    put(&mut out, "global_log_roller", Some(roller(&server.log_roller)));
    put(&mut out, "graceful_timeout", Some(duration::to_text(server.graceful_timeout)));
    put(&mut out, "processor", Some(server.workers.map_or(Value::from("auto"), Value::from)));
    out
}

fn admin(admin: &Admin) -> Value {
    let address = admin.address.ip().to_string();
    json!({ "address": { "socket_address": { "address": address, "port_value": admin.address.port() } } })
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Off => "OFF",
        LogLevel::Fatal => "FATAL",
        LogLevel::Error => "ERROR",
        LogLevel::Warn => "WARN",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
        LogLevel::Trace => "TRACE",
    }
}

fn roller(roller: &Roller) -> String {
    match roller {
        Roller::Time { hours } => format!("time={hours}"),
        Roller::Size { megabytes, days, keep, compress } => {
            let compress = if *compress { "on" } else { "off" };
            format!("size={megabytes} age={days} keep={keep} compress={compress}")
        }
    }
}

/// A log path as the configuration writes it.
fn log_target(target: &LogTarget) -> String {
    match target {
        LogTarget::Stdout => "stdout".to_owned(),
        LogTarget::Stderr => "stderr".to_owned(),
        LogTarget::File(path) => path.display().to_string(),
    }
}

/// Adds a key that has a value.
fn put(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), value.into());
    }
}

/// A text, unless it is empty.
fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A timeout that can be switched off: then it is "0s".
fn or_never(timeout: Option<Duration>) -> String {
    duration::to_text(timeout.unwrap_or_default())
}
