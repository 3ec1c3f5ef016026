//! `POST /api/v1/disable_log` with a log's path: it writes nothing until it is enabled again.

use super::{Endpoint, Methods, enable_log};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/disable_log",
    methods: Methods::Post,
    help: "switch a log off, access logs too; the body is its path",
    handle,
};

/// MOSN's tutorial spells it so (reference, section 4), and readers of it type so.
pub(super) const TUTORIAL: Endpoint = Endpoint { path: "/api/v1/disbale_log", help: "", ..ENDPOINT };

fn handle(request: &Request, context: &AdminContext) -> Reply {
    enable_log::switch(request, context, false)
}
