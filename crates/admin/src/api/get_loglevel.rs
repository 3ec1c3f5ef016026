//! `GET /api/v1/get_loglevel`: the level of each log that has one, by path.

use serde_json::{Map, Value};

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/get_loglevel",
    methods: Methods::Get,
    help: "the level of each log, by its path",
    handle,
};

fn handle(_: &Request, context: &AdminContext) -> Reply {
    let levels = context.logs.levels().into_iter().map(|(path, level)| (path, Value::from(level)));
    Reply::json(&Value::Object(levels.collect::<Map<_, _>>()))
}
