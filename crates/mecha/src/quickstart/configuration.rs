//! The MOSN configuration of the quickstart: the tutorial's two listeners, the same for HTTP/2, one that detects the
//! protocol, one for TCP, and routes that weigh, retry and answer by themselves.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::ports::Ports;
use super::service;

/// The shares of the two services on the weighted route.
pub(super) const WEIGHTS: [usize; 2] = [80, 20];
/// What the direct response says.
pub(super) const WELCOME: &str = "Welcome to Mecha!\n";
/// The cluster of which one host is dead.
pub(super) const HALF_DEAD: &str = "half-dead";
/// The access log's file name in the folder of the run.
pub(super) const ACCESS_LOG: &str = "access.log";

/// All of it; logs and the pid file go to `folder`.
pub(super) fn configuration(ports: &Ports, folder: &Path) -> Value {
    json!({
        "servers": [{
            "mosn_server_name": "quickstart",
            "default_log_path": "stdout",
            "default_log_level": "INFO",
            "routers": [
                router("client", &client_routes()),
                router("server", &to_cluster(service::NAMES[0])),
                router("http2-client", &to_cluster("http2-server")),
                router("auto", &to_cluster(service::NAMES[0])),
            ],
            "listeners": listeners(ports, folder),
        }],
        "cluster_manager": { "clusters": clusters(ports) },
        "admin": { "address": { "socket_address": {
            "address": ports.admin.ip().to_string(),
            "port_value": ports.admin.port(),
        } } },
        "pid": folder.join("mecha.pid"),
        "disable_upgrade": true,
    })
}

fn listeners(ports: &Ports, folder: &Path) -> Value {
    let mut client = listener("clientListener", ports.client, &proxy("Http1", "client"));
    if let Some(fields) = client.as_object_mut() {
        fields.insert("access_logs".to_owned(), json!([{ "log_path": folder.join(ACCESS_LOG) }]));
    }
    let tcp = json!({ "type": "tcp_proxy", "config": { "cluster": service::NAMES[0] } });
    json!([
        client,
        listener("serverListener", ports.server, &proxy("Http1", "server")),
        listener("http2ClientListener", ports.http2_client, &proxy("Http2", "http2-client")),
        listener("http2ServerListener", ports.http2_server, &proxy("Http2", "server")),
        listener("autoListener", ports.auto, &proxy("Auto", "auto")),
        listener("tcpListener", ports.tcp, &tcp),
    ])
}

fn listener(name: &str, address: SocketAddr, filter: &Value) -> Value {
    json!({
        "name": name,
        "address": address.to_string(),
        "bind_port": true,
        "filter_chains": [{ "filters": [filter] }],
    })
}

fn proxy(protocol: &str, router: &str) -> Value {
    json!({ "type": "proxy", "config": { "downstream_protocol": protocol, "router_config_name": router } })
}

fn router(name: &str, routes: &Value) -> Value {
    json!({
        "router_config_name": name,
        "virtual_hosts": [{ "name": name, "domains": ["*"], "routers": routes }],
    })
}

fn to_cluster(name: &str) -> Value {
    json!([{ "match": { "prefix": "/" }, "route": { "cluster_name": name, "timeout": "5s" } }])
}

fn client_routes() -> Value {
    let shares = service::NAMES.iter().zip(WEIGHTS);
    let weighted: Vec<_> =
        shares.map(|(name, weight)| json!({ "cluster": { "name": name, "weight": weight } })).collect();
    json!([
        {
            "match": { "prefix": "/weighted" },
            "route": { "weighted_clusters": weighted, "timeout": "5s" },
        },
        {
            "match": { "prefix": "/retry" },
            "route": {
                "cluster_name": HALF_DEAD,
                "timeout": "5s",
                "retry_policy": { "retry_on": true, "num_retries": 3, "retry_timeout": "1s" },
            },
        },
        {
            "match": { "path": "/welcome" },
            "direct_response": { "status": 200, "body": WELCOME },
        },
        {
            "match": { "prefix": "/" },
            "route": { "cluster_name": "server", "timeout": "5s" },
        },
    ])
}

fn clusters(ports: &Ports) -> Value {
    let [first, second] = ports.services;
    json!([
        cluster("server", &[ports.server]),
        cluster("http2-server", &[ports.http2_server]),
        cluster(service::NAMES[0], &[first]),
        cluster(service::NAMES[1], &[second]),
        cluster(HALF_DEAD, &[ports.dead, first]),
    ])
}

fn cluster(name: &str, hosts: &[SocketAddr]) -> Value {
    let hosts: Vec<_> = hosts.iter().map(|host| json!({ "address": host.to_string() })).collect();
    json!({
        "name": name,
        "type": "SIMPLE",
        "lb_type": "LB_ROUNDROBIN",
        "connect_timeout": "1s",
        "hosts": hosts,
    })
}

#[cfg(test)]
mod tests {
    use super::super::ports;
    use super::*;

    #[test]
    fn it_loads_without_a_warning() {
        let (ports, _held) = ports::reserve().unwrap();
        let folder = std::env::temp_dir();
        let file = folder.join(format!("mecha-quickstart-test-{}.json", std::process::id()));
        std::fs::write(&file, configuration(&ports, &folder).to_string()).unwrap();
        let loaded = mecha_config_mosn::load(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(loaded.diagnostics.to_string(), "");
        let config = loaded.config.unwrap();
        assert_eq!((config.listeners.len(), config.routers.len(), config.clusters.len()), (6, 4, 5));
    }
}
