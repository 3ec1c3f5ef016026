"""Bolt while something goes away: a server under load, a connection, a client in the middle of its calls, Mecha itself. No
call hangs, and what is lost costs nobody else."""

import signal
from collections.abc import Callable

import pytest
from kit import config as c
from kit.bolt import Peers, java_client, node_client, run
from kit.boltraw import GO_AWAY, GOOD, NO_PROCESSOR, Stub, Wire, answer, call, timed
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tutorial import Tutorial
from kit.wait import eventually

#: A client's own limit of a call, in milliseconds; what a busy machine adds must not make one take longer than `LONGEST`.
TIMEOUT = 3000
LONGEST = 4500


def idle(process: Mecha) -> None:
    """Nothing is left of calls that were cut."""
    eventually(lambda: process.upstream("request_active") == 0 and process.downstream("request_active") == 0, "no request is under way")


@pytest.mark.parametrize(("kind", "client"), [("node", node_client), ("java", java_client)])
def test_a_server_is_killed_and_started_again(mecha: Callable[..., Mecha], bolt: Peers, kind: str, client: Callable[..., list]) -> None:
    server = bolt.server(kind)
    tutorial = Tutorial(mecha, "bolt", 2, server.port)
    load = bolt.client(client(f"127.0.0.1:{tutorial.client}", "load", calls=6000, at_once=8, timeout=TIMEOUT))
    eventually(lambda: tutorial.far.upstream("response_success", "serverCluster") > 200, "calls are answered", 30)
    server.kill()
    eventually(lambda: tutorial.far.upstream("connection_con_fail", "serverCluster") > 0, "the server is gone")
    server.start().ready()
    told = load.wait_case("load", 50)
    failed = sum(told["errors"].values())
    assert told["good"] + failed == 6000 and failed > 0 and told["good"] > 1000, told
    # What was cut or refused was told at once: nobody waited for the timeout.
    assert told["slowest_ms"] < TIMEOUT and not any("Timeout" in name for name in told["errors"]), told
    assert all(line["ok"] for line in run(client(f"127.0.0.1:{tutorial.client}", "many")).values())
    assert tutorial.near.upstream("request_active", "clientCluster") == 0


def test_one_server_of_two_is_killed_and_no_call_fails(proxy, bolt: Peers) -> None:
    first, second = bolt.server("java", "first"), bolt.server("java", "second")
    process, port = proxy(first.port, second.port, downstream="bolt", route={"retry_policy": {"retry_on": True}})
    load = bolt.client(java_client(f"127.0.0.1:{port}", "load", calls=4000, at_once=8, timeout=TIMEOUT))
    eventually(lambda: process.upstream("response_success") > 200, "calls are answered", 30)
    first.kill()
    told = load.wait_case("load", 50)
    assert told["ok"] and told["servers"]["second"] > told["servers"]["first"] > 0, told
    assert told["slowest_ms"] < LONGEST
    idle(process)


def test_a_lost_connection_fails_its_own_calls_alone(mecha: Callable[..., Mecha], stub: Callable[..., Stub]) -> None:
    """Two servers, one client connection: those of one fail at once, under their numbers, and the others go on."""
    losing, holding = stub(lambda frame, link: None), stub(lambda frame, link: None)
    port = free_port()
    to_losing = c.to_cluster("losing", c.match(headers=[{"name": "method", "value": "lose"}]))
    process = mecha(
        listeners=[c.http_listener(port, downstream="bolt")],
        routers=[c.router([to_losing, c.to_cluster("holding")])],
        clusters=[c.cluster(losing.port, name="losing"), c.cluster(holding.port, name="holding")],
    )
    with Wire(port) as wire:
        wire.send(*(call(number, method="lose" if number % 2 else "hold") for number in range(1, 11)))
        losing.wait_calls(5), holding.wait_calls(5)
        losing.links[0].close()
        failed, seconds = timed(lambda: wire.frames(5))
        assert sorted(frame.id for frame in failed) == [1, 3, 5, 7, 9] and seconds < 2
        assert {frame.timeout_or_status for frame in failed} == {NO_PROCESSOR}, "MOSN's status for 502"
        for frame in holding.calls:
            holding.links[0].send(answer(frame))
        assert sorted((frame.id, frame.timeout_or_status) for frame in wire.frames(5)) == [(number, GOOD) for number in (2, 4, 6, 8, 10)]
        losing.handler = lambda frame, link: answer(frame)
        assert wire.call(11, method="lose").timeout_or_status == GOOD, "a new connection is made"
    assert process.upstream("request_active", "losing") == 0
    assert (len(losing.links), len(holding.links)) == (2, 1)


