"""Envoy: one worker (`--concurrency 1`), static configuration as JSON, the file access logger with its default format and buffering.

Request ids are switched off, because no other peer makes them; all else is Envoy's default.
"""

import json
from pathlib import Path

from ..topology import Topology, VirtualHost
from .launch import Launch

NAME = "envoy"
PROTOCOLS = frozenset({"h1", "h2"})

TYPE = "type.googleapis.com/envoy"
HTTP_OPTIONS = f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions"


def launch(program: str, topology: Topology, directory: Path) -> Launch:
    """Writes `envoy.json`."""
    log = directory / "access.log"
    config = {
        "admin": {"address": address(topology.admin)},
        "static_resources": {
            "listeners": [listener(topology, log)],
            "clusters": [cluster(name, topology) for name in topology.clusters],
        },
    }
    path = directory / "envoy.json"
    path.write_text(json.dumps(config))
    # Without --disable-hot-restart two Envoys on one machine would share a memory region.
    return Launch([program, "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "-l", "error"], log)


def address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(topology: Topology, log: Path) -> dict:
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP2" if topology.protocol == "h2" else "HTTP1",
        "generate_request_id": False,
        "common_http_protocol_options": {"idle_timeout": f"{topology.idle_seconds}s"},
        "route_config": {"name": "bench", "virtual_hosts": [virtual_host(host, topology) for host in topology.hosts]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"}}],
        "access_log": [
            {"name": "envoy.access_loggers.file", "typed_config": {"@type": f"{TYPE}.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log)}}
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "bench", "address": address(topology.port), "filter_chains": [{"filters": filters}]}


def virtual_host(host: VirtualHost, topology: Topology) -> dict:
    routes = [
        {"match": {"prefix": route.prefix}, "route": {"cluster": route.cluster, "timeout": f"{topology.timeout_seconds}s"}} for route in host.routes
    ]
    return {"name": host.name, "domains": [host.domain], "routes": routes}


def cluster(name: str, topology: Topology) -> dict:
    endpoint = {"endpoint": {"address": address(topology.backend)}}
    described = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if topology.protocol == "h2":
        explicit = {"@type": HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": {}}}
        described["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": explicit}
    return described
