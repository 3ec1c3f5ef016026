"""Fixtures: the process under test and its peers, ended after each scenario, their output shown when it failed."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import config as c
from kit import tools
from kit.application import Application
from kit.backend import Backend
from kit.bolt import Peers as BoltPeers
from kit.boltraw import Stub
from kit.dapr import Sidecar, Stage, staged
from kit.dubbo import Peers
from kit.h2peer import H2Backend
from kit.mecha import BINARY, Mecha
from kit.ports import free_port
from kit.process import Process
from kit.stand import WAYS, Stand
from kit.zookeeper import ZooKeeper


def pytest_sessionstart() -> None:
    if not BINARY.exists():
        pytest.exit(f"{BINARY} does not exist: build it by `cargo build`, or name another in MECHA_BIN", 2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.failed:
        for node in item.listchain():
            for process in (process for started in node.stash.get(PROCESSES, []) for process in started):
                report.sections.append((f"log of {process.log_file.name}", process.log()[-8000:]))
    return report


PROCESSES = pytest.StashKey[list[list[Process]]]()


def processes(request: pytest.FixtureRequest) -> list[Process]:
    """A list for the processes of a fixture, whose logs are shown when a scenario fails."""
    started: list[Process] = []
    request.node.stash.setdefault(PROCESSES, []).append(started)
    return started


@pytest.fixture
def mecha(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Mecha]]:
    """Starts a process and waits until it serves: `mecha(listeners=..., routers=..., clusters=...)`."""
    yield from _starting(tmp_path, request)


@pytest.fixture(scope="module")
def shared_mecha(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Mecha]]:
    """The same for all scenarios of a file."""
    yield from _starting(tmp_path_factory.mktemp("mecha"), request)


def _starting(folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Mecha]]:
    started = processes(request)

    def start(config: dict[str, Any] | None = None, *args: str, env: dict[str, str] | None = None, **parts: Any) -> Mecha:
        parts.setdefault("admin", free_port())
        whole = config or c.mosn(**parts)
        process = Mecha(whole, folder, *args, env=env, name=f"mecha-{len(started)}")
        started.append(process)
        return process.ready()

    yield start
    _stop_all(started)


def _stop_all(started: list[Process]) -> None:
    """Ends processes, the last one first; fails when one had ended by itself, once all are ended."""
    problems = []
    for process in reversed(started):
        try:
            process.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def proxy(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """The usual case, one listener before one cluster: `process, port = proxy(backend.port)`."""

    def start(
        *hosts: Any,
        downstream: str = "Http1",
        upstream: str | None = None,
        routes: list[dict[str, Any]] | None = None,
        route: dict[str, Any] | None = None,
        cluster: dict[str, Any] | None = None,
        listener: dict[str, Any] | None = None,
        **server: Any,
    ) -> tuple[Mecha, int]:
        port = free_port()
        how = dict(route or {})
        if upstream and upstream != downstream:
            how["upstream_protocol"] = upstream
        process = mecha(
            listeners=[c.http_listener(port, downstream=downstream, upstream=upstream, **(listener or {}))],
            routers=[c.router(routes or [c.to_cluster(**how)])],
            clusters=[c.cluster(*hosts, **(cluster or {}))],
            **server,
        )
        return process, port

    return start


@pytest.fixture
def backend() -> Iterator[Callable[..., Backend]]:
    """Starts an HTTP/1 server: `backend(handler)`."""
    yield from _stopping(Backend)


@pytest.fixture
def h2backend() -> Iterator[Callable[..., H2Backend]]:
    """Starts an HTTP/2 server: `h2backend(handler)`."""
    yield from _stopping(H2Backend)


def _stopping(kind: type) -> Iterator[Callable[..., Any]]:
    started = []

    def start(*args: Any, **named: Any) -> Any:
        started.append(kind(*args, **named))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def relay(proxy, h2backend):
    """HTTP/2 on both sides: `process, port, backend = relay(on_end=..., on_head=...)`."""

    def start(on_end=None, on_head=None, **more):
        server = h2backend(on_end, on_head)
        process, port = proxy(server.port, downstream="Http2", **more)
        return process, port, server

    return start


@pytest.fixture
def dapr(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Runtimes and applications of one scenario: `sidecar = dapr.sidecar("orders", app="events.py")`."""
    yield from staged(tmp_path, processes(request))


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same for all scenarios of a file, which then keep to keys, topics and paths of their own."""
    yield from staged(tmp_path_factory.mktemp("shared"), processes(request))


@pytest.fixture
def dubbo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peers]:
    """Dubbo providers and consumers of one scenario: `provider = dubbo.provider()`."""
    yield from _ending(Peers, tmp_path, request)


@pytest.fixture(scope="module")
def shared_dubbo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    """The same for all scenarios of a file."""
    yield from _ending(Peers, tmp_path_factory.mktemp("dubbo"), request)


@pytest.fixture
def bolt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BoltPeers]:
    """Servers and clients of SOFA Bolt for one scenario: `server = bolt.server("node")`."""
    yield from _ending(BoltPeers, tmp_path, request)


@pytest.fixture(scope="module")
def shared_bolt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoltPeers]:
    """The same for all scenarios of a file."""
    yield from _ending(BoltPeers, tmp_path_factory.mktemp("bolt"), request)


@pytest.fixture
def stub() -> Iterator[Callable[..., Stub]]:
    """Starts a server of Bolt that answers as the scenario says: `stub(handler)`."""
    yield from _stopping(Stub)


@pytest.fixture
def zookeeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], ZooKeeper]]:
    """Starts a ZooKeeper of the scenario's own: `registry = zookeeper()`."""
    started = processes(request)

    def start(name: str = "zookeeper") -> ZooKeeper:
        started.append(ZooKeeper(tmp_path, name).start())
        return started[-1].ready()

    yield start
    for one in started:
        one.stop()


