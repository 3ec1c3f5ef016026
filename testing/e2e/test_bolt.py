"""SOFA Bolt's own peers through one Mecha and through two: what they do directly (test_bolt_direct.py) they do here."""

import concurrent.futures
from collections.abc import Callable
from typing import Any

import pytest
from kit import config as c
from kit.bolt import WIRES, Peers, Server, frames, java_client, node_client, run, sofa_client
from kit.boltraw import ONE_WAY, Stub, Wire, alike, answer, call, calls
from kit.capture import Relay
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tutorial import Tutorial
from kit.wait import eventually

KINDS = ("node", "java", "sofa")
#: The cases without an exception of the server: what sofa-rpc-node sends for one, a SOFARPC consumer can't read.
SOFA_WITH_NODE = ("id", "basics", "collections", "object", "props", "generic", "large", "timeout", "oneway")
#: What the Java library makes of the server's errors, each of which has a status of its own.
EXCEPTIONS = {
    "throw": "InvokeServerException",
    "no-processor": "InvokeServerException",
    "busy": "InvokeServerBusyException",
    "garbled": "DeserializationException",
    "unserializable": "SerializationException",
    "timeout": "InvokeTimeoutException",
}


@pytest.fixture(scope="module")
def servers(shared_bolt: Peers) -> dict[str, Server]:
    """One of each kind."""
    return dict(zip(KINDS, shared_bolt.servers(*KINDS)))


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def before(request: pytest.FixtureRequest, shared_mecha: Callable[..., Mecha], servers: dict[str, Server]) -> dict[str, Tutorial]:
    """Two listeners in a row before each server."""
    chains = {kind: Tutorial(shared_mecha, "bolt", request.param, server.port) for kind, server in servers.items()}
    # sofa-bolt-node keeps what it has learned of classes for each connection, and mistakes those of Java's clients for
    # those of Node's: both may not share one.
    bound = Tutorial(shared_mecha, "bolt", request.param, servers["node"].port, cluster={"pool_mode": "Binding"})
    return chains | {"bound": bound}


@pytest.fixture
def single(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """One listener before one port."""

    def start(to: int, **more: Any) -> tuple[Mecha, int]:
        port = free_port()
        listener = c.http_listener(port, downstream="bolt", **more)
        return mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(to)]), port

    return start


def through(tutorial: Tutorial) -> str:
    return f"127.0.0.1:{tutorial.client}"


