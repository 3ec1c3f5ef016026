"""Apache Dubbo's Java SDK, unmodified, as provider and consumer of the service `mecha.peers.Echo`.

    def test_something(dubbo, mecha):
        provider = dubbo.provider()                        # serves on provider.port; dubbo://, hessian2
        mecha(...)                                         # a listener before provider.port
        consumer = dubbo.consumer(port)                    # calls 127.0.0.1:port
        consumer.passes("basic-types", "pojo")             # cases that judge themselves: see CASES
        assert consumer.call("join", "a", 1, ["b"]) == "a 1 b"

The service has a method for every kind of argument, result and end of a call: see `Echo.java` in
`testing/peers/dubbo-java`. Starting a process takes about a second, so a file of scenarios shares one consumer
(fixture `shared_dubbo`) and gives each call the flags that it needs: `consumer.call("id", group="blue", timeout=300)`.
"""

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from . import java
from .java import flags
from .ports import free_port
from .process import Process

if TYPE_CHECKING:
    from dubbo_ssl.client import DubboClient

MODULE = "dubbo-java"
#: The interface, by which routes and registries know the service.
SERVICE = "mecha.peers.Echo"
#: What `Consumer.case` knows. "errors" asks for a service and a method that are not there; "heartbeats" leaves a
#: connection idle for 2.5 s with a heartbeat every 0.5 s, "oneway" and "timeout" (300 ms) say it by their names,
#: "async-parallel" has eight calls under way whose answers come in the reverse order, "large" carries 1 MiB each way.
CASES = (
    "basic-types",
    "collections",
    "enums",
    "pojo",
    "exceptions",
    "generic",
    "attachments",
    "large",
    "timeout",
    "oneway",
    "async-parallel",
    "heartbeats",
    "errors",
)


class DubboError(Exception):
    """What a call threw: its message, `name` (the Java class) and `kind` (of an `RpcException`: timeout, network,
    business, forbidden, serialization, no-provider, limit, unknown)."""

    def __init__(self, error: dict[str, Any]):
        super().__init__(f"{error['class']}: {error['message']}")
        self.name, self.kind, self.message = error["class"], error.get("kind"), error["message"]


class Provider(java.Server):
    """A provider. Its port stays the same when it is started again: `provider.kill(); provider.start().ready()`.

    `stop` and SIGTERM end it in an orderly way: it tells its clients that it takes no more calls (the read-only event).
    """

    def __init__(self, folder: Path, name: str = "provider", port: int | None = None, **more: Any):
        """`more` are the module's flags: protocol="tri", group, version, registry (a ZooKeeper's `address`),
        serialization, threads (calls above that number are refused), payload (bytes), heartbeat (ms)."""
        self.port = port or free_port()
        super().__init__(folder, name, MODULE, "provider", *flags({"port": self.port, "id": name} | more))


