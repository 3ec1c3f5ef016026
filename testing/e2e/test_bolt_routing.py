"""Where Bolt's calls go and what is done to them on the way: by service, method, version and any header of the frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit import config as c
from kit.bolt import WIRES, Peers, Server, java_client, node_client, run
from kit.boltraw import BUSY, GOOD, NO_PROCESSOR, SERVER_EXCEPTION, SERVICE, TIMEOUT, UNKNOWN, Stub, Wire, answer, call, headers, timed
from kit.deaf import deaf_port
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually

#: One more second than a busy machine takes.
SOON = 3


@pytest.fixture
def before(mecha: Callable[..., Mecha], stub: Callable[..., Stub]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before the clusters "plain" and "canary", whose servers answer with their names:
    `process, port = before([route, ...])`."""

    def start(
        routes: list[c.Json] | None = None, hosts: list[c.Json] | None = None, clusters: list[c.Json] = (), listener: c.Json | None = None
    ) -> tuple[Mecha, int]:
        port = free_port()
        named = [c.cluster(stub(lambda frame, _, name=name: answer(frame, content=name.encode())).port, name=name) for name in ("plain", "canary")]
        routed = c.router_of(hosts or [c.virtual_host(routes, ["*"])])
        return mecha(listeners=[c.http_listener(port, downstream="bolt", name="bolt", **(listener or {}))], routers=[routed], clusters=[*named, *clusters]), port

    return start


def when(regex: bool = False, **fields: str) -> c.Json:
    return c.match(headers=[{"name": name, "value": value, "regex": regex} for name, value in fields.items()])


def to(port: int, **how: Any) -> str:
    """Which server a call comes to."""
    with Wire(port) as wire:
        found = wire.call(**how)
        assert found.timeout_or_status == GOOD, found
        return found.content.decode()


def status(port: int, **how: Any) -> int:
    with Wire(port) as wire:
        return wire.call(4711, **how).timeout_or_status


def test_a_virtual_host_is_a_service(before) -> None:
    _, port = before(hosts=[c.virtual_host([c.to_cluster("canary")], [SERVICE]), c.virtual_host([c.to_cluster("plain")], ["*"])])
    assert to(port) == "canary"
    assert to(port, service="mecha.peers.Another:1.0") == "plain"


@pytest.mark.parametrize("form", [{}, {"protocol": 2}, {"protocol": 2, "crc": True}])
def test_routes_by_what_a_call_says_of_itself(before, form: dict[str, Any]) -> None:
    routes = [
        c.to_cluster("canary", when(service=SERVICE, method="cancel")),
        c.to_cluster("canary", when(service=f"{SERVICE}:2.0")),
        c.to_cluster("canary", when(version="3.0")),
        c.to_cluster("canary", when(regex=True, user="test-.*")),
        c.to_cluster("plain", when(service=SERVICE)),
    ]
    _, port = before(routes)
    assert to(port, **form) == "plain"
    assert to(port, method="cancel", **form) == "canary"
    assert to(port, service=f"{SERVICE}:2.0", **form) == "canary"
    assert to(port, service=f"{SERVICE}:3.0:unique", **form) == "canary"
    assert to(port, more={"user": "test-7"}, **form) == "canary"
    assert to(port, more={"user": "live"}, **form) == "plain"
    assert status(port, service="mecha.peers.Another:1.0", **form) == NO_PROCESSOR


def test_a_method_that_only_the_content_tells(shared_bolt: Peers, before, servers: list[Server]) -> None:
    """sofa-rpc-node writes the name of the method nowhere else."""
    node, _ = servers
    _, port = before([c.to_cluster("node", when(service="mecha.peers.sofa.Peer", method="id"))], clusters=[c.cluster(node.port, name="node")])
    told = run(node_client(f"127.0.0.1:{port}", "id", "props"))
    assert told["id"]["found"] == "blue"
    assert not told["props"]["ok"]


@pytest.fixture(scope="module")
def servers(shared_bolt: Peers) -> list[Server]:
    return shared_bolt.servers("node", "java")


