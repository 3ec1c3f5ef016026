//! `POST /api/v1/update_loglevel` with `{"log_path": "...", "log_level": "DEBUG"}`: changes a log's level.

use mecha_observe::log::level;
use serde_json::Value;

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/update_loglevel",
    methods: Methods::Post,
    help: "change a log's level: {\"log_path\": \"stdout\", \"log_level\": \"DEBUG\"}",
    handle,
};

fn handle(request: &Request, context: &AdminContext) -> Reply {
    match update(request, context) {
        Ok(()) => Reply::text("update logger success\n"),
        Err(why) => Reply::bad(&format!("update logger failed: {why}")),
    }
}

fn update(request: &Request, context: &AdminContext) -> Result<(), String> {
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let text = |key: &str| {
        let value = body.get(key).and_then(Value::as_str);
        value.ok_or_else(|| format!("the body has no text \"{key}\""))
    };
    let (path, name) = (text("log_path")?, text("log_level")?);
    let level = level::parse(name).ok_or_else(|| {
        let names: Vec<_> = level::names().collect();
        format!("there is no level \"{name}\"; there are {}", names.join(", "))
    })?;
    context.logs.set_level(path, level).map_err(|error| error.to_string())?;
    tracing::info!("the log {path} has the level {} now, as the admin API was asked", level::name(level));
    Ok(())
}