class Consumer(java.Client):
    """A consumer. Methods take flags as named arguments: those that replace what the consumer was made with, for this
    one use: url, group, version, timeout (ms), connections, retries, serialization, heartbeat (ms), lb, registry.
    Uses with the same flags share connections.
    """

    def __init__(self, folder: Path, port: int | None = None, name: str = "consumer", **more: Any):
        """Calls 127.0.0.1:`port` directly, or what `registry` knows. `protocol="tri"` makes it Triple."""
        protocol = more.pop("protocol", "dubbo")
        url = {"url": f"{protocol}://127.0.0.1:{port}"} if port else {}
        super().__init__(folder, name, MODULE, "consumer", *flags(url | more), "stdin")

    def case(self, name: str, seconds: float = 30, **more: Any) -> dict[str, Any]:
        """Runs a case: `{"case", "ok", "detail", "ms"}`."""
        return self.ask({"case": name, "flags": more}, seconds)

    def passes(self, *names: str, **more: Any) -> None:
        """Runs cases, each of which must go well."""
        results = [self.case(name, **more) for name in names]
        assert all(result["ok"] for result in results), [result for result in results if not result["ok"]]

    def reply(self, method: str, *args: Any, attachments: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Calls a method: `{"ok", "result" or "error", "attachments" of the response, "ms"}`.

        Arguments are JSON: byte[] is a list of numbers, Date milliseconds, an enum its name, a POJO an object.
        """
        return self.ask({"call": method, "args": args, "attachments": attachments or {}, "flags": more})

    def call(self, method: str, *args: Any, **more: Any) -> Any:
        """The result of a method; raises `DubboError` when it throws."""
        reply = self.reply(method, *args, **more)
        if not reply["ok"]:
            raise DubboError(reply["error"])
        return reply["result"]

    def start_load(self, threads: int = 8, seconds: int = 3, **more: Any) -> None:
        """Calls without a pause from so many threads, and returns once a hundred calls went well; `end_load` has the result."""
        self.tell({"load": True, "flags": {"threads": threads, "seconds": seconds} | more})
        started = self.answer()
        assert started.get("on"), f"the load did not get under way: {started}"

    def end_load(self, seconds: float = 60) -> dict[str, Any]:
        """Once it has ended: `good`, `failed` (number by kind), `providers` (number by id), `longest_ms` (the longest
        call), `last_good_before_end_ms`; `ok` when nothing failed."""
        return self.answer(seconds)


class Peers:
    """The Dubbo processes of a scenario, or of a file of scenarios; fixtures `dubbo` and `shared_dubbo`."""

    def __init__(self, folder: Path, started: list[Process]):
        self.folder, self.started = folder, started

    def provider(self, name: str = "provider", port: int | None = None, ready: bool = True, **more: Any) -> Provider:
        """Starts a provider and waits until it serves; several start side by side with `ready=False` and `.ready()`."""
        provider = Provider(self.folder, name, port, **more)
        self.started.append(provider.start())
        return provider.ready() if ready else provider

    def consumer(self, port: int | None = None, name: str = "consumer", **more: Any) -> Consumer:
        """Starts a consumer; it connects at its first call."""
        consumer = Consumer(self.folder, port, name, **more)
        self.started.append(consumer)
        return consumer


def python_client(port: int, group: str | None = None, version: str = "0.0.0", release: str = "2.7.23") -> "DubboClient":
    """The client of PyPI's `dubbo-ssl-python`, a second opinion: `.call(method, [argument, ...], context={}, timeout=5)`.

    It knows bool, int, str, float, lists and `dubbo_ssl.codec.encoder.Object` as arguments, and calls by the types that
    it sees (a small int is an `int`, a greater one a `long`). It does not understand responses with attachments; with
    `release` in this form a provider leaves them out, as for every client before Dubbo 2.6.3. Its errors are
    `dubbo_ssl.common.exceptions.DubboResponseException` and `DubboRequestTimeoutException`.
    """
    from dubbo_ssl.client import DubboClient

    return DubboClient(SERVICE, group, version, release, host=f"127.0.0.1:{port}")


def python_client_agrees(port: int) -> None:
    """What that client sends arrives, and what it gets is what the provider said."""
    from dubbo_ssl.codec.encoder import Object
    from dubbo_ssl.common.exceptions import DubboResponseException

    client = python_client(port)
    for method, value in {"echoBoolean": True, "echoInt": -7, "echoLong": 1 << 40, "echoDouble": 2.5, "echoString": "日本 ☃"}.items():
        assert client.call(method, [value], timeout=5) == value
    assert client.call("attachments", [], context={"trace-id": "1"}, timeout=5)["trace-id"] == "1"
    person = client.call("echoPerson", [Object("mecha.peers.Person", {"name": "Ada", "age": 36})], timeout=5)
    assert (person["name"], person["age"]) == ("Ada", 36)
    with pytest.raises(DubboResponseException, match="no, thanks"):
        client.call("refuse", ["no, thanks"], timeout=5)


class Frame(NamedTuple):
    """A frame of Dubbo 2: its bytes, and what its head says."""

    raw: bytes
    #: 0x80 request, 0x40 wants a response, 0x20 event, and the serialization's number in the low five bits.
    flags: int
    #: Of a response: 20 is good.
    status: int
    id: int
    body: bytes

    @property
    def request(self) -> bool:
        return bool(self.flags & 0x80)

    @property
    def event(self) -> bool:
        return bool(self.flags & 0x20)


def frames(data: bytes) -> list[Frame]:
    """The frames that one side of a connection has sent; a last one that is not whole is left out."""
    found, at = [], 0
    while at + 16 <= len(data):
        magic, flags, status, number, length = struct.unpack_from(">HBBQI", data, at)
        assert magic == 0xDABB, f"byte {at} begins no frame: {data[at:at + 16].hex(' ')}"
        end = at + 16 + length
        if end > len(data):
            break
        found.append(Frame(data[at:end], flags, status, number, data[at + 16 : end]))
        at = end
    return found