def test_a_client_that_goes_in_the_middle_of_its_calls(proxy, stub: Callable[..., Stub]) -> None:
    """Its calls end here; what the server answers to them later is nobody's, and the connection serves others on."""
    server = stub(lambda frame, link: None if frame.content == b"held" else answer(frame))
    process, port = proxy(server.port, downstream="bolt", processor=1)
    with Wire(port) as staying:
        assert staying.call(1).timeout_or_status == GOOD
        with Wire(port) as leaving:
            leaving.send(*(call(number, content=b"held") for number in range(1, 21)))
            server.wait_calls(21)
        idle(process)
        for frame in server.calls:
            server.links[0].send(answer(frame))
        assert [staying.call(number).id for number in range(2, 12)] == list(range(2, 12))
    assert len(server.links) == 1
    eventually(lambda: process.downstream("connection_active") == 0, "no connection is left")


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("protocol", [1, 2])
def test_sigterm_finishes_calls_and_says_so_where_it_is_wanted(proxy, stub: Callable[..., Stub], told: bool, protocol: int) -> None:
    """SOFA Bolt's libraries close on a go-away, so it is said only to those that are known to understand it."""
    server = stub(lambda frame, link: None)
    listener = {"extend": {"bolt": {"enable_bolt_goaway": True}}} if told else {}
    name = "bolt" if protocol == 1 else "boltv2"
    process, port = proxy(server.port, downstream=name, listener=listener, graceful_timeout="20s")
    with Wire(port) as wire:
        wire.send(call(7, protocol=protocol))
        (asked,) = server.wait_calls(1)
        process.signal(signal.SIGTERM)
        if told:
            frame = wire.frame()
            assert (frame.command, frame.protocol) == (GO_AWAY, protocol)
        # A call that was on its way when the drain began is served too.
        wire.send(call(8, protocol=protocol))
        for frame in server.wait_calls(2):
            server.links[0].send(answer(frame))
        found = wire.frames(2)
        assert sorted((frame.id, frame.timeout_or_status) for frame in found) == [(7, GOOD), (8, GOOD)] and asked
        assert wire.rest() == b""
    assert process.wait(10) == 0


@pytest.mark.parametrize("kind", ["node", "java"])
def test_sigterm_costs_real_clients_no_call(mecha: Callable[..., Mecha], bolt: Peers, kind: str) -> None:
    """Calls under way are answered, and clients of both libraries go on by a new connection, here to Mecha's successor."""
    server, port = bolt.server(kind), free_port()
    config = {"listeners": [c.http_listener(port, downstream="bolt")], "routers": [c.router([c.to_cluster()])], "clusters": [c.cluster(server.port)]}
    leaving = mecha(**config, graceful_timeout="10s")
    client = node_client if kind == "node" else java_client
    many = bolt.client(client(f"127.0.0.1:{port}", "many"))
    eventually(lambda: leaving.upstream("request_active") > 50, "calls are under way", 20)
    leaving.signal(signal.SIGTERM)
    assert many.wait_case("many")["ok"]
    assert leaving.wait(12) == 0
    mecha(**config)
    assert all(line["ok"] for line in run(client(f"127.0.0.1:{port}", "many")).values())


def test_mecha_between_is_killed(mecha: Callable[..., Mecha], stub: Callable[..., Stub]) -> None:
    """The near one says so at once, and goes on once the far one is back."""
    server = stub(lambda frame, link: None)
    tutorial = Tutorial(mecha, "bolt", 2, server.port)
    with Wire(tutorial.client) as wire:
        wire.send(call(1))
        server.wait_calls(1)
        tutorial.far.kill()
        frame, seconds = timed(wire.frame)
        assert (frame.id, frame.timeout_or_status) == (1, NO_PROCESSOR) and seconds < 2
        assert wire.call(2).timeout_or_status == NO_PROCESSOR
