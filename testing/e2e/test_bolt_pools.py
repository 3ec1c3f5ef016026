"""How connections to servers of Bolt are used: shared, one call at a time, or one for each client; what keeps them, and ends
them."""

import threading
from collections.abc import Callable

import pytest
from kit.bolt import WIRES, Peers, java_client, run
from kit.boltraw import GO_AWAY, GOOD, REQUEST, SERVER_EXCEPTION, Stub, Wire, answer, build, call, heartbeat
from kit.wait import eventually

MODES = ("Multiplex", "PingPong", "Binding")


class Overlap:
    """A handler that answers when it is told to, and counts the most calls that one connection had under way."""

    def __init__(self) -> None:
        self.held, self.most, self.lock = [], 0, threading.Lock()

    def __call__(self, frame, link) -> None:
        with self.lock:
            self.held.append((frame, link))
            self.most = max(self.most, sum(other is link for _, other in self.held))

    def release(self) -> None:
        with self.lock:
            held, self.held = self.held, []
        for frame, link in reversed(held):
            link.send(answer(frame))


@pytest.mark.parametrize(("mode", "connections", "most"), [("Multiplex", 1, 20), ("PingPong", 20, 1), ("Binding", 1, 20)])
def test_calls_side_by_side(proxy, stub: Callable[..., Stub], mode: str, connections: int, most: int) -> None:
    handler = Overlap()
    server = stub(handler)
    process, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode})
    with Wire(port) as wire:
        wire.send(*(call(number) for number in range(20)))
        eventually(lambda: len(handler.held) == 20, "all calls came")
        handler.release()
        assert sorted(frame.id for frame in wire.frames(20)) == list(range(20))
    assert (len(server.links), handler.most) == (connections, most)
    assert process.upstream("connection_total") == connections


@pytest.mark.parametrize("mode", MODES)
def test_calls_one_after_the_other_share_a_connection(proxy, stub: Callable[..., Stub], mode: str) -> None:
    server = stub()
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode})
    with Wire(port) as wire:
        assert [wire.call(number).id for number in range(30)] == list(range(30))
    assert len(server.links) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wire", WIRES)
def test_every_case_of_a_real_client(proxy, shared_bolt: Peers, java, mode: str, wire: str) -> None:
    _, port = proxy(java.port, downstream="bolt", cluster={"pool_mode": mode})
    told = run(java_client(f"127.0.0.1:{port}", "sync", "oneway", "headers", "many", "timeout", "throw", "heartbeat", wire=wire))
    assert not [line for line in told.values() if not line["ok"]], told


@pytest.fixture(scope="module")
def java(shared_bolt: Peers):
    return shared_bolt.server("java")


def test_ping_pong_waits_for_a_connection_where_they_are_limited(proxy, stub: Callable[..., Stub]) -> None:
    server = stub()
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": "PingPong", "max_connection_per_host": 2})
    with Wire(port) as wire:
        wire.send(*(call(number) for number in range(50)))
        found = wire.frames(50)
    assert {frame.timeout_or_status for frame in found} == {GOOD}
    assert 1 <= len(server.links) <= 2


def test_a_one_way_call_frees_its_connection(proxy, stub: Callable[..., Stub]) -> None:
    server = stub(lambda frame, _: None if frame.kind == 2 else answer(frame))
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": "PingPong", "max_connection_per_host": 1})
    with Wire(port) as wire:
        wire.send(*(call(number, kind=2) for number in range(5)))
        assert wire.call(9).timeout_or_status == GOOD
    # A call that comes when the connection is free may overtake those that wait for it, and these outlive their client.
    eventually(lambda: len(server.calls) == 6, "every one is sent")


def test_a_connection_whose_call_was_given_up_is_not_used_again(proxy, stub: Callable[..., Stub]) -> None:
    """One call at a time: what comes late must not answer another."""
    server = stub(lambda frame, _: None if frame.content == b"slow" else answer(frame))
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": "PingPong"})
    with Wire(port) as wire:
        wire.call(1, content=b"slow", timeout=200)
        server.links[0].send(answer(server.calls[0], SERVER_EXCEPTION))
        assert [wire.call(number, content=b"quick").content for number in (2, 3)] == [b"quick"] * 2


def test_bound_connections_begin_and_end_together(proxy, stub: Callable[..., Stub]) -> None:
    server = stub()
    process, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": "Binding"})
    with Wire(port) as one, Wire(port) as two:
        assert [wire.call(number).timeout_or_status for wire in (one, two) for number in (1, 2)] == [GOOD] * 4
        assert [len(link.calls) for link in server.links] == [2, 2]
        server.links[0].close()
        assert one.rest() == b"", "the client's connection ends with the server's"
        assert two.call(3).timeout_or_status == GOOD
        two.socket.close()
        eventually(lambda: not server.open, "the server's connection ends with the client's")
    eventually(lambda: process.upstream("connection_active") == 0, "none is left")


