//! `servers[0]`: the process, and the lists it holds (reference 1.2).

use std::path::PathBuf;

use mecha_config::server::{LogLevel, LogTarget, Roller};
use mecha_config::{Listener, Server};
use mecha_document::{Kind, Node, Object};

use super::{Context, listener, router};

/// Most data workers that a configuration may ask for.
const MAX_WORKERS: usize = 1_024;

const LEVELS: [(&str, LogLevel); 8] = [
    ("TRACE", LogLevel::Trace),
    ("DEBUG", LogLevel::Debug),
    ("INFO", LogLevel::Info),
    ("WARN", LogLevel::Warn),
    ("WARNING", LogLevel::Warn),
    ("ERROR", LogLevel::Error),
    ("FATAL", LogLevel::Fatal),
    ("OFF", LogLevel::Off),
];

/// The process.
pub(super) fn server(fields: &Object<'_>, context: &Context<'_>) -> Server {
    let defaults = Server::default();
    // MOSN's second event loop; ours is one by design.
    fields.accept(&["use_netpoll_mode"]);
    Server {
        name: fields.text("mosn_server_name").unwrap_or_default().to_owned(),
        log: match fields.text("default_log_path") {
            Some(path) => log_target(path),
            None => context.log_file("mosn.log").map_or(LogTarget::Stdout, LogTarget::File),
        },
        log_form: defaults.log_form,
        log_level: fields.text_at("default_log_level").and_then(log_level).unwrap_or(defaults.log_level),
        log_roller: fields.text_at("global_log_roller").and_then(roller).unwrap_or(defaults.log_roller),
        graceful_timeout: fields.duration("graceful_timeout").unwrap_or(defaults.graceful_timeout),
        workers: fields.get("processor").and_then(workers),
        pid_file: None,
    }
}

/// The routers, then the listeners, whose inline routers come after those.
pub(super) fn listeners(fields: &Object<'_>, context: &mut Context<'_>) -> Vec<Listener> {
    for node in fields.list("routers") {
        if let Some(router) = node.object() {
            router::router(&router, context);
        }
    }
    fields.each("listeners", |node| listener::listener(node, context))
}

/// Where a log path leads.
pub(super) fn log_target(path: &str) -> LogTarget {
    match path {
        "stdout" | "/dev/stdout" => LogTarget::Stdout,
        "stderr" | "/dev/stderr" => LogTarget::Stderr,
        path => LogTarget::File(PathBuf::from(path)),
    }
}

fn log_level((node, text): (Node<'_>, &str)) -> Option<LogLevel> {
    let level = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if level.is_none() {
        let hint = "known are TRACE, DEBUG, INFO, WARN, ERROR, FATAL and OFF";
        node.warn_with(format!("unknown log level \"{text}\"; INFO is used"), hint);
    }
    level.map(|(_, level)| *level)
}

/// "size=100 age=10 keep=10 compress=off", each optional, or "time=24".
fn roller((node, text): (Node<'_>, &str)) -> Option<Roller> {
    let (mut megabytes, mut days, mut keep, mut compress, mut hours) = (100, 10, 10, false, None);
    for word in text.split_ascii_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let number = value.parse::<u32>().ok();
        match (name, number, value) {
            ("size", Some(number), _) if number > 0 => megabytes = u64::from(number),
            ("age", Some(number), _) => days = number,
            ("keep", Some(number), _) => keep = number,
            ("time", Some(number), _) if number > 0 => hours = Some(number),
            ("compress", _, "on" | "off") => compress = value == "on",
            _ => {
                let hint = "write \"size=100 age=10 keep=10 compress=off\" or \"time=24\"";
                node.error_with(format!("\"{word}\" is no part of a log roller"), hint);
                return None;
            }
        }
    }
    Some(match hours {
        Some(hours) => Roller::Time { hours },
        None => Roller::Size { megabytes, days, keep, compress },
    })
}

/// A number, a number in a string, or "auto"; zero is "auto" too.
fn workers(node: Node<'_>) -> Option<usize> {
    let number = match node.kind() {
        Kind::Text if matches!(node.text(), "" | "auto") => return None,
        Kind::Text | Kind::Number => node.text().parse::<usize>().ok(),
        _ => None,
    };
    if number.is_none_or(|number| number > MAX_WORKERS) {
        let message = format!("expected \"auto\" or a number of workers up to {MAX_WORKERS}");
        node.error(message);
        return None;
    }
    number.filter(|number| *number > 0)
}
