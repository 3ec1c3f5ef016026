"""SOFA Bolt's own peers against each other, nothing between them: what they do here they shall do through a proxy."""

from typing import Any

import pytest

from kit.bolt import WIRES, Peers, Server, frames, java_client, node_client, run, sofa_client
from kit.capture import Relay

KINDS = ("node", "java", "sofa")
#: The cases without an exception of the server: what sofa-rpc-node sends for one, a SOFARPC consumer can't read.
SOFA_WITH_NODE = ("id", "basics", "collections", "object", "props", "generic", "large", "timeout", "oneway")


@pytest.fixture(scope="module")
def servers(shared_bolt: Peers) -> dict[str, Server]:
    """One of each kind."""
    return dict(zip(KINDS, shared_bolt.servers(*KINDS)))


def well(told: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a client told, after a look that every case went as it should."""
    assert all(line["ok"] for line in told.values()), told
    return told


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", ["node", "sofa"])
def test_a_node_client_and_every_case(servers: dict[str, Server], kind: str, wire: str) -> None:
    told = well(run(node_client(servers[kind].address, wire=wire)))
    assert told["id"]["found"] == "blue"
    assert told["many"]["found"] == {"answers": 100, "in_order_of_the_calls": False}
    assert told["timeout"]["found"]["name"] == "RpcResponseTimeoutError"
    assert "thrown on purpose" in told["fail"]["found"]["message"]


@pytest.mark.parametrize("wire", WIRES)
def test_a_java_client_and_every_case(servers: dict[str, Server], wire: str) -> None:
    told = well(run(java_client(servers["java"].address, wire=wire)))
    assert told["sync"]["found"]["server"] == "blue"
    assert told["many"]["found"] == {"answers": 100, "in_order_of_the_calls": False}
    assert told["timeout"]["found"]["exception"] == "InvokeTimeoutException"
    assert told["throw"]["found"]["exception"] == "InvokeServerException"
    assert told["busy"]["found"]["exception"] == "InvokeServerBusyException"
    headers = told["headers"]["found"]
    assert len(headers["received"]) == 5 and headers["received"] == headers["headers"]


@pytest.mark.parametrize(("kind", "cases"), [("sofa", ()), ("node", SOFA_WITH_NODE)])
def test_a_sofarpc_consumer_and_every_case(servers: dict[str, Server], kind: str, cases: tuple[str, ...]) -> None:
    told = well(run(sofa_client(servers[kind].address, *cases)))
    assert told["id"]["found"] == "blue"
    assert told["timeout"]["found"]["exception"] == "SofaTimeOutException"
    if kind == "sofa":
        assert told["fail"]["found"] == "mecha.peers.sofa.Trouble"


def test_load(shared_bolt: Peers, servers: dict[str, Server]) -> None:
    """Both clients at once, each in the background."""
    clients = [
        shared_bolt.client(node_client(servers["node"].address, "load", calls=500, at_once=16), "node"),
        shared_bolt.client(java_client(servers["java"].address, "load", wire="v2-crc", calls=500, at_once=16), "java"),
    ]
    for client in clients:
        told = client.wait_case("load")
        assert told["ok"] and told["good"] == 500 and told["errors"] == {}, told


@pytest.mark.parametrize("wire", WIRES)
def test_what_is_on_the_wire(servers: dict[str, Server], wire: str) -> None:
    """A client speaks the version that it is told to, and sends heartbeats while it is idle."""
    with Relay(servers["java"].port) as relay:
        well(run(java_client(relay.address, "heartbeat", wire=wire)))
    (said,) = relay.conversations
    asked, answered = frames(bytes(said.asked)), frames(bytes(said.answered))
    assert {frame.protocol for frame in asked + answered} == {int(wire[1])}
    calls = [frame for frame in asked if frame.command == 1]
    assert len(calls) == 2 and all((frame.crc is not None) == (wire == "v2-crc") for frame in calls)
    heartbeats = [frame.id for frame in asked if frame.command == 0]
    assert len(heartbeats) >= 2
    assert set(heartbeats) <= {frame.id for frame in answered if frame.command == 0}
