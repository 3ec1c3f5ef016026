"""Runtimes (`mecha daprd`) and the applications beside them, each a process that a scenario can end and start again.

An application is a script of `apps/`: Python files run in the environment of the scenarios, JavaScript files by node. It
gets `APP_ID`, `APP_PORT`, `DAPR_HTTP_PORT` and `DAPR_GRPC_PORT`, listens on 127.0.0.1:`APP_PORT`, and tells what happened
to it by printing JSON objects, one a line and in one write, which the scenario reads by `App.events`.
"""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from .mecha import BINARY, ROOT, refuses
from .ports import free_port, free_ports
from .process import Process
from .resources import document
from .tools import program
from .wait import eventually

if TYPE_CHECKING:
    from dapr.aio.clients import DaprClient as AsyncDaprClient
    from dapr.clients import DaprClient

APPS = ROOT / "testing/e2e/apps"
#: Python with the SDK takes its time to start when several do at once.
STARTS_WITHIN = 30


def unique(name: str) -> str:
    """An app id that no other process on this machine has: mDNS would find that one too."""
    return f"{name}-{free_port()}"


class App(Process):
    """An application."""

    def __init__(self, folder: Path, script: str | Path, sidecar: "Sidecar", env: dict[str, str]):
        path = APPS / script
        runner = sys.executable if path.suffix == ".py" else program("node")
        self.folder, self.command = folder, [runner, path]
        self.port = sidecar.app_port
        self.log_file = folder / f"{sidecar.name}-app.log"
        #: What it has told, and how far its log is read.
        self.told: list[dict[str, Any]] = []
        self.read = 0
        self.env = {
            "APP_ID": sidecar.app_id,
            "APP_PORT": str(self.port),
            "DAPR_HTTP_PORT": str(sidecar.http),
            "DAPR_GRPC_PORT": str(sidecar.grpc),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            # So that applications can use parts of the kit.
            "PYTHONPATH": str(APPS.parent),
        } | env

    def start(self) -> "App":
        """Starts it; it may not listen yet."""
        self.launch(self.command, self.folder, self.env)
        return self

    def ready(self) -> "App":
        """Waits until it listens."""
        eventually(self._listens, f"the application of {self.log_file.name} listens", STARTS_WITHIN)
        return self

    def _listens(self) -> bool:
        assert self.running, f"the application ended with status {self.process.returncode}:\n{self.log()}"
        return not refuses(self.port)

    def events(self, kind: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """What it has told so far, or those of its objects whose `event` is `kind` and that have these fields."""
        with self.log_file.open("rb") as log:
            log.seek(self.read)
            text = log.read()
        # A line without its end is read the next time.
        text = text[: text.rfind(b"\n") + 1]
        self.read += len(text)
        self.told += [json.loads(line) for line in text.splitlines() if line.startswith(b"{")]
        return [event for event in self.told if kind in (None, event.get("event")) and fields.items() <= event.items()]

    def wait_events(self, count: int, kind: str | None = None, seconds: float = 10, **fields: Any) -> list[dict[str, Any]]:
        """The same, once there are so many or more."""
        eventually(lambda: len(self.events(kind, **fields)) >= count, f"{count} of {kind} {fields} in {self.log_file.name}", seconds)
        return self.events(kind, **fields)

    def stop(self) -> None:
        """Ends it, and fails when it had ended by itself."""
        status = self.process.poll()
        assert status is None or self.expected_exit, f"the process of {self.log_file.name} ended by itself with status {status}"
        if status is None:
            self.kill()


class Sidecar(Process):
    """A runtime. Its ports and its data stay the same when it is started again."""

    patience = 10

    def __init__(
        self,
        folder: Path,
        name: str,
        *flags: str,
        app_id: str | None = None,
        resources: str | list[dict[str, Any]] = "",
        config: str | dict[str, Any] = "",
        app: str | None = None,
        protocol: str = "http",
        port: int | None = None,
        env: dict[str, str] | None = None,
        app_env: dict[str, str] | None = None,
    ):
        """`app` is a script of `apps/`; `port` is where an application listens that the scenario starts itself."""
        self.folder, self.name, self.app_id = folder, name, app_id or unique(name)
        self.log_file = folder / f"{name}.log"
        self.http, self.grpc, self.internal, self.metrics_port, self.public = free_ports(5)
        self.app_port = port or (free_port() if app else None)
        self.env = {"MECHA_DATA_DIR": str(folder / f"{name}-data"), "DAPR_HOST_IP": "127.0.0.1"} | (env or {})
        self.resources = folder / f"{name}-resources"
        self.resources.mkdir(exist_ok=True)
        self.config_file = folder / f"{name}-config.yaml"
        if resources:
            self.write_resources(resources)
        self.command = [BINARY, "daprd", *self._flags(protocol)]
        self.command += ["--resources-path", self.resources] if resources else []
        if config:
            self.config_file.write_text(config if isinstance(config, str) else document(config))
            self.command += ["--config", self.config_file]
        self.command += flags
        self.app = App(folder, app, self, app_env or {}) if app else None

    def _flags(self, protocol: str) -> list[str]:
        flags = {
            "log-level": "debug",
            "app-id": self.app_id,
            "dapr-http-port": self.http,
            "dapr-grpc-port": self.grpc,
            "dapr-internal-grpc-port": self.internal,
            "dapr-internal-grpc-listen-address": "127.0.0.1",
            "dapr-listen-addresses": "127.0.0.1",
            "dapr-public-port": self.public,
            "dapr-public-listen-address": "127.0.0.1",
            "metrics-port": self.metrics_port,
            "metrics-listen-address": "127.0.0.1",
        }
        if self.app_port:
            flags |= {"app-port": self.app_port, "app-protocol": protocol}
        return [f"--{name}={value}" for name, value in flags.items()]

    def write_resources(self, resources: str | list[dict[str, Any]], file: str = "resources.yaml") -> None:
        """Writes a file of resources; a running runtime takes it over by itself."""
        text = resources if isinstance(resources, str) else document(*resources)
        # Whole at once, since the runtime may read at any moment.
        written = self.folder / f"{self.name}-{file}"
        written.write_text(text)
        written.rename(self.resources / file)

    # --- life

    def start(self) -> "Sidecar":
        """Starts it; it may not serve yet."""
        self.launch(self.command, self.folder, self.env)
        return self

    def ready(self) -> "Sidecar":
        """Waits until it serves and, when there is an application, has reached that."""
        path = "healthz" if self.app_port else "healthz/outbound"
        eventually(lambda: self._answers(path), f"204 at /v1.0/{path} of {self.name}", STARTS_WITHIN)
        return self

    def _answers(self, path: str) -> bool:
        assert self.running, f"mecha ended with status {self.process.returncode}:\n{self.log()}"
        try:
            return self.request("GET", path).status_code == 204
        except requests.ConnectionError:
            return False

    # --- its faces

    def url(self, path: str) -> str:
        """The address of an API path, version 1.0 unless the path begins with a version."""
        path = path if path.startswith("v1.0") else f"v1.0/{path}"
        return f"http://127.0.0.1:{self.http}/{path}"

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """A call of the HTTP API as `requests` makes it."""
        more.setdefault("timeout", 10)
        return requests.request(method, self.url(path), **more)

    def metadata(self) -> dict[str, Any]:
        """What it tells about itself."""
        response = self.request("GET", "metadata")
        assert response.status_code == 200, response.text
        return response.json()

    def samples(self) -> list[Any]:
        """Every sample of its metrics, read by the reference parser."""
        text = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10).text
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, whatever others they have; 0 when there is none.

        The reference parser puts `_total` behind the name of every counter that lacks it.
        """
        found = [sample for sample in self.samples() if sample.name in (name, f"{name}_total")]
        return sum(sample.value for sample in found if labels.items() <= sample.labels.items())

    # --- the SDK

    @contextlib.contextmanager
    def environment(self, **more: str) -> Iterator[None]:
        """What an application beside it has in its environment, for SDK calls that this process makes meanwhile."""
        names = {"DAPR_HTTP_PORT": str(self.http), "DAPR_GRPC_PORT": str(self.grpc), "DAPR_HEALTH_TIMEOUT": "10"} | more
        before = {name: os.environ.get(name) for name in names}
        os.environ.update(names)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)

    @contextlib.contextmanager
    def client(self, protocol: str = "http", env: dict[str, str] | None = None, **options: Any) -> Iterator["DaprClient"]:
        """The SDK's client; it invokes by `protocol`, and does everything else by gRPC."""
        # Here, because it takes half a second, which scenarios without the SDK need not spend.
        from dapr.clients import DaprClient

        with self.environment(DAPR_API_METHOD_INVOCATION_PROTOCOL=protocol, **(env or {})), DaprClient(**options) as opened:
            yield opened

    @contextlib.asynccontextmanager
    async def aclient(self, protocol: str = "http", env: dict[str, str] | None = None, **options: Any) -> AsyncIterator["AsyncDaprClient"]:
        """The SDK's client for asyncio."""
        from dapr.aio.clients import DaprClient as AsyncDaprClient

        with self.environment(DAPR_API_METHOD_INVOCATION_PROTOCOL=protocol, **(env or {})):
            async with AsyncDaprClient(**options) as opened:
                yield opened


