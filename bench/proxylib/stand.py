"""Starts what is measured: a proxy with its topology, and the backends behind it."""

from dataclasses import dataclass
from pathlib import Path

from . import client, peers, usage
from .peers.nginx import UNLIMITED_REQUESTS, prelude, temporary_paths
from .process import LOAD_CORE, PROXY_CORE, Process, Scope
from .tools import Tools
from .topology import BODY, PATH, Topology

BACKEND_CONNECTIONS = 4_096
# More than any case needs: some proxies open streams before they have read the backend's limit, and would see them refused.
BACKEND_STREAMS = 1_000


@dataclass
class Proxy:
    """A proxy that has been started."""

    name: str
    process: Process
    topology: Topology
    access_log: Path

    def cpu(self) -> usage.Cpu:
        """Processor time of all its processes so far."""
        return usage.cpu(self.process.pids())

    def rss_kib(self) -> int:
        """Resident memory of all its processes."""
        return usage.rss_kib(self.process.pids())

    def logged(self) -> int:
        """Lines in its access log."""
        lines = 0
        with open(self.access_log, "rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
        return lines


@dataclass
class Prepared:
    """A proxy whose configuration is written and whose ports are chosen."""

    name: str
    topology: Topology
    directory: Path
    launch: peers.Launch
    scope: Scope

    def spawn(self) -> Proxy:
        """Starts it and returns at once, before it listens."""
        process = self.scope.spawn(self.name, self.launch.argv, PROXY_CORE, self.directory)
        return Proxy(self.name, process, self.topology, self.launch.access_log or process.stdout)


def prepare(scope: Scope, tools: Tools, name: str, topology: Topology) -> Prepared:
    """Everything that comes before starting a peer."""
    topology = topology.at(scope.workshop.port(), scope.workshop.port())
    directory = scope.directory(name)
    return Prepared(name, topology, directory, peers.ALL[name].launch(tools[name], topology, directory), scope)


def serving(scope: Scope, tools: Tools, name: str, topology: Topology) -> Proxy:
    """Starts a peer and waits until it serves."""
    proxy = prepare(scope, tools, name, topology).spawn()
    port = proxy.topology.port
    if topology.protocol == "h2":
        client.until(proxy.process, "answered over HTTP/2", lambda: client.speaks_h2(port))
    else:
        message = client.request(*topology.some_request())
        client.until(proxy.process, "served a request", lambda: client.served(port, message))
    return proxy


def backend(scope: Scope, tools: Tools, protocol: str) -> int:
    """Starts the cheapest server there is for a protocol and returns its port."""
    return (h2_backend if protocol == "h2" else h1_backend)(scope, tools)


def h1_backend(scope: Scope, tools: Tools) -> int:
    """An nginx that answers every request with the same 128 bytes, without a log."""
    port, directory = scope.workshop.port(), scope.directory("backend-h1")
    config = "\n".join(
        [
            prelude(directory, BACKEND_CONNECTIONS),
            "http {",
            temporary_paths(directory),
            f"access_log off; keepalive_timeout 600s; keepalive_requests {UNLIMITED_REQUESTS};",
            f'server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{BODY}"; }} }}',
            "}",
        ]
    )
    path = directory / "nginx.conf"
    path.write_text(config + "\n")
    argv = [tools["nginx"], "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(path)]
    process = scope.spawn("backend-h1", argv, LOAD_CORE, directory)
    client.until(process, "served a request", lambda: client.served(port, client.request()))
    return port


def h2_backend(scope: Scope, tools: Tools, bulk_path: str = "", bulk_size: int = 0) -> int:
    """An nghttpd with a file of 128 bytes and, if asked for, a sparse large one. It reads uploads and throws them away."""
    port, directory = scope.workshop.port(), scope.directory("backend-h2")
    documents = directory / "documents"
    path = documents / PATH.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(BODY)
    if bulk_path:
        with open(documents / bulk_path.lstrip("/"), "wb") as file:
            file.truncate(bulk_size)
    argv = [tools["nghttpd"], "--no-tls", "--address=127.0.0.1", f"--max-concurrent-streams={BACKEND_STREAMS}", f"--htdocs={documents}", str(port)]
    process = scope.spawn("backend-h2", argv, LOAD_CORE, directory)
    client.until(process, "answered over HTTP/2", lambda: client.speaks_h2(port))
    return port
