"""Dubbo-Thrift through Mecha. Apache Dubbo has dropped the protocol, so client and server here send the frames that Dubbo's last
version with it wrote (crates/codec/goldens/dubbo_thrift)."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from kit import config as c
from kit.mecha import ROOT, Mecha
from kit.ports import free_port

GOLDENS = ROOT / "crates/codec/goldens/dubbo_thrift"
SERVICE = "mecha.peers.thrift.Echo$Iface"
#: Types of Thrift's own exceptions.
UNKNOWN, UNKNOWN_METHOD, INTERNAL_ERROR = 0, 1, 6


def golden(name: str) -> bytes:
    return (GOLDENS / f"{name}.bin").read_bytes()


def _number_at(frame: bytes) -> int:
    """Where the number of the call stands: at the end of the header."""
    return 4 + struct.unpack_from(">H", frame, 10)[0] - 8


def number(frame: bytes) -> int:
    return struct.unpack_from(">Q", frame, _number_at(frame))[0]


def numbered(frame: bytes, number: int) -> bytes:
    at = _number_at(frame)
    return frame[:at] + struct.pack(">Q", number) + frame[at + 8 :]


class Server(socketserver.ThreadingTCPServer):
    """Keeps the frames that it was sent, and answers each with the frame `answer`, without one with silence."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, answer: bytes | None):
        self.answer, self.frames = answer, []
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        while frame := read(self.rfile):
            self.server.frames.append(frame)
            if self.server.answer:
                self.wfile.write(numbered(self.server.answer, number(frame)))


def read(file: object) -> bytes:
    """The next frame; nothing at the end."""
    size = file.read(4)
    return size + file.read(int.from_bytes(size)) if size else b""


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(answer: bytes | None) -> Server:
        started.append(Server(answer))
        return started[-1]

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def ask(port: int, *requests: bytes) -> list[bytes]:
    """The answers to requests that go out at once."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"".join(requests))
        answers = client.makefile("rb")
        return [read(answers) for _ in requests]


def refused(answer: bytes) -> tuple[str, int]:
    """The text and the type of the exception that an answer is."""
    message = answer[_number_at(answer) + 8 :]
    assert message[:4] == b"\x80\x01\x00\x03", message
    fields = message[4 + 4 + int.from_bytes(message[4:8]) + 4 :]
    assert fields[:3] == b"\x0b\x00\x01"
    end = 7 + int.from_bytes(fields[3:7])
    assert fields[end : end + 3] == b"\x08\x00\x02"
    return fields[7:end].decode(), int.from_bytes(fields[end + 3 : end + 7])


@pytest.mark.parametrize("downstream", ["dubbo-thrift", "Auto"])
@pytest.mark.parametrize("call", ["string", "int", "exception-declared", "exception-runtime"])
def test_frames_leave_as_they_came_but_for_their_number(proxy, server, downstream: str, call: str) -> None:
    host = server(golden(f"response-{call}"))
    _, port = proxy(host.port, downstream=downstream)
    asked = [numbered(golden(f"request-{call}"), wanted) for wanted in (1, 1 << 40)]
    assert ask(port, *asked) == [numbered(host.answer, wanted) for wanted in (1, 1 << 40)]
    assert [numbered(frame, 1) for frame in host.frames] == [asked[0]] * 2


def test_routes_by_service_and_method(mecha: Callable[..., Mecha], server) -> None:
    text, sum_, port = server(golden("response-string")), server(golden("response-int")), free_port()
    to_sum = c.to_cluster("sum", c.match(headers=[{"name": "service", "value": SERVICE}, {"name": "method", "value": "add"}]))
    clusters = [c.cluster(text.port), c.cluster(sum_.port, name="sum")]
    listener = c.http_listener(port, downstream="dubbo-thrift")
    mecha(listeners=[listener], routers=[c.router([to_sum, c.to_cluster()], domains=[SERVICE])], clusters=clusters)
    ask(port, golden("request-string"), golden("request-int"))
    assert (len(text.frames), len(sum_.frames)) == (1, 1)


@pytest.mark.parametrize(
    ("routes", "status", "kind"),
    [
        ([c.to_cluster(when=c.match(headers=[{"name": "method", "value": "other"}]))], 404, UNKNOWN_METHOD),
        ([c.to_cluster("down")], 502, UNKNOWN),
        ([c.to_cluster(timeout="200ms")], 504, INTERNAL_ERROR),
    ],
)
def test_what_mecha_answers_is_an_exception_of_thrift(mecha: Callable[..., Mecha], server, routes: list[c.Json], status: int, kind: int) -> None:
    port = free_port()
    clusters = [c.cluster(server(None).port), c.cluster(free_port(), name="down")]
    mecha(listeners=[c.http_listener(port, downstream="dubbo-thrift")], routers=[c.router(routes)], clusters=clusters)
    request = golden("request-string")
    (answer,) = ask(port, request)
    text, found = refused(answer)
    assert (text.split("|")[0], found, number(answer)) == (str(status), kind, number(request))
