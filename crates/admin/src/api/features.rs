//! `GET /api/v1/features`: MOSN's feature gates (reference 5.1). None of them opens anything here, so all are false.

use serde_json::{Map, Value};

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/features",
    methods: Methods::Get,
    help: "MOSN's feature gates; ?key=NAME for one",
    handle,
};

const GATES: [&str; 4] = ["MultiTenantMode", "PayLoadLimitEnable", "XdsMtlsEnable", "auto_config"];

fn handle(request: &Request, _: &AdminContext) -> Reply {
    if request.query.names() > 0 {
        return Reply::text("false");
    }
    let gates: Map<_, _> = GATES.iter().map(|gate| ((*gate).to_owned(), Value::Bool(false))).collect();
    Reply::pretty(&gates, " ")
}
