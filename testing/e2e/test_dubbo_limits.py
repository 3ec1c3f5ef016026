"""How long Dubbo's calls may take, how many may be on their way, and which are tried again elsewhere."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from kit import config as c
from kit.accesslog import AccessLog
from kit.dubbo import Consumer, Peers, Provider
from kit.dubboraw import BAD_REQUEST, CLIENT_TIMEOUT, EXHAUSTED, GOOD, Wire, at, recorded
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider()


@pytest.fixture(scope="module")
def busy(shared_dubbo: Peers) -> Provider:
    """A provider with a single thread, which refuses calls while one is under way."""
    return shared_dubbo.provider("busy", threads=1)


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers, provider: Provider, busy: Provider) -> Consumer:
    return shared_dubbo.consumer()


@pytest.fixture
def before(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before these ports: `process, port = before(provider.port, route={...}, cluster={...})`."""

    def start(*hosts: int, route: c.Json | None = None, cluster: c.Json | None = None, listener: c.Json | None = None) -> tuple[Mecha, int]:
        port = free_port()
        process = mecha(
            listeners=[c.http_listener(port, downstream="dubbo", **(listener or {}))],
            routers=[c.router([c.to_cluster(**(route or {}))])],
            clusters=[c.cluster(*hosts, **(cluster or {}))],
        )
        return process, port

    return start


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A loopback port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def longer(frame: bytes, millis: int, instead: int) -> bytes:
    """A call of `sleep` with another argument; Hessian writes ints of this size as two bytes, 0xc8 in front."""
    was, new = ((0xC800 + number).to_bytes(2) for number in (millis, instead))
    assert frame.count(was) == 1
    return frame.replace(was, new)


def test_the_timeout_of_a_route(before, provider: Provider, consumer: Consumer) -> None:
    process, port = before(provider.port, route={"timeout": "400ms"})
    assert consumer.call("sleep", 100, timeout=10_000, **at(port)) == 100
    late = consumer.reply("sleep", 3000, timeout=10_000, **at(port))
    assert not late["ok"] and late["error"]["kind"] == "timeout" and 400 <= late["ms"] < 2500, late
    assert consumer.call("sleep", 100, timeout=10_000, **at(port)) == 100
    assert process.upstream("request_timeout") == 1
    assert process.upstream("connection_total") == 1, "the connection carries on"


def test_the_timeout_that_a_frame_names(before, provider: Provider, consumer: Consumer) -> None:
    """Without a timeout of the route, the consumer's own counts; Mecha answers when nobody waits any more."""
    process, port = before(provider.port)
    slow = longer(recorded(provider.port, consumer, "sleep", 700, timeout=800), 700, 2000)
    echo = recorded(provider.port, consumer, "echoInt", 1)
    with Wire(port) as wire:
        answer, seconds = wire.call(slow, 5)
        assert (answer.status, 0.7 <= seconds < 1.9) == (CLIENT_TIMEOUT, True), (answer, seconds)
        assert wire.call(echo, 6)[0].status == GOOD
    assert (process.upstream("request_timeout"), process.upstream("connection_total")) == (1, 1)


def test_the_shorter_timeout_of_route_and_frame(before, provider: Provider, consumer: Consumer) -> None:
    _, port = before(provider.port, route={"timeout": "10s"})
    slow = longer(recorded(provider.port, consumer, "sleep", 400, timeout=500), 400, 2000)
    with Wire(port) as wire:
        answer, seconds = wire.call(slow)
    assert (answer.status, seconds < 1.9) == (CLIENT_TIMEOUT, True), (answer, seconds)


def test_an_answer_that_comes_too_late_is_nobodys(before, provider: Provider, consumer: Consumer) -> None:
    """The number of a call that was given up is not taken for a later one."""
    process, port = before(provider.port, route={"timeout": "300ms"})
    sleep = recorded(provider.port, consumer, "sleep", 600)
    echoes = [recorded(provider.port, consumer, "echoInt", number) for number in (40, 41, 42)]
    with Wire(port) as wire:
        assert wire.call(sleep, 1)[0].status == CLIENT_TIMEOUT
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            for number, echo in enumerate(echoes):
                answer, _ = wire.call(echo, number + 2)
                # Hessian writes an int of this size as the byte 0x90 + value.
                assert (answer.status, answer.body[1]) == (GOOD, 0x90 + 40 + number), answer
    assert process.upstream("connection_total") == 1