@pytest.mark.parametrize("wire", WIRES)
def test_headers_are_added_changed_and_removed_on_both_ways(before, servers: list[Server], wire: str) -> None:
    rules = {
        "request_headers_to_add": c.adding(x_added="by mecha ☃", x_gone="on the way back"),
        "request_headers_to_remove": ["empty"],
        "response_headers_to_add": c.adding(x_answered="through mecha"),
        "response_headers_to_remove": ["x-gone"],
    }
    _, port = before([c.to_cluster("java", **rules)], clusters=[c.cluster(servers[1].port, name="java")])
    told = run(java_client(f"127.0.0.1:{port}", "sync", "headers", "large", wire=wire))
    found = told["sync"]["found"]
    # The server answers with the headers that it received.
    assert found["received"] == {"x-added": "by mecha ☃", "x-gone": "on the way back"}
    assert found["headers"] == {"x-added": "by mecha ☃", "x-answered": "through mecha"}
    assert found["text"] == "sync \u00e9\u4e2d"
    message = told["headers"]["message"]
    assert all(part in message for part in ("x-added=by mecha ☃", "nameé=值", "mixed Case=a=b; c")) and "empty=" not in message, message
    # The content is as it was, behind a block of another length; a wrong checksum would be refused.
    assert told["large"]["ok"], told["large"]


def test_a_call_is_made_one_of_another_service(before, stub) -> None:
    server = stub()
    rules = c.adding(service="mecha.peers.Other:9.9")
    _, port = before([c.to_cluster("one", request_headers_to_add=rules)], clusters=[c.cluster(server.port, name="one")])
    with Wire(port) as wire:
        assert wire.call(content=b"as it was").content == b"as it was"
    assert headers(server.calls[0])["service"] == "mecha.peers.Other:9.9"


def test_clusters_by_weight(before) -> None:
    _, port = before([c.to_weighted({"plain": 70, "canary": 30})])
    with Wire(port) as wire:
        names = [wire.call(number).content for number in range(200)]
    assert names.count(b"plain") + names.count(b"canary") == 200
    # Five standard deviations around 60.
    assert 28 <= names.count(b"canary") <= 92


@pytest.mark.parametrize(("code", "expected"), [(503, BUSY), (404, NO_PROCESSOR), (504, TIMEOUT), (403, SERVER_EXCEPTION), (555, UNKNOWN)])
def test_a_fault_aborts_the_calls_that_are_meant(before, code: int, expected: int) -> None:
    fault = {"abort": {"status": code, "percentage": 100}, "headers": [{"name": "method", "value": "cancel"}]}
    process, port = before([c.to_cluster("plain")], listener={"stream_filters": [{"type": "fault", "config": fault}]})
    assert (status(port, method="cancel"), status(port)) == (expected, GOOD)
    assert process.upstream("request_total", "plain") == 1


def test_a_fault_delays_a_call(before) -> None:
    fault = {"delay": {"fixed_delay": "300ms", "percentage": 100}}
    _, port = before([c.to_cluster("plain")], listener={"stream_filters": [{"type": "fault", "config": fault}]})
    found, seconds = timed(lambda: to(port))
    assert found == "plain" and seconds >= 0.3


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (c.to_cluster("plain", when(service="mecha.peers.Another")), NO_PROCESSOR),
        (c.to_cluster("none"), NO_PROCESSOR),
        (c.to_cluster("refusing"), NO_PROCESSOR),
        (c.direct(503, "not now"), BUSY),
        (c.direct(404), NO_PROCESSOR),
        (c.direct(504), TIMEOUT),
    ],
    ids=["no route", "no host", "nobody listens", "direct 503", "direct 404", "direct 504"],
)
@pytest.mark.parametrize("form", [{}, {"protocol": 2, "crc": True}])
def test_what_nobody_can_answer_is_answered_at_once(before, route: c.Json, expected: int, form: dict[str, Any]) -> None:
    _, port = before([route], clusters=[c.cluster(name="none"), c.cluster(free_port(), name="refusing")])
    with Wire(port) as wire:
        found, seconds = timed(lambda: wire.call(0xFFFF_FFFE, **form))
        assert (found.timeout_or_status, found.protocol, found.crc is not None) == (expected, form.get("protocol", 1), bool(form))
        assert seconds < SOON
        assert wire.call(2, **form).timeout_or_status == expected, "the connection goes on"
        wire.send(call(3, kind=2, **form), call(4, **form))
        assert wire.frame().id == 4, "a one-way call has no answer, of ours neither"


