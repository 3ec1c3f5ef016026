"""How connections to Dubbo's providers are used: shared, lent to one call, or bound to a client; heartbeats on them, and
when they are given up."""

import contextlib
import time
from collections.abc import Callable

import pytest
from kit import config as c
from kit.capture import Relay
from kit.dubbo import Consumer, Peers, Provider, frames
from kit.dubbohost import Host
from kit.dubboraw import GOOD, NO_SERVICE, Wire, at, recorded
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually

WORKERS = 2


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider()


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers, provider: Provider) -> Consumer:
    return shared_dubbo.consumer()


@pytest.fixture(scope="module")
def echo(provider: Provider, consumer: Consumer) -> bytes:
    """A call that is answered at once."""
    return recorded(provider.port, consumer, "echoInt", 7)


@pytest.fixture(scope="module")
def sleep(provider: Provider, consumer: Consumer) -> bytes:
    """A call that takes 400 ms."""
    return recorded(provider.port, consumer, "sleep", 400)


@pytest.fixture
def before(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before a port; further arguments are keys of the cluster."""

    def start(to: int, **cluster: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        listener = c.http_listener(port, downstream="dubbo")
        return mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(to, **cluster)], processor=WORKERS), port

    return start


def test_multiplexed_many_clients_share_a_connection_of_each_worker(before, provider: Provider, consumer: Consumer) -> None:
    with Relay(provider.port) as relay:
        process, port = before(relay.port)
        consumer.start_load(threads=8, seconds=2, connections=8, **at(port))
        load = consumer.end_load()
        assert load["ok"], load
        assert process.downstream("connection_total") >= 8
        assert len(relay.conversations) == process.upstream("connection_total") <= WORKERS


def test_multiplexed_answers_come_in_any_order(before, provider: Provider, echo: bytes, sleep: bytes) -> None:
    process, port = before(provider.port, pool_mode="Multiplex")
    with Wire(port) as wire:
        wire.send(sleep, 1).send(echo, 2).send(sleep, 3).send(echo, 4)
        assert [wire.answer().id for _ in range(4)] in ([2, 4, 1, 3], [4, 2, 1, 3], [2, 4, 3, 1], [4, 2, 3, 1])
    assert process.upstream("connection_total") == 1


def test_ping_pong_a_connection_carries_one_call_at_a_time(before, echo: bytes) -> None:
    with Host(pause=0.02) as host:
        process, port = before(host.port, pool_mode="PingPong")
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(port)) for _ in range(4)]
            for number in range(5):
                for wire in wires:
                    wire.send(echo, number).send(echo, number + 100)
                for wire in wires:
                    assert {wire.answer().id, wire.answer().id} == {number, number + 100}
        assert not any(connection.crowded for connection in host.connections)
        assert sum(len(connection.frames) for connection in host.connections) == 40
        # Eight at once need eight, which are used again; each worker keeps its own.
        assert 8 <= len(host.connections) <= 16
        assert process.upstream("connection_total") == len(host.connections)
    with Host(pause=0.02) as host:
        _, port = before(host.port)
        with Wire(port) as wire:
            wire.send(echo, 1).send(echo, 2)
            assert {wire.answer().id, wire.answer().id} == {1, 2}
        assert host.connections[0].crowded, "the host would have seen it"


def test_ping_pong_serves_every_case(before, provider: Provider, consumer: Consumer) -> None:
    _, port = before(provider.port, pool_mode="PingPong")
    consumer.passes("basic-types", "exceptions", "attachments", "large", "timeout", "oneway", "async-parallel", **at(port))


def test_bound_each_client_has_a_connection_of_its_own(before, provider: Provider, consumer: Consumer) -> None:
    process, port = before(provider.port, pool_mode="Binding")
    peers = [[consumer.call("peer", connections=1, timeout=timeout, **at(port)) for _ in range(3)] for timeout in (4001, 4002, 4003)]
    assert len({address for addresses in peers for address in addresses}) == process.upstream("connection_total")
    consumer.passes("basic-types", "exceptions", "attachments", "large", "timeout", "async-parallel", connections=1, **at(port))


def test_bound_either_end_that_closes_closes_the_other(before, provider: Provider, echo: bytes) -> None:
    with Relay(provider.port) as relay:
        process, port = before(relay.port, pool_mode="Binding")
        with Wire(port) as first, Wire(port) as second:
            assert first.call(echo)[0].status == second.call(echo)[0].status == GOOD
            assert process.upstream("connection_active") == 2
            relay.cut(0)
            assert first.rest() == b"", "the client's connection is closed too"
            assert second.call(echo)[0].status == GOOD, "and no other"
        eventually(lambda: process.upstream("connection_active") == 0, "the upstream connections are closed")
        eventually(lambda: process.downstream("connection_active") == 0, "the client's are gone")


@pytest.mark.parametrize("pool_mode", ["Multiplex", "PingPong"])
def test_an_idle_connection_is_kept_alive_by_heartbeats(before, provider: Provider, echo: bytes, pool_mode: str) -> None:
    with Relay(provider.port) as relay:
        process, port = before(relay.port, pool_mode=pool_mode, keepalive={"interval": "200ms", "timeout": "500ms"})
        with Wire(port) as wire:
            assert wire.call(echo)[0].status == GOOD
            said = relay.conversations[0]
            eventually(lambda: sum(frame.event for frame in frames(bytes(said.answered))) >= 4, "answers to heartbeats")
            assert wire.quiet(0.05), "the client hears nothing of them"
            assert wire.call(echo)[0].status == GOOD
        assert (len(relay.conversations), process.upstream("connection_total")) == (1, 1)


def test_a_deaf_host_loses_the_connection(before, echo: bytes) -> None:
    """After six heartbeats without an answer; who waits for an answer on it is told."""
    with Host(deaf=True) as host:
        process, port = before(host.port, keepalive={"interval": "100ms", "timeout": "100ms"})
        with Wire(port) as wire:
            answer, seconds = wire.call(echo)
            assert (answer.status, b"502|" in answer.body, 0.6 <= seconds < 5) == (NO_SERVICE, True, True), (answer, seconds)
            assert len(host.connections[0].heartbeats) == 6
            eventually(lambda: host.connections[0].closed, "the connection is closed")
            host.deaf = False
            assert wire.call(echo)[0].status == GOOD, "the next call takes another"
        assert process.upstream("connection_total") == 2


def test_an_unused_connection_is_given_up(before, echo: bytes) -> None:
    """Heartbeats are no use."""
    with Host() as host:
        process, port = before(host.port, idle_timeout="600ms", keepalive={"interval": "100ms", "timeout": "500ms"})
        with Wire(port) as wire:
            assert wire.call(echo)[0].status == GOOD
            used = time.monotonic()
            eventually(lambda: not host.open, "the connection is closed")
            assert time.monotonic() - used >= 0.5
            assert len(host.connections[0].heartbeats) >= 2
            assert process.upstream("connection_active") == 0
            assert wire.call(echo)[0].status == GOOD
        assert len(host.connections) == 2
