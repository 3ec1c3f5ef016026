//! How a line looks: MOSN's form, whose time the output's thread writes, or Dapr's, in text or JSON, whose fields and
//! order tools rely on (Dapr's reference 5.2).

use std::fmt::Write;
use std::time::SystemTime;

use jiff::Timestamp;
use mecha_config::server::LogForm;
use tracing::Level;

use crate::escape;

/// A field of a line beside its message.
pub(super) struct Pair {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// A string; quoted where it would be taken for something else.
    pub(super) is_text: bool,
}

/// A line.
pub(super) enum Text {
    /// The time is still to be put before it.
    Stamped(String),
    /// It is complete.
    Whole(String),
}

/// How a line looks.
pub(super) enum Form {
    Mosn,
    Dapr { json: bool, app_id: String, instance: String, version: String },
}

/// Places of ours and the scopes that Dapr logs the same by.
const SCOPES: &[(&str, &str)] = &[
    ("runtime", "dapr.runtime"),
    ("app", "dapr.runtime"),
    ("api_http", "dapr.runtime.http"),
    ("api_grpc", "dapr.runtime.grpc"),
    ("driver", "dapr.contrib"),
];

impl Form {
    pub(super) fn new(form: &LogForm) -> Self {
        match form {
            LogForm::Mosn => Form::Mosn,
            LogForm::Dapr { json, app_id, instance, version } => Form::Dapr {
                json: *json,
                app_id: app_id.clone(),
                instance: instance.clone(),
                version: version.clone(),
            },
        }
    }

    /// The line for a message and fields as they came; what could end the line or move a terminal's cursor is escaped.
    pub(super) fn line(
        &self,
        at: SystemTime,
        level: Level,
        target: &str,
        message: &str,
        rest: &[Pair],
    ) -> Text {
        let Form::Dapr { json, app_id, instance, version } = self else {
            let mut text = format!("[{level}] [{target}] ");
            escape::message(message, &mut text);
            let rest = pairs(rest);
            escape::message(if message.is_empty() { rest.trim_start() } else { &rest }, &mut text);
            return Text::Stamped(text);
        };
        let time = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let (time, level, scope) = (format!("{time:.9}"), level_name(level), scope(target));
        let mut fields = vec![
            ("app_id", app_id.as_str()),
            ("instance", instance),
            ("scope", scope),
            ("type", "log"),
            ("ver", version),
        ];
        fields.extend(rest.iter().map(|pair| (pair.name, pair.value.as_str())));
        // The three that come first are in order already, the rest follows the alphabet.
        fields.sort_unstable_by_key(|(name, _)| *name);
        fields.splice(..0, [("time", time.as_str()), ("level", level), ("msg", message)]);
        if *json {
            let line: serde_json::Map<_, _> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            return Text::Whole(serde_json::Value::from(line).to_string());
        }
        let mut text = String::with_capacity(160 + message.len());
        for (name, value) in fields {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{name}=");
            quoted(value, &mut text);
        }
        Text::Whole(text)
    }
}

/// ` name=value name="text"`, as MOSN's form and spans show fields.
pub(super) fn pairs(fields: &[Pair]) -> String {
    let mut text = String::new();
    for Pair { name, value, is_text } in fields {
        let _ = if *is_text { write!(text, " {name}={value:?}") } else { write!(text, " {name}={value}") };
    }
    text
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

fn scope(target: &str) -> &str {
    let place = target.split("::").next().unwrap_or(target);
    let known = SCOPES.iter().find(|(name, _)| place.starts_with(name));
    known.map_or(target, |(_, scope)| scope)
}

/// A value as the text form writes it: in quotes unless it is of plain characters only.
fn quoted(value: &str, out: &mut String) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => escape::message(c.encode_utf8(&mut [0; 4]), out),
        }
    }
    out.push('"');
}
