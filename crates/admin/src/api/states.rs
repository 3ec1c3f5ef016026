//! `GET /api/v1/states`: the process id and MOSN's number of the state (reference 5.2).

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/states",
    methods: Methods::Get,
    help: "process id and state; 6 is running",
    handle,
};

fn handle(_: &Request, context: &AdminContext) -> Reply {
    Reply::text(format!("pid={}&state={}\n", std::process::id(), context.live.state()))
}
