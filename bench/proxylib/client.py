"""The driver's own small clients: just enough HTTP to ask whether a proxy serves, and to hold many connections open."""

import socket
import time
from contextlib import suppress

from .fault import BenchError
from .process import Process
from .topology import HEADERS, HOST, PATH

SERVE_SECONDS = 30
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS_FRAME = 4
# A response of the request benchmarks: a head of a few hundred bytes and a body of 128.
RESPONSE_AT_MOST = 64 * 1024


def request(host: str = HOST, path: str = PATH) -> bytes:
    """A GET as the load generators send it."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n".encode()


def exchange(connection: socket.socket, message: bytes) -> int:
    """Sends a request, reads one whole response with a Content-Length or chunked body, and returns its status."""
    connection.sendall(message)
    received = b""
    while len(received) < RESPONSE_AT_MOST:
        data = connection.recv(RESPONSE_AT_MOST)
        if not data:
            raise ConnectionResetError("closed before the end of the response")
        received += data
        head, separator, body = received.partition(b"\r\n\r\n")
        if separator and whole(head, body):
            return int(head.split(b" ", 2)[1])
    raise BenchError("a response of the request benchmark is longer than 64 KiB")


def whole(head: bytes, body: bytes) -> bool:
    """Whether the body has arrived."""
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) >= int(value)
        if name == b"transfer-encoding":
            return body.endswith(b"0\r\n\r\n")
    return True


def served(port: int, message: bytes) -> bool:
    """One try: connect, ask, and see whether the answer is 200."""
    with suppress(OSError, ValueError, IndexError):
        with socket.create_connection(("127.0.0.1", port), timeout=SERVE_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return exchange(connection, message) == 200
    return False


def speaks_h2(port: int) -> bool:
    """One try: whether the answer to a connection preface is a SETTINGS frame (RFC 9113 section 3.4)."""
    with suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), timeout=SERVE_SECONDS) as connection:
            connection.sendall(PREFACE + EMPTY_SETTINGS)
            head = connection.recv(9)
            return len(head) >= 4 and head[3] == SETTINGS_FRAME
    return False


def listens(port: int) -> bool:
    """One try: whether a connection is accepted."""
    with suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), timeout=SERVE_SECONDS):
            return True
    return False


def until(process: Process, what: str, attempt, pause: float = 0.01) -> None:
    """Repeats `attempt` until it holds; fails when the process ends or 30 s pass. A pause of 0 is a tight loop."""
    deadline = time.monotonic() + SERVE_SECONDS
    while not attempt():
        if not process.alive():
            raise BenchError(f"{process.name} ended with status {process.popen.returncode} before it {what}; it wrote:\n{process.tail()}")
        if time.monotonic() > deadline:
            raise BenchError(f"{process.name} has not {what} within {SERVE_SECONDS} s; it wrote:\n{process.tail()}")
        if pause:
            time.sleep(pause)
