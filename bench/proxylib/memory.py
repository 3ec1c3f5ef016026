"""Resident memory: at rest, and for each idle connection. The large configuration has its own file, `large`."""

import socket
import time
from contextlib import ExitStack
from dataclasses import replace

from . import client, stand, usage
from .fault import BenchError
from .limits import open_file_limit
from .run import Run
from .stand import Proxy
from .tools import say
from .topology import small

CONNECTIONS = 10_000
QUICK_CONNECTIONS = 2_000
# Descriptors that the driver or a proxy needs besides the connections.
SPARE_FILES = 500
ASKED_AGAIN = 64
SETTLE_SECONDS = 5
SETTLE_PAUSE = 0.1
SETTLE_SAME = 5


def memory(run: Run) -> dict:
    """Results by peer: `idle_kib`, `connections`, `connected_kib` and `kib_per_connection`."""
    count = QUICK_CONNECTIONS if run.quick else CONNECTIONS
    if open_file_limit() - SPARE_FILES < count:
        count = open_file_limit() - SPARE_FILES
        run.problem(f"only {count} connections: the limit of open files is {open_file_limit()}; raise it with `ulimit -n`, or run as root")
    results = {}
    with run.workshop.scope() as scope:
        backend = stand.backend(scope, run.tools, "h1")
        for name in run.peers:
            say(f"memory: {name}")
            with run.guard(f"memory {name}"):
                results[name] = one_peer(run, name, backend, count)
    return results


def one_peer(run: Run, name: str, backend: int, count: int) -> dict:
    """Starts a proxy, reads its memory, opens the connections, reads it again."""
    # The connections close after the proxy has gone, so that closing them cannot be part of a reading.
    with ExitStack() as connections, run.workshop.scope() as scope:
        proxy = stand.prepare(scope, run.tools, name, replace(small("h1", backend), connections=count + SPARE_FILES)).spawn()
        port = proxy.topology.port
        client.until(proxy.process, "accepted a connection", lambda: client.listens(port))
        idle = settled(proxy)
        client.until(proxy.process, "served a request", lambda: client.served(port, client.request()))
        before = settled(proxy)
        opened = connect(connections, port, count)
        connected = settled(proxy)
        still_open(proxy, opened)
    return {"idle_kib": idle, "connections": count, "connected_kib": connected, "kib_per_connection": (connected - before) / count}


def connect(stack: ExitStack, port: int, count: int) -> list[socket.socket]:
    """Opens the connections one after the other; each makes one request and stays."""
    opened = []
    message = client.request()
    for number in range(count):
        try:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=client.SERVE_SECONDS))
            status = client.exchange(connection, message)
        except OSError as error:
            raise BenchError(f"connection {number + 1} of {count} failed: {error}") from error
        if status != 200:
            raise BenchError(f"connection {number + 1} of {count} was answered {status}")
        opened.append(connection)
    return opened


def still_open(proxy: Proxy, opened: list[socket.socket]) -> None:
    """A proxy that has closed idle connections has saved memory that was to be measured."""
    held = usage.open_files(proxy.process.pids())
    if held < len(opened):
        raise BenchError(f"it holds {held} descriptors for {len(opened)} connections: it has closed idle ones")
    for connection in opened[:: max(1, len(opened) // ASKED_AGAIN)]:
        try:
            client.exchange(connection, client.request())
        except OSError as error:
            raise BenchError(f"an idle connection no longer works: {error}") from error


def settled(proxy: Proxy) -> int:
    """Resident memory in KiB once it has stopped changing (the same five times in a row), or after 5 s as it is then."""
    deadline = time.monotonic() + SETTLE_SECONDS
    last, same = proxy.rss_kib(), 1
    while same < SETTLE_SAME and time.monotonic() < deadline:
        time.sleep(SETTLE_PAUSE)
        now = proxy.rss_kib()
        same = same + 1 if now == last else 1
        last = now
    return last
