"""RPC protocols and HTTP on one port, told apart by their first bytes, however slowly those come."""

import concurrent.futures
import struct
from collections.abc import Callable

import pytest
from kit import config as c
from kit.backend import answering
from kit.bolt import Peers, java_client, node_client, run
from kit.boltraw import NO_PROCESSOR, Stub, Wire, call
from kit.client import Raw, get
from kit.h2peer import Client
from kit.mecha import ROOT, Mecha
from kit.ports import free_port
from kit.tools import curl
from kit.wait import eventually

GOLDENS = ROOT / "crates/codec/goldens"
#: Frames of real peers; see the README beside each.
OPENINGS = {
    "bolt": GOLDENS / "bolt/sofa-id-request.bin",
    "boltv2": GOLDENS / "boltv2/node-id-request-crc.bin",
    "dubbo": GOLDENS / "dubbo/request-attachments.bin",
    "dubbo-thrift": GOLDENS / "dubbo_thrift/request-string.bin",
    "tars": GOLDENS / "tars/echo-request.bin",
}
HTTP1 = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def opening(protocol: str) -> bytes:
    return HTTP1 if protocol == "Http1" else OPENINGS[protocol].read_bytes()


def is_answer(protocol: str, data: bytes, asked: bytes) -> bool:
    """Whether these bytes are this protocol's word for "no route", under the number of what was asked."""
    match protocol:
        case "Http1":
            return data.startswith(b"HTTP/1.1 404 ") and b"\r\n\r\n" in data
        case "bolt":
            return len(data) == 20 and data[0] == 1 and data[5:9] == asked[5:9] and data[10:12] == struct.pack(">H", NO_PROCESSOR)
        case "boltv2":
            return len(data) == 26 and data[0] == 2 and data[6:10] == asked[6:10] and data[12:14] == struct.pack(">H", NO_PROCESSOR)
        case "dubbo":
            return len(data) > 16 and data[:2] == b"\xda\xbb" and data[3] == 60 and data[4:12] == asked[4:12]
        case "dubbo-thrift":
            return len(data) > 12 and data[4:6] == b"\xda\xbc" and len(data) == 4 + int.from_bytes(data[:4])
        case _:
            return len(data) > 10 and len(data) == int.from_bytes(data[:4]) and data[4] == 0x10


def is_answered(client: Raw, protocol: str, asked: bytes) -> bool:
    """Whether the answer comes; a connection that is closed first had none."""
    found = b""
    while not is_answer(protocol, found, asked):
        try:
            found += client.exactly(1)
        except (EOFError, ConnectionError):
            return False
    return True


