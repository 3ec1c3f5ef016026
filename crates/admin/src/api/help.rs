//! `GET /`: the paths there are.

use super::{ENDPOINTS, Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint { path: "/", methods: Methods::Get, help: "", handle };

fn handle(_: &Request, _: &AdminContext) -> Reply {
    Reply::text(list())
}

/// MOSN's list has a path a line; ours says behind it what the path is for.
pub(super) fn list() -> String {
    let mut out = "supported APIs:\n".to_owned();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.help.is_empty()) {
        out.push_str(&format!("{:<24} {:<5} {}\n", endpoint.path, endpoint.methods.short(), endpoint.help));
    }
    out
}

impl Methods {
    fn short(self) -> &'static str {
        match self {
            Methods::Post => "POST",
            Methods::Get | Methods::Either => "GET",
        }
    }
}
