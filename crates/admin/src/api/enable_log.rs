//! `POST /api/v1/enable_log` with a log's path: it writes again.

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/enable_log",
    methods: Methods::Post,
    help: "let a log write again; the body is its path",
    handle,
};

fn handle(request: &Request, context: &AdminContext) -> Reply {
    switch(request, context, true)
}

/// Switches the log whose path is the body.
pub(super) fn switch(request: &Request, context: &AdminContext, enabled: bool) -> Reply {
    let word = if enabled { "enable" } else { "disable" };
    let Some(path) = request.text() else {
        return Reply::bad(&format!("{word} logger failed: the body is no UTF-8"));
    };
    match context.logs.set_enabled(path, enabled) {
        Ok(()) => {
            tracing::info!("the log {path} is {word}d, as the admin API was asked");
            Reply::text(format!("{word} logger success\n"))
        }
        Err(error) => Reply::bad(&format!("{word} logger failed: {error}")),
    }
}
