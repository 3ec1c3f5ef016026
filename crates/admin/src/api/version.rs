//! `GET /api/v1/version`: which version runs.

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint =
    Endpoint { path: "/api/v1/version", methods: Methods::Get, help: "which version runs", handle };

/// The words are MOSN's, since its tools look for them.
fn handle(_: &Request, context: &AdminContext) -> Reply {
    Reply::text(format!("mosn version: {}\n", context.version))
}