def _ending(kind: type, folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Peers whose processes are ended after use, and which fail when one had ended by itself."""
    peers = kind(folder, processes(request))
    yield peers
    _stop_all(peers.started)


@pytest.fixture
def application() -> Iterator[Callable[..., Application]]:
    """Starts an HTTP application in this process: `application(subscription, ..., path=answer)`."""
    yield from _stopping(Application)


@pytest.fixture(scope="module")
def shared_application() -> Iterator[Callable[..., Application]]:
    """The same for all scenarios of a file."""
    yield from _stopping(Application)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int | None]:
    """The port of a Redis server; `None` where none is installed."""
    if not shutil.which("redis-server"):
        yield None
        return
    with tools.redis(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(scope="module")
def stand(shared: Stage) -> Stand:
    """Applications that are called, and runtimes to call them by."""
    return Stand(shared)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How a call gets to the application."""
    return request.param


@pytest.fixture
def http_app(stand: Stand, way: str) -> tuple[Sidecar, Sidecar]:
    """The caller's runtime and that of an HTTP application: `caller, target`."""
    return stand.caller(way, stand.http), stand.http


@pytest.fixture
def grpc_app(stand: Stand, way: str) -> tuple[Sidecar, Sidecar]:
    """The caller's runtime and that of a gRPC application: `caller, target`."""
    return stand.caller(way, stand.grpc), stand.grpc


@pytest.fixture
def need() -> Callable[[str], str]:
    """The path of a program, or a skipped test that says which one is missing."""

    def find(program: str) -> str:
        return shutil.which(program) or pytest.skip(f"{program} is not installed")

    return find


@pytest.fixture
def aside() -> Iterator[Callable[..., threading.Thread]]:
    """Runs something in a thread; what it raises fails the scenario."""
    threads: list[tuple[threading.Thread, list[BaseException]]] = []

    def start(work: Callable[..., Any], *args: Any) -> threading.Thread:
        faults: list[BaseException] = []

        def run() -> None:
            try:
                work(*args)
            except BaseException as fault:
                faults.append(fault)

        thread = threading.Thread(target=run, daemon=True)
        threads.append((thread, faults))
        thread.start()
        return thread

    yield start
    for thread, faults in threads:
        thread.join(10)
        assert not thread.is_alive(), "work that was started aside has not ended"
        assert not faults, faults
