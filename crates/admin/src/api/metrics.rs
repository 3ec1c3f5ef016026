//! `GET /metrics`: everything counted, in the Prometheus text format 0.0.4.

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint =
    Endpoint { path: "/metrics", methods: Methods::Get, help: "Prometheus metrics", handle };

const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

fn handle(_: &Request, context: &AdminContext) -> Reply {
    let mut text = String::new();
    context.registry.prometheus(&mut text);
    context.logs.prometheus(&mut text);
    Reply::text(text).with_kind(KIND)
}
