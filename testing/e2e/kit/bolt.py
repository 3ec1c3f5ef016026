"""SOFA Bolt's own peers, unmodified: sofa-rpc-node, the Java library and SOFARPC on it; the frames that they send.

A server runs until it is ended, and answers with the id that it was given. A client makes the calls of named cases and
tells of each whether it went as it should. Cases have the same names in Node and in Java where they do the same. All
connect to an address directly, without a registry.
"""

import json
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from . import node, server
from .dapr import APPS
from .mecha import ROOT
from .ports import free_port
from .process import Process
from .tools import program
from .wait import eventually

#: Where ./test builds testing/peers/bolt-java.
JAVA = ROOT / ".cache/peers/bolt-java/peer.jar"
#: The protocols as a client is told to speak them: version 1, and version 2 without and with a CRC at the end of a frame.
WIRES = ("v1", "v2", "v2-crc")


def _java(*args: str) -> list[str | Path]:
    if not JAVA.is_file():
        pytest.skip("the Java peers of Bolt are not built; ./test builds them")
    # Several of these run at once, so the heap is small.
    return [program("java"), "-Xmx256m", "-XX:+UseSerialGC", "-jar", JAVA, *args]


def _options(options: dict[str, Any]) -> list[str]:
    """The words of a command line: `at_once=4` becomes `--at-once 4`."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def _crc(wire: str) -> dict[str, str]:
    return {"crc": "on" if wire == "v2-crc" else "off"}


def node_client(address: str, *cases: str, wire: str = "v1", **options: Any) -> list[str | Path]:
    """The command of sofa-rpc-node's client."""
    protocol = "bolt" if wire == "v1" else "bolt2"
    return [program("node"), APPS / "bolt_client.js", address, "--protocol", protocol, *_options(_crc(wire) | options), *cases]


def java_client(address: str, *cases: str, wire: str = "v1", **options: Any) -> list[str | Path]:
    """The command of the Java library's client; its connection sends a heartbeat whenever it was idle for `heartbeat` ms."""
    options = _crc(wire) | {"heartbeat": 300} | options
    return _java("bolt-client", address, "--protocol", wire[1], *_options(options), *cases)


def sofa_client(address: str, *cases: str, **options: Any) -> list[str | Path]:
    """The command of a SOFARPC consumer, which speaks version 1. It and sofa-rpc-node call the same service."""
    return _java("sofa-consumer", address, *_options(options), *cases)


class Server(server.Server):
    """A server that listens on `port` of the loopback address."""

    def __init__(self, kind: str, folder: Path, name: str, port: int | None = None):
        """`kind` is `node`, `java` (the library alone) or `sofa` (SOFARPC); `name` is the id that it answers with."""
        self.port, self.folder, self.name = port or free_port(), folder, name
        self.log_file = folder / f"bolt-{kind}-{name}.log"
        self.env: dict[str, str] = {}
        if kind == "node":
            self.command, self.env = [program("node"), APPS / "bolt_server.js", str(self.port), name], node.environment()
        else:
            self.command = _java("bolt-server" if kind == "java" else "sofa-provider", str(self.port), name)


class Client(Process):
    """A client in the background, for what a scenario does to its calls meanwhile; `lines` has what it told so far."""

    def __init__(self, command: list[str | Path], folder: Path, name: str = "client"):
        self.log_file = folder / f"bolt-{name}.log"
        self.launch(command, folder, node.environment() if command[0] == program("node") else {})

    def lines(self) -> list[dict[str, Any]]:
        """The JSON objects that it has told so far; a line without its end is read the next time."""
        text = self.log()
        return list(objects(text[: text.rfind("\n") + 1]))

    def wait_case(self, name: str, seconds: float = 60) -> dict[str, Any]:
        """What it told of a case, once it has."""
        eventually(lambda: self._case(name) or not self.running, f"{self.log_file.name} tells of {name}", seconds)
        line = self._case(name)
        assert line, f"the client ended with status {self.process.returncode}:\n{self.log()}"
        return line


    def _case(self, name: str) -> dict[str, Any] | None:
        return next((line for line in self.lines() if line.get("case") == name), None)

    def stop(self) -> None:
        """Ends it where it still makes calls."""
        if self.running:
            self.kill()


class Peers:
    """The servers and background clients of a scenario, or of a file of scenarios; fixtures `bolt` and `shared_bolt`."""

    def __init__(self, folder: Path, started: list[Process]):
        self.folder, self.started = folder, started

    def server(self, kind: str, name: str = "blue", port: int | None = None) -> Server:
        """Starts a server and waits until it listens; see `Server`."""
        return self.servers(kind, name=name, port=port)[0]

    def servers(self, *kinds: str, name: str = "blue", port: int | None = None) -> list[Server]:
        """Several at once, so that their starts overlap."""
        made = [Server(kind, self.folder, name, port) for kind in kinds]
        self.started += [server.start() for server in made]
        return [server.ready() for server in made]

    def client(self, command: list[str | Path], name: str = "client") -> Client:
        """Starts a client that runs beside the scenario, for example `bolt.client(node_client(address, "load"))`."""
        self.started.append(Client(command, self.folder, name))
        return self.started[-1]


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines of a peer."""
    return (json.loads(line) for line in text.splitlines() if line.startswith("{"))


def run(command: list[str | Path], seconds: float = 60) -> dict[str, dict[str, Any]]:
    """Runs a client to its end: what it told of each case. Whether the cases went well is the scenario's to say."""
    env = node.environment() if command[0] == program("node") else {}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=os.environ | env)
    told = {line["case"]: line for line in objects(done.stdout) if "case" in line}
    assert told, f"the client told of no case and ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return told


class Frame(NamedTuple):
    """A frame of Bolt: its bytes, and what its fixed part says."""

    raw: bytes
    #: 1 or 2.
    protocol: int
    #: 0 response, 1 request, 2 one-way request.
    kind: int
    #: 0 heartbeat, 1 request, 2 response.
    command: int
    id: int
    #: Milliseconds of a request, negative where there is no limit; the status of a response.
    timeout_or_status: int
    class_name: bytes
    header: bytes
    content: bytes
    #: The last four bytes where the frame has them.
    crc: int | None


def frames(data: bytes) -> list[Frame]:
    """The frames that one side of a connection has sent; the last one must be whole."""
    found, at = [], 0
    while at < len(data):
        found.append(_frame(data, at))
        at += len(found[-1].raw)
    return found


def _frame(data: bytes, at: int) -> Frame:
    protocol = data[at]
    assert protocol in (1, 2), f"byte {at} begins no frame: {data[at:at + 24].hex(' ')}"
    # Version 2 has a byte for its own version behind the first, and a switch behind the codec.
    extra = protocol - 1
    kind, command, _, number, _ = struct.unpack_from(">BHBIB", data, at + 1 + extra)
    switch = data[at + 11] if extra else 0
    after = at + 10 + 2 * extra
    form = ">hHHI" if kind == 0 else ">iHHI"
    timeout_or_status, class_length, header_length, content_length = struct.unpack_from(form, data, after)
    ends = [after + struct.calcsize(form)]
    for length in (class_length, header_length, content_length, 4 if switch & 1 else 0):
        ends.append(ends[-1] + length)
    assert ends[-1] <= len(data), "the last frame is not whole"
    parts = [bytes(data[start:end]) for start, end in zip(ends, ends[1:])]
    crc = int.from_bytes(parts[3]) if parts[3] else None
    return Frame(bytes(data[at : ends[-1]]), protocol, kind, command, number, timeout_or_status, *parts[:3], crc)
