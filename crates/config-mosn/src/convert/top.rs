//! The top of the file: which mode it is in, and its sections (reference 1.0, 1.1).

use std::path::PathBuf;

use mecha_config::{Config, Server};
use mecha_document::{Node, Object};

use super::{Context, admin, cluster, server, tls};

/// Sections for whole features: the entry that switches it on (none: anything in it does), and what is
/// missed without it.
const NOT_YET: [(&str, Option<&str>, &str); 8] = [
    ("tracing", Some("enable"), "no trace is recorded"),
    ("metrics", Some("sinks"), "its sinks are not opened; metrics are at GET /metrics of the admin API"),
    ("pprof", Some("debug"), "no profiling server is started"),
    ("plugin", None, "no plugin process is started"),
    ("third_part_codec", None, "no codec is loaded"),
    ("extends", None, "no extension is started"),
    ("wasm_global_plugins", None, "no WebAssembly plugin is loaded"),
    ("inherit_old_mosnconfig", None, "the configuration of an older process is not taken over"),
];

/// The whole file; `None` when it has no shape to go on with.
pub(super) fn config(root: Node<'_>, context: &mut Context<'_>) -> Option<Config> {
    let top = root.object()?;
    top.accept(&["disable_upgrade", "close_graceful", "uds_dir", "node"]);
    let mut config = Config { server: Server::default(), ..Config::default() };
    servers(&top, &mut config, context);
    for (key, switch, consequence) in NOT_YET {
        if let Some(node) = top.get(key).filter(|node| is_on(*node, switch)) {
            node.warn(format!("\"{key}\" is not available yet: {consequence}"));
        }
    }
    config.server.pid_file = top.text("pid").map(PathBuf::from);
    if let Some(manager) = top.object("cluster_manager") {
        tls::refuse(&manager);
        manager.accept(&["cluster_pool_enable"]);
        config.clusters = cluster::clusters(&manager, context);
    }
    config.admin = top.object("admin").and_then(|admin| admin::admin(&admin));
    config.routers = std::mem::take(&mut context.routers);
    Some(config)
}

/// Exactly one server runs; without any the configuration wants a control plane or is empty.
fn servers(top: &Object<'_>, config: &mut Config, context: &mut Context<'_>) {
    let xds = [top.get("dynamic_resources"), top.get("static_resources")].into_iter().flatten();
    let xds: Vec<Node<'_>> = xds.filter(|node| node.is_set()).collect();
    let mut servers = top.list("servers");
    let Some(first) = servers.next() else {
        match xds.first() {
            Some(node) => node.error_with(
                "everything would come from a control plane, and xDS is not available yet",
                "describe the listeners in \"servers\" and the clusters in \"cluster_manager\"",
            ),
            None => top.node().error_with(
                "no server is configured",
                "add \"servers\" with one entry that holds the listeners and routers",
            ),
        }
        return;
    };
    for node in xds {
        node.warn("xDS is not available yet: nothing is taken from a control plane");
    }
    let more = servers.count();
    if more > 0 {
        let message = format!("there must be exactly one server, and here are {}", more + 1);
        let hint = "put all listeners and routers into one server, or run one process for each";
        if let Some(node) = top.get("servers") {
            node.error_with(message, hint);
        }
    }
    if let Some(fields) = first.object() {
        config.server = server::server(&fields, context);
        config.listeners = server::listeners(&fields, context);
    }
}

/// Whether a section is set, or the entry of it that switches it on.
fn is_on(node: Node<'_>, switch: Option<&str>) -> bool {
    match switch {
        None => node.is_set(),
        Some(name) => {
            node.entries().any(|(key, value)| key.text().eq_ignore_ascii_case(name) && value.is_set())
        }
    }
}