def well(told: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a client told, after a look that every case went as it should."""
    bad = [line for line in told.values() if not line["ok"]]
    assert not bad, bad
    return told


def together(commands: list[list[Any]]) -> list[dict[str, dict[str, Any]]]:
    """Runs clients side by side, whose cases mostly wait."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return [well(told) for told in pool.map(run, commands)]


@pytest.mark.parametrize("kind", ["node", "sofa"])
def test_a_node_client_and_every_case(before: dict[str, Tutorial], kind: str) -> None:
    # The case "many" of three would be more calls at once than the threads of SOFARPC's server.
    wires = WIRES if kind == "node" else ("v1", "v2-crc")
    for told in together([node_client(through(before[kind]), wire=wire) for wire in wires]):
        assert told["id"]["found"] == "blue"
        assert told["many"]["found"] == {"answers": 100, "in_order_of_the_calls": False}
        assert "thrown on purpose" in told["fail"]["found"]["message"]


def test_a_java_client_and_every_case(before: dict[str, Tutorial]) -> None:
    for told in together([java_client(through(before["java"]), wire=wire) for wire in WIRES]):
        found = {name: line.get("found") for name, line in told.items()}
        assert found["sync"]["server"] == "blue"
        assert found["many"] == {"answers": 100, "in_order_of_the_calls": False}
        assert {name: found[name]["exception"] for name in EXCEPTIONS} == EXCEPTIONS
        assert len(found["headers"]["received"]) == 5 and found["headers"]["received"] == found["headers"]["headers"]


def test_a_sofarpc_consumer_and_every_case(before: dict[str, Tutorial]) -> None:
    commands = [sofa_client(through(before["sofa"])), sofa_client(through(before["bound"]), *SOFA_WITH_NODE), node_client(through(before["bound"]), "id", "timeout")]
    *consumers, _ = together(commands)
    for told in consumers:
        assert told["id"]["found"] == "blue"
        assert told["timeout"]["found"]["exception"] == "SofaTimeOutException"


def test_load_of_both_clients_at_once(shared_bolt: Peers, before: dict[str, Tutorial]) -> None:
    tutorial = before["java"]
    counted = tutorial.requests()
    clients = [
        shared_bolt.client(node_client(through(before["node"]), "load", calls=500, at_once=16), f"node-{tutorial.client}"),
        shared_bolt.client(java_client(through(tutorial), "load", wire="v2-crc", calls=500, at_once=16), f"java-{tutorial.client}"),
    ]
    for client in clients:
        told = client.wait_case("load")
        assert told["ok"] and told["good"] == 500 and told["errors"] == {}, told
    eventually(lambda: tutorial.requests() == (counted[0] + 500, counted[1] + 500), "each listener has counted 500 more")
    assert tutorial.near.metric("downstream_request_active", listener="clientListener") == 0


@pytest.mark.parametrize("wire", WIRES)
def test_frames_leave_as_they_came_but_for_their_number(single: Callable[..., tuple[Mecha, int]], servers: dict[str, Server], wire: str) -> None:
    """Errors of the server among them, whatever their status."""
    with Relay(servers["java"].port) as behind:
        _, port = single(behind.port)
        with Relay(port) as ahead:
            well(run(java_client(ahead.address, wire=wire)))
            (there,), (here,) = ahead.conversations, behind.conversations
            for came, left in ((there.asked, here.asked), (here.answered, there.answered)):
                assert len(calls(came)) > 100
                # What a call was too late for is answered twice: by Mecha in time, by the server to nobody.
                assert sorted(map(alike, calls(left))) == sorted(map(alike, calls(came))) or came is here.answered
            statuses = {frame.timeout_or_status for frame in calls(there.answered)}
            assert statuses >= {0, 2, 4, 17, 18}
            late = {alike(frame) for frame in calls(here.answered)} - {alike(frame) for frame in calls(there.answered)}
            made_here = {alike(frame) for frame in calls(there.answered)} - {alike(frame) for frame in calls(here.answered)}
            assert len(late) <= 1 and len(made_here) <= 1, (late, made_here)
            numbers = [frame.id for frame in calls(here.asked) if frame.kind != ONE_WAY]
            assert len(set(numbers)) == len(numbers), "each number is one call's"
            assert all(frame.protocol == int(wire[1]) for frame in frames(bytes(here.asked)))


@pytest.mark.parametrize("client", [node_client, java_client])
def test_heartbeats_of_a_client_end_at_mecha(single: Callable[..., tuple[Mecha, int]], servers: dict[str, Server], client: Callable[..., list]) -> None:
    with Relay(servers["node" if client is node_client else "java"].port) as behind:
        _, port = single(behind.port)
        with Relay(port) as ahead:
            well(run(client(ahead.address, "heartbeat")))
            asked = [frame.id for said in ahead.conversations for frame in frames(bytes(said.asked)) if frame.command == 0]
            answered = [frame.id for said in ahead.conversations for frame in frames(bytes(said.answered)) if frame.command == 0]
        assert len(asked) >= 2 and answered == asked
        assert not [frame for said in behind.conversations for frame in frames(bytes(said.asked)) if frame.command == 0]


def test_two_clients_that_choose_the_same_number(single: Callable[..., tuple[Mecha, int]], stub: Callable[..., Stub]) -> None:
    """Their calls share an upstream connection, are answered in the other order, and each gets its own answer."""
    held: list = []

    def handler(frame, link):
        held.append(frame)
        if len(held) == 3:
            for one in reversed(held):
                link.send(answer(one))

    server = stub(handler)
    process, port = single(server.port)
    with Wire(port) as one:
        one.send(*(call(number, content=b"%d" % number) for number in (7, 9, 7)))
        found = one.frames(3)
    assert [(frame.id, frame.content) for frame in found] == [(7, b"7"), (9, b"9"), (7, b"7")]
    assert len({frame.id for frame in server.calls}) == 3 and len(server.links) == 1
    assert process.upstream("request_total") == 3


def test_a_one_way_call_is_passed_on_and_never_answered(single: Callable[..., tuple[Mecha, int]], stub: Callable[..., Stub]) -> None:
    server = stub(lambda frame, _: None if frame.kind == ONE_WAY else answer(frame))
    process, port = single(server.port)
    with Wire(port) as wire:
        wire.send(call(1, kind=ONE_WAY, timeout=-1, content=b"note"))
        assert wire.call(2).id == 2
        assert [(frame.kind, frame.content) for frame in server.calls] == [(ONE_WAY, b"note"), (1, b"content")]
    eventually(lambda: process.downstream("request_active") == 0, "no request is under way")
    assert process.upstream("request_active") == 0


def test_a_server_that_answers_a_one_way_call(single: Callable[..., tuple[Mecha, int]], stub: Callable[..., Stub]) -> None:
    """As sofa-rpc-node's does; the client, which waits for nothing, gets nothing."""
    server = stub()
    _, port = single(server.port)
    with Wire(port) as wire:
        wire.send(call(1, kind=ONE_WAY))
        server.wait_calls(1)
        assert [wire.call(number).id for number in (2, 3)] == [2, 3]