@pytest.fixture
def routeless(mecha: Callable[..., Mecha]) -> Callable[[str], tuple[Mecha, int]]:
    """A listener that routes nothing: its answers show what it takes clients to speak."""

    def start(downstream: str, **more: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        nowhere = c.to_cluster("none", c.match(headers=[{"name": "x-nobody", "value": "sends"}]))
        return mecha(listeners=[c.http_listener(port, downstream=downstream, **more)], routers=[c.router([nowhere])], clusters=[c.cluster(name="none")]), port

    return start


@pytest.mark.parametrize(
    ("downstream", "known"),
    [
        ("Auto", ["Http1", *OPENINGS]),
        ("bolt,boltv2", ["bolt", "boltv2"]),
        ("Http1,bolt", ["Http1", "bolt"]),
        ("dubbo,tars", ["dubbo", "tars"]),
        ("Http2,dubbo-thrift,boltv2", ["boltv2", "dubbo-thrift"]),
        ("bolt", ["bolt", "boltv2"]),
        ("boltv2", ["bolt", "boltv2"]),
        *((protocol, [protocol]) for protocol in ("dubbo", "dubbo-thrift", "tars")),
    ],
)
@pytest.mark.parametrize("slowly", [False, True])
def test_each_protocol_is_known_and_no_other(routeless, downstream: str, known: list[str], slowly: bool) -> None:
    process, port = routeless(downstream)

    def look(protocol: str) -> bool:
        asked = opening(protocol)
        with Raw(port) as client:
            try:
                # Byte by byte as far as any protocol looks; a peer that is not known may be closed on before its last byte.
                for at in range(18 if slowly else 0):
                    client.send(asked[at : at + 1]).quiet(0.01)
                client.send(asked[18 if slowly else 0 :])
            except OSError:
                return False
            return is_answered(client, protocol, asked)

    protocols = ["Http1", *OPENINGS]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert [protocol for protocol, found in zip(protocols, pool.map(look, protocols)) if found] == known
    eventually(lambda: process.downstream("connection_active") == 0, "no connection is left")


def test_bolt_of_both_versions_on_a_listener_of_either(proxy, stub: Callable[..., Stub]) -> None:
    """As in MOSN: each codec reads both versions, also in turn on one connection."""
    for downstream in ("bolt", "boltv2"):
        _, port = proxy(stub().port, downstream=downstream)
        with Wire(port) as wire:
            forms = [{}, {"protocol": 2}, {"protocol": 2, "crc": True}, {}]
            first = {"bolt": forms, "boltv2": forms[1:] + forms[:1]}[downstream]
            assert [wire.call(number, **form).protocol for number, form in enumerate(first)] == [form.get("protocol", 1) for form in first]


def test_real_clients_of_everything_on_one_port(mecha: Callable[..., Mecha], bolt: Peers, backend) -> None:
    """Each goes to a host that speaks as it does; the port is one."""
    node, java = bolt.servers("node", "java")
    port = free_port()
    to_node = c.to_cluster("node", c.match(headers=[{"name": "service", "value": "mecha.peers.sofa.Peer"}]))
    to_web = c.to_cluster("web", c.match(prefix="/web"))
    mecha(
        listeners=[c.http_listener(port, downstream="Auto")],
        routers=[c.router([to_node, to_web, c.to_cluster("java")])],
        clusters=[c.cluster(node.port, name="node"), c.cluster(java.port, name="java"), c.cluster(backend(answering("web")).port, name="web")],
    )
    address = f"127.0.0.1:{port}"
    clients = [node_client(address, "id", "many"), node_client(address, "id", "large", wire="v2-crc"), java_client(address, "sync", "many", wire="v2")]
    for told in map(run, clients):
        assert all(line["ok"] for line in told.values()), told
    assert curl(f"http://{address}/web") == "web"
    assert get(port, "/web").text == "web"


def test_http2_beside_bolt(routeless) -> None:
    _, port = routeless("Http2,bolt")
    with Client(port) as client, Wire(port) as wire:
        assert client.get().status == 404
        assert wire.call(5).timeout_or_status == NO_PROCESSOR


@pytest.mark.parametrize("sub", ["bolt", "boltv2", "dubbo", "tars", "bolt,dubbo"])
def test_the_old_x_with_a_sub_protocol(routeless, sub: str) -> None:
    _, port = routeless("X", extend={"sub_protocol": sub}, upstream="X")
    for protocol in sub.split(","):
        asked = opening(protocol)
        with Raw(port) as client:
            assert is_answered(client.send(asked), protocol, asked)
    with Raw(port) as client:
        client.send(HTTP1)
        assert client.rest() == b""


@pytest.mark.parametrize(
    ("downstream", "sent"),
    [
        ("bolt", HTTP1),
        ("bolt", opening("dubbo")),
        ("dubbo", opening("bolt")),
        ("tars", opening("boltv2")),
        ("Http2", opening("bolt")),
        ("Auto", b"\x16\x03\x01\x02\x00\x01"),
        ("Auto", b"\x01\x09"),
        ("Auto", b"\x00" * 32),
    ],
)
def test_a_client_of_the_wrong_protocol_is_closed_on_at_once(routeless, downstream: str, sent: bytes) -> None:
    process, port = routeless(downstream)
    with Raw(port) as client:
        client.send(sent)
        assert b"HTTP/1" not in client.rest()
    assert process.downstream("protocol_error") == 1


def test_a_client_of_bolt_on_a_port_for_http_is_told_in_http(routeless) -> None:
    _, port = routeless("Http1")
    with Raw(port) as client:
        client.send(opening("bolt"))
        assert client.rest().startswith(b"HTTP/1.1 400 ")


def test_undecided_bytes_are_handed_on_after_fifteen_seconds_or_closed(mecha: Callable[..., Mecha], stub: Callable[..., Stub]) -> None:
    """MOSN's read timeout. The fallback gets every byte that came, here a call of Bolt that begins late."""
    strict, falling = free_port(), free_port()
    server = stub()
    process = mecha(
        listeners=[
            c.http_listener(strict, downstream="bolt,dubbo,tars"),
            c.http_listener(falling, downstream="dubbo,boltv2", fallback=c.tcp_filter("raw")),
        ],
        routers=[c.router([c.to_cluster("raw")])],
        clusters=[c.cluster(server.port, name="raw")],
    )
    with Raw(strict, 25) as one, Raw(strict, 25) as two, Wire(falling, 25) as three, Wire(falling, 25) as four:
        one.send(b"\x01")
        two.send(b"\xda")
        # Version 2 up to its second byte: too little to tell.
        four.send(call(4, protocol=2)[:3])
        assert three.call(3).id == 3, "no protocol of the list begins by 1: it is handed on at once"
        assert one.rest() == two.rest() == b""
        four.send(call(4, protocol=2)[3:])
        assert four.frame().id == 4
    assert process.downstream("request_timeout") >= 2
    assert process.metric("upstream_connection_total", cluster="raw") >= 2
