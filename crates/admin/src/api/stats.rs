//! `GET /api/v1/stats`: what was counted, in MOSN's shape. With `?key=type.label.value` the lines of one entry.

use hyper::StatusCode;

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/stats",
    methods: Methods::Get,
    help: "MOSN's metrics as JSON; ?key=downstream.listener.NAME for one entry",
    handle,
};

fn handle(request: &Request, context: &AdminContext) -> Reply {
    match request.query.names() {
        0 => return Reply::pretty(&context.registry.mosn_stats(), "\t"),
        1 => {}
        _ => return Reply::text("only support one parameter").with_status(StatusCode::BAD_REQUEST),
    }
    let key = request.query.get("key").unwrap_or_default();
    match context.registry.mosn_key(key) {
        Some(values) => Reply::text(lines(&values)),
        None => Reply::text(format!("no metrics key: {key}")),
    }
}

/// A line `key:value` each.
pub(super) fn lines(values: &[(String, String)]) -> String {
    values.iter().map(|(key, value)| format!("{key}:{value}\n")).collect()
}
