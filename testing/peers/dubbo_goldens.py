#!/usr/bin/env python3
"""Writes the golden frames of Dubbo 2, `crates/codec/goldens/dubbo/*.bin`: what Apache Dubbo's Java SDK puts on the wire.

    .cache/venv/bin/python testing/peers/dubbo_goldens.py [FOLDER]

Calls go from its consumer to its provider through a relay that keeps the bytes. Ids, times and ports differ from run to
run. The README in the folder says what each frame is.
"""

import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testing/e2e"))

from dubbo_ssl.common.exceptions import DubboResponseException  # noqa: E402
from kit.capture import Relay  # noqa: E402
from kit.dubbo import Consumer, Frame, Peers, Provider, frames, python_client  # noqa: E402
from kit.wait import eventually  # noqa: E402

#: Calls by the name of the golden: the method, its arguments.
VALUES = {
    "boolean": ("echoBoolean", True),
    "byte": ("echoByte", -7),
    "short": ("echoShort", 300),
    "int": ("echoInt", 262144),
    "long": ("echoLong", 1 << 40),
    "float": ("echoFloat", 3.25),
    "double": ("echoDouble", 3.14159),
    "char": ("echoChar", "x"),
    "string": ("echoString", "hello"),
    "string-unicode": ("echoString", "日本 ☃ 😀"),
    "string-chunked": ("echoString", "é" * 40_000),
    "null": ("echoObject", None),
    "bytes": ("echoBytes", list(range(20))),
    "date": ("echoDate", 1_700_000_000_123),
    "decimal": ("echoDecimal", "12345.6789"),
    "big-integer": ("echoBigInteger", 1 << 70),
    "list": ("echoList", ["a", None, "b"]),
    "map": ("echoMap", {"one": 1, "two": 2}),
    "set": ("echoSet", [1, 2, 3]),
    "ints": ("echoInts", [1, -1, 2147483647]),
    "strings": ("echoStrings", ["a", None, "b"]),
    "nested": ("echoNested", [{"primes": [2, 3, 5]}, {}]),
    "enum": ("echoColor", "GREEN"),
    "enum-keys": ("echoColors", {"RED": 1, "BLUE": 3}),
    "person": ("echoPerson", {"name": "Ada", "age": 36, "color": "GREEN", "friend": {"name": "Charles"}, "extras": {"height": 1.65}}),
    "several-arguments": ("join", "a", 1, ["x", "y"]),
    "void": ("note", "two-way"),
    "exception-declared": ("refuse", "not today"),
    "exception-runtime": ("fail", "broken"),
    "payload-64k": ("payload", 65536),
}


class Recorder:
    """Names the frames that calls through a relay left in it."""

    def __init__(self, folder: Path, relay: Relay):
        self.folder, self.relay = folder, relay
        self.seen: set[bytes] = set()

    def all(self) -> Iterator[Frame]:
        """Whole frames so far, of both directions."""
        for said in self.relay.conversations:
            yield from frames(bytes(said.asked))
            yield from frames(bytes(said.answered))

    def new(self, want: Callable[[Frame], bool]) -> Frame:
        """The first wanted frame that was not there before."""
        found = eventually(lambda: next((frame for frame in self.all() if frame.raw not in self.seen and want(frame)), None), "a frame")
        self.seen.add(found.raw)
        return found

    def write(self, name: str, frame: Frame) -> None:
        (self.folder / f"{name}.bin").write_bytes(frame.raw)
        print(f"{name}.bin: {len(frame.raw)} bytes, id {frame.id}, flags {frame.flags:#04x}, status {frame.status}")

    def call(self, name: str, text: str, two_way: bool = True) -> None:
        """The new request with this text, such as the method's name, near its start; and its response."""
        request = self.new(lambda frame: frame.request and not frame.event and text.encode() in frame.body[:120])
        self.write(f"request-{name}", request)
        if two_way:
            self.write(f"response-{name}", self.new(lambda frame: not frame.request and frame.id == request.id))


def values(recorder: Recorder, consumer: Consumer) -> None:
    for name, (method, *args) in VALUES.items():
        consumer.reply(method, *args)
        recorder.call(name, method)
    consumer.reply("attachments", attachments={"trace-id": "00-4bf92f", "echo-one": "1", "echo-unicode": "日本 ☃ 😀"})
    recorder.call("attachments", "attachments")
    consumer.passes("pojo")
    recorder.call("cyclic", "echoNode")
    consumer.passes("generic")
    for name, method in {"generic": "echoString", "generic-person": "echoPerson", "generic-exception": "refuse"}.items():
        request = recorder.new(lambda frame: frame.request and b"$invoke" in frame.body and method.encode() in frame.body)
        recorder.write(f"request-{name}", request)
        recorder.write(f"response-{name}", recorder.new(lambda frame: not frame.request and frame.id == request.id))
    consumer.reply("echoString", "of a group", group="blue", version="1.2.3", timeout=1234)
    recorder.call("unknown-service", "echoString")
    consumer.passes("oneway")
    recorder.call("oneway", "note", two_way=False)
    consumer.passes("heartbeats", idle=1500)
    beat = recorder.new(lambda frame: frame.request and frame.event)
    recorder.write("heartbeat-request", beat)
    recorder.write("heartbeat-response", recorder.new(lambda frame: not frame.request and frame.event and frame.id == beat.id))
    consumer.reply("echoString", "by fastjson2", serialization="fastjson2")
    recorder.call("fastjson2", "echoString")


def refused(recorder: Recorder, consumer: Consumer) -> None:
    """A provider with one thread, when several calls come at once; its limit of payload is passed by a response."""
    consumer.start_load(threads=3, seconds=1)
    consumer.end_load()
    response = recorder.new(lambda frame: not frame.request and frame.status not in (0, 20))
    recorder.write("request-refused", next(frame for frame in recorder.all() if frame.request and frame.id == response.id))
    recorder.write("response-refused", response)
    consumer.reply("payload", 5000)
    recorder.call("too-large", "payload")


def second_opinion(recorder: Recorder, port: int) -> None:
    """What dubbo-ssl-python says and is answered: it announces a version whose responses carry no attachments."""
    client = python_client(port, group="", version="0.0.0")
    for name, method in {"string": "echoString", "void": "note", "exception": "refuse"}.items():
        with contextlib.suppress(DubboResponseException):
            client.call(method, ["from Python"], context={"trace-id": "00-4bf92f"}, timeout=5)
        recorder.call(f"python-{name}", "from Python")


def told(recorder: Recorder, consumer: Consumer, provider: Provider) -> None:
    """An orderly end: the provider says that it takes no more calls."""
    consumer.call("id")
    provider.signal(signal.SIGTERM)
    recorder.write("event-readonly", recorder.new(lambda frame: frame.request and frame.event and frame.body != b"N"))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "crates/codec/goldens/dubbo"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        peers = Peers(Path(scratch), [])
        try:
            provider, busy = peers.provider(), peers.provider("busy", threads=1, payload=4096)
            with Relay(provider.port) as relay, Relay(busy.port) as busy_relay:
                recorder = Recorder(folder, relay)
                consumer = peers.consumer(relay.port)
                values(recorder, consumer)
                refused(Recorder(folder, busy_relay), peers.consumer(busy_relay.port, "busy-consumer"))
                second_opinion(recorder, relay.port)
                told(recorder, consumer, provider)
        finally:
            for process in reversed(peers.started):
                process.stop()


main()