def test_more_calls_than_the_cluster_takes(before, stub) -> None:
    held = []
    server = stub(lambda frame, link: held.append((frame, link)))
    _, port = before([c.to_cluster("one")], clusters=[c.cluster(server.port, name="one", circuit_breakers=[{"max_requests": 2}])])
    with Wire(port) as wire:
        wire.send(*(call(number) for number in (1, 2)))
        eventually(lambda: len(held) == 2, "two calls came")
        assert wire.call(3).timeout_or_status == BUSY
        for frame, link in held:
            link.send(answer(frame))
        assert [frame.timeout_or_status for frame in wire.frames(2)] == [GOOD, GOOD]


@pytest.mark.parametrize(("frame", "route"), [(300, None), (20_000, "300ms"), (-1, "300ms")])
def test_the_shorter_of_the_callers_and_the_routes_patience_counts(before, stub, frame: int, route: str | None) -> None:
    server = stub(lambda frame, link: None)
    process, port = before([c.to_cluster("one", **({"timeout": route} if route else {}))], clusters=[c.cluster(server.port, name="one")])
    with Wire(port) as wire:
        found, seconds = timed(lambda: wire.call(timeout=frame))
        assert found.timeout_or_status == TIMEOUT and 0.29 <= seconds < SOON
        # What comes too late comes to nobody.
        server.links[0].send(answer(server.calls[0]))
        wire.send(call(2, timeout=frame))
        assert wire.frame().id == 2
    assert process.upstream("request_timeout", "one") == 2
    assert len(server.links) == 1, "a late answer costs no connection"


def test_the_callers_patience_holds_while_connecting(before) -> None:
    with deaf_port() as deaf:
        _, port = before([c.to_cluster("deaf")], clusters=[c.cluster(deaf, name="deaf", connect_timeout="60s")])
        with Wire(port) as wire:
            found, seconds = timed(lambda: wire.call(timeout=300))
        assert found.timeout_or_status == TIMEOUT and 0.29 <= seconds < SOON


@pytest.mark.parametrize("bad", [lambda frame, _: answer(frame, BUSY), lambda _, link: link.close(), None], ids=["busy", "closes", "refuses"])
def test_a_retry_goes_to_another_host(before, stub, bad) -> None:
    first, good = (stub(bad).port if bad else free_port()), stub()
    retried = c.to_cluster("pair", retry_policy={"retry_on": True})
    process, port = before([retried], clusters=[c.cluster(first, good.port, name="pair")])
    with Wire(port) as wire:
        found = [wire.call(number, content=b"%d" % number) for number in range(8)]
    assert [(frame.timeout_or_status, frame.content) for frame in found] == [(GOOD, b"%d" % number) for number in range(8)]
    assert process.upstream("request_retry", "pair") >= 2


def test_an_error_of_the_server_is_passed_on_without_a_policy(before, stub) -> None:
    server = stub(lambda frame, _: answer(frame, SERVER_EXCEPTION, b"its own words"))
    _, port = before([c.to_cluster("one")], clusters=[c.cluster(server.port, name="one")])
    with Wire(port) as wire:
        found = wire.call()
    assert (found.timeout_or_status, found.content, len(server.calls)) == (SERVER_EXCEPTION, b"its own words", 1)


def test_the_access_log_and_the_counters_tell_of_calls(before, tmp_path: Path) -> None:
    names = "protocol listener_name rpc_service rpc_method upstream_cluster response_code response_flags bolt_request_header_user"
    log = tmp_path / "calls.log"
    logged = {"access_logs": [{"log_path": str(log), "log_format": " ".join(f"%{name}%" for name in names.split())}]}
    process, port = before([c.to_cluster("plain", when(service=SERVICE))], listener=logged | {"stream_filters": [{"type": "dubbo_stream"}]})
    assert to(port, more={"user": "ada"}) == "plain"
    assert status(port, service="mecha.peers.Another:1.0") == NO_PROCESSOR
    eventually(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    # Each worker hands its lines over in its own time.
    assert sorted(log.read_text().splitlines()) == ["bolt bolt mecha.peers.Another list - 404 NR -", f"bolt bolt {SERVICE} list plain 200 - ada"]
    counted = {"listener": "bolt", "service": SERVICE, "method": "list"}
    eventually(lambda: process.metric("mosn_response_succ_total", **counted) == 1, "the call is counted")
    assert process.metric("mosn_request_total", **counted) == 1
    assert process.metric("downstream_request_404", listener="bolt") == 1
    assert process.upstream("response_success", "plain") == 1
