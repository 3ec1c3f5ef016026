//! `GET /api/v1/config_dump`: the configuration in effect, as MOSN's JSON. Whole, or one part by a parameter. The
//! dump module takes the secrets out.

use hyper::StatusCode;
use mecha_config::Config;
use mecha_config_mosn::dump;
use serde_json::{Map, Value, json};

use super::{Endpoint, Methods};
use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/config_dump",
    methods: Methods::Get,
    help: "configuration; ?mosnconfig, ?allrouters, ?allclusters, ?alllisteners, ?router=, ?cluster=, ?listener=",
    handle,
};

const INDENT: &str = " ";

fn handle(request: &Request, context: &AdminContext) -> Reply {
    let config = context.live.config();
    match (request.query.names(), request.query.first()) {
        (0, _) => Reply::pretty(&whole(&config), INDENT),
        (1, Some((key, name))) => match part(&config, key, name) {
            Some(value) => Reply::pretty(&value, INDENT),
            None => Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        },
        _ => Reply::text("only support one parameter").with_status(StatusCode::BAD_REQUEST),
    }
}

fn whole(config: &Config) -> Value {
    json!({
        "mosn_config": dump::config(config),
        "listener": listeners(config),
        "cluster": clusters(config),
        "routers": routers(config),
        "extends": {},
    })
}

/// One part; `None` when there is none of this name.
fn part(config: &Config, key: &str, name: &str) -> Option<Value> {
    match key {
        "mosnconfig" => Some(dump::config(config)),
        "allrouters" => Some(routers(config)),
        "allclusters" => Some(clusters(config)),
        "alllisteners" => Some(listeners(config)),
        "router" => config.routers.iter().find(|router| router.name == name).map(dump::router),
        "cluster" => config.clusters.iter().find(|cluster| cluster.name == name).map(dump::cluster),
        "listener" => config.listeners.iter().find(|listener| listener.name == name).map(dump::listener),
        _ => None,
    }
}

fn listeners(config: &Config) -> Value {
    by_name(config.listeners.iter().map(|listener| (&listener.name, dump::listener(listener))))
}

fn clusters(config: &Config) -> Value {
    by_name(config.clusters.iter().map(|cluster| (&cluster.name, dump::cluster(cluster))))
}

fn routers(config: &Config) -> Value {
    by_name(config.routers.iter().map(|router| (&router.name, dump::router(router))))
}

fn by_name<'a>(entries: impl Iterator<Item = (&'a String, Value)>) -> Value {
    Value::Object(entries.map(|(name, value)| (name.clone(), value)).collect::<Map<_, _>>())
}
