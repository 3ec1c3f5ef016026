"""nginx: one worker, keep-alive upstreams, buffered access log in the combined format, `stub_status` for metrics.

nginx 1.22 speaks HTTP/2 to clients only, so it takes part in HTTP/1 alone. Bodies stream (request buffering and temporary files off), as they
do through the other proxies. The backend of the benchmark is an nginx as well and shares `prelude`.
"""

import pwd
from os import geteuid
from pathlib import Path

from ..topology import Topology, VirtualHost
from .launch import Launch

NAME = "nginx"
PROTOCOLS = frozenset({"h1"})

# Enough that no benchmark ever closes a connection because of its age in requests.
UNLIMITED_REQUESTS = 1_000_000_000
SMALL_KEEPALIVE = 512
# nginx sets aside memory for every slot of every upstream at start; a thousand upstreams get as many as the load has connections.
LARGE_KEEPALIVE = 32


def launch(program: str, topology: Topology, directory: Path) -> Launch:
    """Writes `nginx.conf`."""
    log = directory / "access.log"
    keepalive = SMALL_KEEPALIVE if len(topology.clusters) == 1 else LARGE_KEEPALIVE
    parts = [
        # It closes idle connections once fewer than a sixteenth of the slots are free (ngx_drain_connections).
        prelude(directory, topology.connections + topology.connections // 8),
        "http {",
        temporary_paths(directory),
        f"access_log {log} combined buffer=64k flush=1s;",
        f"keepalive_timeout {topology.idle_seconds}s; keepalive_requests {UNLIMITED_REQUESTS};",
        "server_names_hash_max_size 8192; server_names_hash_bucket_size 128;",
        "client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0;",
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;',
        f"proxy_connect_timeout 1s; proxy_read_timeout {topology.timeout_seconds}s; proxy_send_timeout {topology.timeout_seconds}s;",
        *(upstream(name, topology.backend, keepalive) for name in topology.clusters),
        *(server(host, topology.port) for host in topology.hosts),
        f"server {{ listen 127.0.0.1:{topology.admin}; access_log off; location / {{ stub_status; }} }}",
        "}",
    ]
    path = directory / "nginx.conf"
    path.write_text("\n".join(parts) + "\n")
    return Launch([program, "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(path)], log)


def prelude(directory: Path, connections: int) -> str:
    """The top of a configuration file; started by root, the worker must stay the user who owns the folder."""
    user = f"user {pwd.getpwuid(0).pw_name};" if geteuid() == 0 else ""
    return "\n".join(
        [
            f"{user} worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log error;",
            f"events {{ worker_connections {connections}; multi_accept on; }}",
        ]
    )


def temporary_paths(directory: Path) -> str:
    """Debian's default folders belong to another user."""
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def upstream(name: str, backend: int, keepalive: int) -> str:
    return f"upstream {name} {{ server 127.0.0.1:{backend}; keepalive {keepalive}; keepalive_requests {UNLIMITED_REQUESTS}; }}"


def server(host: VirtualHost, port: int) -> str:
    default, name = (" default_server", "_") if host.domain == "*" else ("", host.domain)
    locations = "\n".join(f"  location {route.prefix} {{ proxy_pass http://{route.cluster}; }}" for route in host.routes)
    return f"server {{ listen 127.0.0.1:{port}{default}; server_name {name};\n{locations}\n}}"