class Stage:
    """The runtimes and applications of a scenario, or of a file of scenarios."""

    def __init__(self, folder: Path, started: list[Process]):
        self.folder, self.started = folder, started

    def sidecar(self, name: str = "orders", *flags: str, ready: bool = True, **more: Any) -> Sidecar:
        """Starts a runtime, with its application when `app` is given, and waits until both serve."""
        return self.sidecars((name, flags, more), ready=ready)[0]

    def sidecars(self, *wanted: tuple[str, tuple[str, ...], dict[str, Any]], ready: bool = True) -> list[Sidecar]:
        """Several at once, so that their starts overlap: `(name, flags, arguments)` each."""
        made = [Sidecar(self.folder, name, *flags, **more) for name, flags, more in wanted]
        for sidecar in made:
            for process in filter(None, (sidecar.app, sidecar)):
                self.started.append(process.start())
        for sidecar in made if ready else []:
            if sidecar.app:
                sidecar.app.ready()
            sidecar.ready()
        return made

    def end(self) -> None:
        """Ends everything, applications last, and fails when something had gone wrong."""
        problems = []
        for process in sorted(self.started, key=lambda process: isinstance(process, App)):
            try:
                process.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        assert not problems, "\n".join(problems)


def staged(folder: Path, started: list[Process]) -> Iterator[Stage]:
    """A stage that is ended after its use."""
    stage = Stage(folder, started)
    yield stage
    stage.end()
