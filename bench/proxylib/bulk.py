"""Large bodies: a gibibyte up and a gibibyte down through each proxy, how fast, and how much its memory grows meanwhile."""

import re
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from . import bulk_backend, client, load, stand, usage
from .fault import BenchError
from .peers import ALL
from .process import LOAD_CORE, Scope
from .run import Run
from .tools import say
from .topology import PATH, bulk as bulk_topology

SIZE = 1 << 30
QUICK_SIZE = 1 << 28
BLOCK = 1 << 20
# HTTP/1: after this many bytes the receiving end reads nothing for a second.
STALL_AFTER = 64 << 20
STALL_SECONDS = 1.0
TRANSFER_SECONDS = 300
SAMPLE_SECONDS = 0.01
# HTTP/2: windows of 2^16 - 1 bytes, so that flow control acts; h2load's own default is a gibibyte.
WINDOW_BITS = 16
BULK_PATH = "/source"


def bulk(run: Run) -> list[dict]:
    """One entry for each protocol, direction and peer: `mib_per_second` and `growth_kib`."""
    size = QUICK_SIZE if run.quick else SIZE
    results = []
    with run.workshop.scope() as scope:
        backends = {"h1": h1_backend(scope, size), "h2": stand.h2_backend(scope, run.tools, BULK_PATH, size)}
        upload = scope.directory("upload") / "body"
        with open(upload, "wb") as file:
            file.truncate(size)
        for protocol, port in backends.items():
            for name in (name for name in run.peers if protocol in ALL[name].PROTOCOLS):
                for direction in ("download", "upload"):
                    say(f"bulk: {protocol} {direction}, {name}")
                    with run.guard(f"bulk {protocol} {direction} {name}"), run.workshop.scope() as inner:
                        proxy = stand.serving(inner, run.tools, name, bulk_topology(protocol, port))
                        moved = one_transfer(run, proxy, direction, size, upload)
                        results.append({"protocol": protocol, "direction": direction, "peer": name, "size": size, **moved})
    return results


def one_transfer(run: Run, proxy: stand.Proxy, direction: str, size: int, upload: Path) -> dict:
    """Moves one body through a proxy while its memory is watched."""
    port = proxy.topology.port
    with watched(proxy) as peak:
        before = peak[0]
        began = time.monotonic()
        if proxy.topology.protocol == "h2":
            h2_transfer(run, port, direction, size, upload)
            seconds = time.monotonic() - began
        else:
            (download_h1 if direction == "download" else upload_h1)(port, size)
            seconds = time.monotonic() - began - STALL_SECONDS
    return {"mib_per_second": size / (1 << 20) / seconds, "growth_kib": peak[0] - before}


@contextmanager
def watched(proxy: stand.Proxy):
    """A one-element list that holds the highest memory seen, in KiB, read every 10 ms by a thread."""
    pids = proxy.process.pids()
    peak, over = [usage.rss_kib(pids)], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], usage.rss_kib(pids))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def h1_backend(scope: Scope, size: int) -> int:
    """Starts `bulk_backend` and returns its port."""
    port, directory = scope.workshop.port(), scope.directory("backend-bulk")
    argv = [sys.executable, bulk_backend.__file__, str(port), str(size), str(STALL_AFTER), str(STALL_SECONDS)]
    process = scope.spawn("backend-bulk", argv, LOAD_CORE, directory)
    client.until(process, "served a request", lambda: client.served(port, client.request()))
    return port


def connect(port: int) -> socket.socket:
    """A connection whose every read and write is bounded in time."""
    return socket.create_connection(("127.0.0.1", port), timeout=TRANSFER_SECONDS)


def download_h1(port: int, size: int) -> None:
    """Reads the whole body, pausing once."""
    with connect(port) as connection:
        connection.sendall(f"GET {BULK_PATH} HTTP/1.1\r\nhost: bench.local\r\n\r\n".encode())
        received, block = bytearray(), bytearray(BLOCK)
        while b"\r\n\r\n" not in received:
            data = connection.recv(4096)
            if not data or len(received) > client.RESPONSE_AT_MOST:
                raise BenchError("closed before the end of the response's head, or the head has no end")
            received += data
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise BenchError(f"answered {head.splitlines()[0].decode(errors='replace')}")
        got, stalled = len(body), False
        while got < size:
            count = connection.recv_into(block)
            if count == 0:
                raise BenchError(f"closed after {got} of {size} bytes")
            got += count
            if not stalled and got >= STALL_AFTER:
                stalled = True
                time.sleep(STALL_SECONDS)


def upload_h1(port: int, size: int) -> None:
    """Writes the whole body; the backend pauses once, and answers how much it has read."""
    block = bytes(BLOCK)
    with connect(port) as connection:
        connection.sendall(f"PUT /sink HTTP/1.1\r\nhost: bench.local\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n".encode())
        try:
            for _ in range(size // BLOCK):
                connection.sendall(block)
        except OSError as error:
            raise BenchError(f"the upload was cut: {error}") from error
        response = b""
        while data := connection.recv(BLOCK):
            response += data
            if len(response) > BLOCK:
                break
    if b" 200 " not in response.split(b"\r\n")[0] or str(size).encode() not in response:
        raise BenchError(f"the backend did not confirm {size} bytes; the answer was {response[:200]!r}")


def h2_transfer(run: Run, port: int, direction: str, size: int, upload: Path) -> None:
    """One stream of h2load's."""
    argv = [run.tools["h2load"], "-n1", "-c1", "-m1", f"-w{WINDOW_BITS}", f"-W{WINDOW_BITS}"]
    path = BULK_PATH if direction == "download" else PATH
    body = [f"--data={upload}"] if direction == "upload" else []
    said = load.generate(run.workshop, "h2load", [*argv, *body, f"http://127.0.0.1:{port}{path}"], TRANSFER_SECONDS)
    done, failed, errored, timeout = load.totals(said)
    if done != 1 or failed or errored or timeout:
        raise BenchError(f"the transfer failed:\n{said}")
    carried = re.search(r"\((\d+)\) data", said)
    if direction == "download" and (carried is None or int(carried.group(1)) != size):
        raise BenchError(f"{carried.group(1) if carried else 0} of {size} bytes arrived")
