//! `/api/v1/plugin?enable=|disable=|status=NAME`: control of MOSN's plugin processes. There are none here, so it
//! answers as MOSN does when none is registered.

use hyper::StatusCode;

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/plugin",
    methods: Methods::Either,
    help: "plugin processes; there are none",
    handle,
};

const USAGE: &str = "Usage:\n/plugin?status=all\n/plugin?status=pluginname\n/plugin?enable=pluginname\n/plugin?disable=pluginname\n";

fn handle(request: &Request, _: &AdminContext) -> Reply {
    let named =
        |verb: &'static str| request.query.get(verb).filter(|name| !name.is_empty()).map(|name| (verb, name));
    match named("enable").or_else(|| named("disable")).or_else(|| named("status")) {
        // The list of no plugins.
        Some(("status", "all")) => Reply::text("\n"),
        Some((_, name)) => {
            Reply::text(format!("plugin {name} no register\n")).with_status(StatusCode::BAD_REQUEST)
        }
        None => Reply::text(USAGE).with_status(StatusCode::BAD_REQUEST),
    }
}
