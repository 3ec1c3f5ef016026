//! `GET /api/v1/explain?method=&url=&header=Name:Value`, or `?service=&method=` of an RPC protocol: what would happen to such a request, on every listener that
//! takes requests or on the one that `listener=` names: which virtual host and why, which routes were tried and why
//! they did not match, and the cluster and hosts behind the one that did. Nothing is sent anywhere.

mod answer;
mod question;

use serde_json::json;

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;
use answer::Explainer;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/explain",
    methods: Methods::Get,
    help: "where a request would go and why: ?method=GET&url=http://host/path&header=Name:Value&listener=NAME, or ?service=a.B&method=c",
    handle,
};

fn handle(request: &Request, context: &AdminContext) -> Reply {
    let question = match question::parse(&request.query) {
        Ok(question) => question,
        Err(why) => return Reply::bad(&why),
    };
    let config = context.live.config();
    let explainer =
        Explainer { live: &*context.live, clusters: context.live.clusters(), head: &question.head };
    match explainer.listeners(&config, question.listener) {
        Ok(listeners) => Reply::pretty(&json!({ "request": question.shown(), "listeners": listeners }), "  "),
        Err(why) => Reply::bad(&why),
    }
}
