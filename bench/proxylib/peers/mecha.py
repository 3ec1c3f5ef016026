"""Mecha: a MOSN configuration with one worker; HTTP/2 upstream follows from HTTP/2 downstream."""

import json
from pathlib import Path

from ..topology import Topology, VirtualHost
from .launch import Launch

NAME = "mecha"
PROTOCOLS = frozenset({"h1", "h2"})

# Protocols of `bench/rpc` go by the names that they have there.
DOWNSTREAM = {"h1": "Http1", "h2": "Http2"}


def launch(program: str, topology: Topology, directory: Path) -> Launch:
    """Writes `mecha.json`."""
    log = directory / "access.log"
    hosts = [virtual_host(host, topology) for host in topology.hosts]
    clusters = [cluster(name, topology) for name in topology.clusters]
    path = directory / "mecha.json"
    path.write_text(json.dumps(document(topology, directory, log, hosts, clusters), indent=1))
    return Launch([program, "start", "-c", str(path)], log)


def document(topology: Topology, directory: Path, log: Path, hosts: list[dict], clusters: list[dict]) -> dict:
    """The whole configuration: one listener with these virtual hosts."""
    return {
        "servers": [
            {
                "mosn_server_name": "bench",
                "default_log_path": "stdout",
                "default_log_level": "ERROR",
                "processor": 1,
                "routers": [{"router_config_name": "bench", "virtual_hosts": hosts}],
                "listeners": [listener(topology, log)],
            }
        ],
        "cluster_manager": {"clusters": clusters},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": topology.admin}}},
        "pid": str(directory / "mecha.pid"),
        "disable_upgrade": True,
    }


def virtual_host(host: VirtualHost, topology: Topology) -> dict:
    routers = [
        {"match": {"prefix": route.prefix}, "route": {"cluster_name": route.cluster, "timeout": f"{topology.timeout_seconds}s"}}
        for route in host.routes
    ]
    return {"name": host.name, "domains": [host.domain], "routers": routers}


def listener(topology: Topology, log: Path) -> dict:
    proxy = {"downstream_protocol": DOWNSTREAM.get(topology.protocol, topology.protocol), "router_config_name": "bench"}
    return {
        "name": "bench",
        "address": f"127.0.0.1:{topology.port}",
        "bind_port": True,
        "connection_idle_timeout": f"{topology.idle_seconds}s",
        "access_logs": [{"log_path": str(log)}],
        "filter_chains": [{"filters": [{"type": "proxy", "config": proxy}]}],
    }


def cluster(name: str, topology: Topology) -> dict:
    return {
        "name": name,
        "type": "SIMPLE",
        "lb_type": "LB_ROUNDROBIN",
        "connect_timeout": "1s",
        "hosts": [{"address": f"127.0.0.1:{topology.backend}"}],
    }
