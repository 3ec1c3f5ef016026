"""What is measured: runtimes with their components, applications behind them, a Redis."""

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from proxylib import usage
from proxylib.client import listens, until
from proxylib.process import LOAD_CORE, PROXY_CORE, Process, Scope
from proxylib.tools import Tools

COMPONENT = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {{name: {name}}}
spec:
  type: {kind}
  version: v1
  metadata: {metadata}
"""

NAMES = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {{name: bench}}
spec:
  nameResolution:
    component: static
    version: v1
    configuration:
      apps:
        callee: ["127.0.0.1:{port}"]
"""

SUBSCRIPTION = """apiVersion: dapr.io/v1alpha1
kind: Subscription
metadata: {{name: {pubsub}-{topic}}}
spec: {{pubsubname: {pubsub}, topic: {topic}, route: /events}}
"""


@dataclass
class Sidecar:
    """A runtime that runs."""

    process: Process
    http: int
    grpc: int
    ready_ms: float

    def cpu(self) -> usage.Cpu:
        """Processor time so far."""
        return usage.cpu(self.process.pids())

    def rss_mib(self) -> float:
        """Resident memory."""
        return usage.rss_kib(self.process.pids()) / 1024


def component(name: str, kind: str, **metadata: str) -> str:
    """A component's file."""
    entries = [{"name": key, "value": value} for key, value in metadata.items()]
    return COMPONENT.format(name=name, kind=kind, metadata=json.dumps(entries))


def sidecar(
    scope: Scope, tools: Tools, app_id: str, files: list[str] | None = None, app: tuple[int, str] | None = None, names: int | None = None, internal: int | None = None
) -> Sidecar:
    """Starts a runtime and waits until calls may be made. Without files it has the embedded defaults."""
    directory = scope.directory(app_id)
    http, grpc, metrics = (scope.workshop.port() for _ in range(3))
    argv = [tools["mecha"], "daprd", f"--app-id={app_id}", f"--dapr-http-port={http}", f"--dapr-grpc-port={grpc}", f"--metrics-port={metrics}"]
    argv += [f"--dapr-internal-grpc-port={internal or scope.workshop.port()}", "--dapr-listen-addresses=127.0.0.1", "--log-level=warn"]
    if files is not None:
        resources = directory / "resources"
        resources.mkdir()
        for number, text in enumerate(files):
            (resources / f"{number}.yaml").write_text(text)
        argv.append(f"--resources-path={resources}")
    if app:
        argv += [f"--app-port={app[0]}", f"--app-protocol={app[1]}", "--disable-init-endpoints=config,subscribe"]
    if names:
        (directory / "config.yaml").write_text(NAMES.format(port=names))
        argv.append(f"--config={directory / 'config.yaml'}")
    argv = ["env", f"MECHA_DATA_DIR={directory / 'data'}", *argv]
    began = time.monotonic()
    process = scope.spawn(app_id, argv, PROXY_CORE, directory)
    until(process, "said that it is ready", lambda: is_ready(http), pause=0.001)
    ready = (time.monotonic() - began) * 1e3
    if app:
        until(process, "found its application", lambda: is_ready(http, "/v1.0/healthz"))
    return Sidecar(process, http, grpc, ready)


def is_ready(port: int, path: str = "/v1.0/healthz/outbound") -> bool:
    """Whether the runtime at this port says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
            return answer.status == 204
    except (OSError, urllib.error.URLError):
        return False


def redis(scope: Scope, tools: Tools) -> int:
    """Starts a Redis without persistence on the load core."""
    port, directory = scope.workshop.port(), scope.directory("redis")
    argv = [tools["redis-server"], "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = scope.spawn("redis", argv, LOAD_CORE, directory)
    until(process, "listens", lambda: listens(port))
    return port


def echo(scope: Scope, tools: Tools) -> int:
    """A gRPC-shaped server: it sends back what it gets, with the trailer of a call that went well."""
    port, directory = scope.workshop.port(), scope.directory("echo")
    argv = [tools["nghttpd"], "--no-tls", "--address=127.0.0.1", "--echo-upload", "--trailer=grpc-status: 0", f"--htdocs={directory}", str(port)]
    process = scope.spawn("echo", argv, LOAD_CORE, directory)
    until(process, "listens", lambda: listens(port))
    return port


def disk_syncs(directory: Path) -> float:
    """How often a second this disk makes 4 KiB durable, one write after the other."""
    path, block, count = directory / "syncs", os.urandom(4096), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        began = time.monotonic()
        while time.monotonic() - began < 1.0:
            os.pwrite(descriptor, block, count % 256 * 4096)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()
