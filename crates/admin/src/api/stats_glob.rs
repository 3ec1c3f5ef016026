//! `GET /api/v1/stats_glob`: the sums over all listeners.

use super::{Endpoint, Methods, stats};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/stats_glob",
    methods: Methods::Get,
    help: "MOSN's metrics of all listeners together, a line each",
    handle,
};

fn handle(_: &Request, context: &AdminContext) -> Reply {
    Reply::text(stats::lines(&context.registry.mosn_glob()))
}
