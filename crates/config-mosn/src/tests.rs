//! Whole configurations: the acceptance case of MOSN's tutorial, good and bad files, files on disk, dumps
//! that load again, garbage.

mod actions;
mod discovery;
mod files;
mod findings;
mod formats;
mod garbage;
mod round_trip;
mod rpc;
mod settings;
mod tutorial;

use mecha_config::Config;

use crate::{Format, parse};

/// The model of a text about which there is nothing to say.
fn clean(text: &str) -> Config {
    let loaded = parse(text, Format::Json, "mosn.json");
    assert_eq!(loaded.diagnostics.to_string(), "", "in:\n{text}");
    loaded.config.unwrap()
}

/// What there is to say about a text, a line each, without the file's name.
fn said(text: &str) -> Vec<String> {
    let all = parse(text, Format::Json, "f").diagnostics.to_string();
    all.lines().map(|line| line.strip_prefix("f:").unwrap_or(line).to_owned()).collect()
}

/// A configuration with one listener, router and cluster, each on lines of its own: `proxy` goes into the
/// proxy's settings (line 4), `listener` into the listener (3), `route` is a route (6), `cluster` goes into
/// the cluster (8).
fn with(proxy: &str, listener: &str, route: &str, cluster: &str) -> String {
    let route = if route.is_empty() { r#"{"route": {"cluster_name": "c"}}"# } else { route };
    format!(
        r#"{{"servers": [{{
"listeners": [
{{"name": "l", "address": "127.0.0.1:2045", "bind_port": true{listener}, "filter_chains": [{{"filters": [
{{"type": "proxy", "config": {{"downstream_protocol": "Http1", "router_config_name": "r"{proxy}}}}}]}}]}}],
"routers": [{{"router_config_name": "r", "virtual_hosts": [{{"name": "v", "domains": ["*"], "routers": [
{route}
]}}]}}]}}],
"cluster_manager": {{"clusters": [{{"name": "c", "hosts": [{{"address": "127.0.0.1:8080"}}]{cluster}}}]}}}}"#
    )
}

fn in_proxy(text: &str) -> String {
    with(&format!(", {text}"), "", "", "")
}

fn in_listener(text: &str) -> String {
    with("", &format!(", {text}"), "", "")
}

fn as_route(text: &str) -> String {
    with("", "", text, "")
}

fn in_cluster(text: &str) -> String {
    with("", "", "", &format!(", {text}"))
}
