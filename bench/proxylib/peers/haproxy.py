"""HAProxy: one thread, connections to servers shared (`http-reuse always`), `option httplog`, the Prometheus exporter on.

Its log goes straight to a file (standard output): that costs less than its usual datagram to a log daemon, so the comparison favours HAProxy.
A small routing table is a list of rules; a large one is a map file, which HAProxy searches as a tree.
"""

from pathlib import Path

from ..topology import Topology
from .launch import Launch

NAME = "haproxy"
PROTOCOLS = frozenset({"h1", "h2"})

RULES_AT_MOST = 16


def launch(program: str, topology: Topology, directory: Path) -> Launch:
    """Writes `haproxy.cfg`, and `routes.map` for a large table."""
    proto = " proto h2" if topology.protocol == "h2" else ""
    lines = [
        "global",
        "  nbthread 1",
        f"  maxconn {topology.connections}",
        # It reserves two descriptors a connection; where the limit is lower it shall start all the same, since idle ones need only one.
        "  no strict-limits",
        "  log stdout len 2048 format raw local0",
        "defaults",
        "  mode http",
        "  http-reuse always",
        "  timeout connect 1s",
        f"  timeout client {topology.idle_seconds}s",
        f"  timeout http-keep-alive {topology.idle_seconds}s",
        "  timeout http-request 10s",
        f"  timeout server {topology.timeout_seconds}s",
        "frontend bench",
        "  log global",
        "  option httplog",
        f"  maxconn {topology.connections}",
        f"  bind 127.0.0.1:{topology.port}{proto}",
        *routing(topology, directory),
        "frontend admin",
        f"  bind 127.0.0.1:{topology.admin}",
        "  http-request use-service prometheus-exporter",
    ]
    for name in topology.clusters:
        lines += [f"backend {name}", f"  server s1 127.0.0.1:{topology.backend}{proto}"]
    path = directory / "haproxy.cfg"
    path.write_text("\n".join(lines) + "\n")
    return Launch([program, "-db", "-f", str(path)], None)


def routing(topology: Topology, directory: Path) -> list[str]:
    """The lines of the frontend that choose a backend."""
    if topology.route_count() > RULES_AT_MOST:
        path = directory / "routes.map"
        path.write_text("".join(f"{host.domain}{route.prefix} {route.cluster}\n" for host in topology.hosts for route in host.routes))
        # `base` is the host and the path in one string.
        return [f"  use_backend %[base,map_beg({path})]"]
    rules = []
    for host in topology.hosts:
        name = "" if host.domain == "*" else f"{{ hdr(host) -i {host.domain} }} "
        rules += [f"  use_backend {route.cluster} if {name}{{ path_beg {route.prefix} }}" for route in host.routes]
    return rules