def test_a_host_that_is_down_costs_no_call(before, provider: Provider, consumer: Consumer, tmp_path) -> None:
    log = AccessLog(tmp_path)
    process, port = before(free_port(), provider.port, listener=log.config)
    assert [consumer.call("id", **at(port)) for _ in range(10)] == ["provider"] * 10
    tried = sum(int(line["retry_count"]) for line in log.wait(10))
    assert tried >= 5
    assert process.upstream("request_retry") == process.upstream("connection_con_fail") == tried


def test_an_answer_that_is_an_error_is_tried_again_elsewhere(before, provider: Provider, busy: Provider, consumer: Consumer) -> None:
    """A provider whose threads are all at work says so by a status, which is 503 to a retry policy."""
    sleep, name = recorded(busy.port, consumer, "sleep", 2000), recorded(provider.port, consumer, "id")
    process, port = before(busy.port, provider.port, route={"retry_policy": {"retry_on": True}})
    _, bare = before(busy.port, provider.port)
    with Wire(busy.port) as direct, Wire(port) as wire, Wire(bare) as plain:
        # To take up a connection needs its thread too.
        eventually(lambda: direct.call(name)[0].status == GOOD, "its thread is free")
        assert direct.send(sleep).quiet(0.2), "its thread is at work"
        answers = [wire.call(name, number)[0] for number in range(8)]
        assert [(answer.status, b"provider" in answer.body) for answer in answers] == [(GOOD, True)] * 8
        assert {plain.call(name, number)[0].status for number in range(8)} == {GOOD, EXHAUSTED}
    assert process.upstream("request_retry") >= 3


def test_an_exception_is_an_answer_and_not_tried_again(before, provider: Provider, consumer: Consumer) -> None:
    process, port = before(provider.port, route={"retry_policy": {"retry_on": True}})
    consumer.passes("exceptions", **at(port))
    assert process.upstream("request_retry") == 0


def test_a_slow_try_is_followed_by_another(before, provider: Provider, consumer: Consumer) -> None:
    with silent_port() as silent:
        process, port = before(silent, provider.port, route={"retry_policy": {"retry_on": True, "retry_timeout": "300ms"}})
        replies = [consumer.reply("id", **at(port)) for _ in range(4)]
    assert [reply.get("result") for reply in replies] == ["provider"] * 4
    assert process.upstream("request_timeout") == process.upstream("request_retry") >= 2


def test_the_circuit_breaker_of_requests(before, provider: Provider, consumer: Consumer) -> None:
    """What is above the limit is refused at once, and no host hears of it."""
    sleep, name = recorded(provider.port, consumer, "sleep", 800), recorded(provider.port, consumer, "id")
    process, port = before(provider.port, cluster={"circuit_breakers": [{"max_requests": 2}]})
    with Wire(port) as wire:
        wire.send(sleep, 1).send(sleep, 2)
        eventually(lambda: process.upstream("request_active") == 2, "two calls are under way")
        with Wire(port) as other:
            refused, seconds = other.call(name)
            assert (refused.status, seconds < 0.5, b"503|upstream limit reached" in refused.body) == (BAD_REQUEST, True, True)
            assert {wire.answer().id, wire.answer().id} == {1, 2}
            assert other.call(name)[0].status == GOOD
    assert process.upstream("request_pending_overflow") == 1
    assert process.upstream("request_total") == 3


def test_requests_of_one_connection_wait_for_their_turn(before, provider: Provider, consumer: Consumer) -> None:
    """`max_concurrent_requests`: more than these are read once others are answered, and none is refused."""
    extend = {"dubbo": {"max_concurrent_requests": 4}}
    process, port = before(provider.port, listener={"extend": extend})
    sleep = recorded(provider.port, consumer, "sleep", 200)
    with Wire(port) as wire:
        begun = time.monotonic()
        for number in range(12):
            wire.send(sleep, number)
        answers = [wire.answer() for _ in range(12)]
        assert time.monotonic() - begun >= 0.6
        assert sorted(answer.id for answer in answers) == list(range(12))
        assert {answer.status for answer in answers} == {GOOD}
    assert process.upstream("request_total") == 12