@pytest.mark.parametrize("mode", MODES)
def test_each_version_has_connections_of_its_own(proxy, stub: Callable[..., Stub], mode: str) -> None:
    """A Java server answers in the version of a connection's first frame."""
    server = stub()
    _, port = proxy(server.port, downstream="bolt,boltv2", cluster={"pool_mode": mode}, processor=1)
    forms = ({}, {"protocol": 2}, {"protocol": 2, "crc": True})
    for form in forms * 2:
        with Wire(port) as wire:
            frame = wire.call(1, **form)
            assert (frame.protocol, frame.crc is not None) == (form.get("protocol", 1), "crc" in form)
    spoken = [{frame.protocol for frame in link.calls} for link in server.links]
    assert {1} in spoken and {2} in spoken and {1, 2} not in spoken
    if mode != "Binding":
        assert len(spoken) == 2


def test_clients_of_both_versions_before_a_java_server(proxy, java) -> None:
    _, port = proxy(java.port, downstream="bolt", processor=1)
    for wire in (*WIRES, *WIRES):
        told = run(java_client(f"127.0.0.1:{port}", "sync", "headers", wire=wire))
        assert all(line["ok"] for line in told.values()), (wire, told)


QUICK = {"keepalive": {"interval": "150ms", "timeout": "50ms"}}


@pytest.mark.parametrize("mode", ["Multiplex", "PingPong"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_a_server_that_answers_no_heartbeat_is_dropped_after_six(proxy, stub: Callable[..., Stub], protocol: int, mode: str) -> None:
    server = stub(deaf=True)
    process, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode, **QUICK})
    with Wire(port) as wire:
        assert wire.call(1, protocol=protocol).timeout_or_status == GOOD
        eventually(lambda: not server.links[0].open, "the connection is dropped")
        assert len(server.links[0].beats) == 6
        assert {frame.protocol for frame in server.links[0].beats} == {protocol}
        assert wire.call(2, protocol=protocol).timeout_or_status == GOOD, "the next call has a new one"
    assert len(server.links) == 2
    assert process.upstream("connection_total") == 2


@pytest.mark.parametrize("mode", ["Multiplex", "PingPong"])
def test_a_server_that_answers_heartbeats_is_kept(proxy, stub: Callable[..., Stub], mode: str) -> None:
    server = stub()
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode, **QUICK})
    with Wire(port) as wire:
        assert wire.call(1).timeout_or_status == GOOD
        eventually(lambda: len(server.links[0].beats) >= 9, "heartbeats are sent")
        assert wire.call(2).timeout_or_status == GOOD
    assert len(server.links) == 1


@pytest.mark.parametrize("mode", ["Multiplex", "PingPong"])
def test_a_call_that_waits_on_a_dead_server_is_told(proxy, stub: Callable[..., Stub], mode: str) -> None:
    server = stub(lambda frame, link: None, deaf=True)
    _, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode, **QUICK})
    with Wire(port) as wire:
        frame = wire.call(1, timeout=30_000)
        assert frame.timeout_or_status != GOOD
        assert len(server.links[0].beats) == 6


@pytest.mark.parametrize("mode", ["Multiplex", "PingPong"])
def test_an_idle_connection_is_freed(proxy, stub: Callable[..., Stub], mode: str) -> None:
    server = stub()
    process, port = proxy(server.port, downstream="bolt", cluster={"pool_mode": mode, "idle_timeout": "300ms"})
    with Wire(port) as wire:
        assert wire.call(1).timeout_or_status == GOOD
        eventually(lambda: not server.open, "the connection is freed")
        assert wire.call(2).timeout_or_status == GOOD
    assert len(server.links) == 2
    eventually(lambda: process.upstream("connection_active") == 0, "none is left")


def test_an_idle_client_is_let_go_and_its_heartbeats_keep_it(proxy, stub: Callable[..., Stub]) -> None:
    _, port = proxy(stub().port, downstream="bolt", listener={"connection_idle_timeout": "500ms"})
    with Wire(port) as quiet, Wire(port) as beating:
        assert quiet.call(1).id == beating.call(1).id == 1
        quiet.socket.settimeout(0.1)
        ended = False
        for number in range(100):
            beating.send(heartbeat(number))
            assert beating.frame().id == number
            try:
                ended = quiet.rest() == b""
                break
            except TimeoutError:
                continue
        assert ended, "the idle one is closed"
        assert beating.call(2).id == 2


def test_a_go_away_of_the_server_lets_calls_end_and_dials_anew(proxy, stub: Callable[..., Stub]) -> None:
    handler = Overlap()
    server = stub(handler)
    _, port = proxy(server.port, downstream="bolt")
    with Wire(port) as wire:
        wire.send(call(1))
        server.wait_calls(1)
        server.links[0].send(build(REQUEST, GO_AWAY, 0, 0))
        eventually(lambda: wire.send(call(2, kind=2)) and len(server.links) == 2, "calls that follow go elsewhere")
        handler.release()
        assert wire.frame().id == 1, "what was under way is answered"
        eventually(lambda: not server.links[0].open, "the connection ends")
