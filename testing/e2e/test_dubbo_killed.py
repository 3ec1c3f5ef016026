"""Dubbo under load while something goes away: a provider or Mecha itself, killed or ended in an orderly way. No call hangs,
and an orderly end costs none."""

import signal
from collections.abc import Callable

import pytest
from kit import config as c
from kit.capture import Relay
from kit.dubbo import Consumer, Peers, frames
from kit.dubboraw import READ_ONLY, Wire, at, recorded
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tutorial import Tutorial
from kit.wait import eventually

#: The consumer's own limit of a call, in milliseconds; with what a busy machine adds no call may take longer than `LONGEST`.
TIMEOUT = 3000
LONGEST = 4500


@pytest.fixture
def consumer(dubbo: Peers) -> Consumer:
    return dubbo.consumer(timeout=TIMEOUT)


@pytest.fixture
def before(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before these ports."""

    def start(*hosts: int, route: c.Json | None = None, **server: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        listener = c.http_listener(port, downstream="dubbo")
        return mecha(listeners=[listener], routers=[c.router([c.to_cluster(**(route or {}))])], clusters=[c.cluster(*hosts)], **server), port

    return start


def idle(process: Mecha) -> None:
    """Nothing is left of calls that were cut."""
    eventually(lambda: process.upstream("request_active") == 0 and process.downstream("request_active") == 0, "no request is under way")


def test_a_provider_is_killed_and_started_again(mecha: Callable[..., Mecha], dubbo: Peers, consumer: Consumer) -> None:
    provider = dubbo.provider()
    tutorial = Tutorial(mecha, "dubbo", 2, provider.port, cluster={"max_request_per_conn": 0})
    # Long enough for a Java process to start on a busy machine.
    consumer.start_load(threads=8, seconds=12, **at(tutorial.client))
    provider.kill()
    provider.start().ready()
    load = consumer.end_load()
    # How many depends on how long that took.
    assert load["good"] > 50 and load["failed"], load
    # What was cut or refused was told at once: nobody waited for the timeout.
    assert load["longest_ms"] < TIMEOUT and load["last_good_before_end_ms"] < 1000, load
    assert "RpcException timeout" not in load["failed"], load
    assert consumer.call("id", **at(tutorial.client)) == "provider"
    assert tutorial.near.upstream("connection_total", "clientCluster") == 1, "the connection to the other Mecha has lasted"


def test_one_provider_of_two_is_killed(before, dubbo: Peers, consumer: Consumer) -> None:
    """With retries only calls that were under way there may fail, or none when the policy covers them."""
    first, second = dubbo.provider("first", ready=False), dubbo.provider("second", ready=False)
    process, port = before(first.ready().port, second.ready().port, route={"retry_policy": {"retry_on": True, "num_retries": 3}})
    consumer.start_load(threads=8, seconds=5, **at(port))
    first.kill()
    first.start().ready()
    load = consumer.end_load()
    assert load["ok"], load
    assert min(load["providers"].values()) > 0 and load["longest_ms"] < TIMEOUT, load
    idle(process)


def test_a_providers_orderly_end_costs_no_call(before, dubbo: Peers, consumer: Consumer) -> None:
    """It says that it takes no more calls (the read-only event): its connection ends when what is under way on it is
    answered, and calls go to the other one although it still takes connections."""
    first, second = dubbo.provider("first", ready=False), dubbo.provider("second", ready=False)
    process, port = before(first.ready().port, second.ready().port)
    consumer.start_load(threads=8, seconds=5, **at(port))
    first.signal(signal.SIGTERM)
    first.wait(15)
    load = consumer.end_load()
    assert load["ok"] and set(load["providers"]) == {"first", "second"}, load
    idle(process)


def test_the_way_to_the_provider_is_cut(before, dubbo: Peers, consumer: Consumer) -> None:
    """Connections that end fail only what was under way on them, and new ones are made at once."""
    provider = dubbo.provider()
    relay = Relay(provider.port)
    process, port = None, None
    with relay:
        process, port = before(relay.port)
        consumer.start_load(threads=8, seconds=3, **at(port))
        relay.cut(0)
        load = consumer.end_load()
        assert sum(load["failed"].values()) <= 8, load
        assert load["longest_ms"] < 2000 and load["last_good_before_end_ms"] < 1000, load
        assert process.upstream("connection_total") >= 2
        idle(process)


def test_mecha_drains(before, dubbo: Peers, consumer: Consumer) -> None:
    """SIGTERM under load: the consumer is told, calls under way are answered, and it goes on by the other Mecha."""
    provider = dubbo.provider()
    leaving, port = before(provider.port, graceful_timeout="10s")
    with Relay(port) as relay:
        sleep = recorded(provider.port, consumer, "sleep", 1200)
        with Wire(port) as wire:
            wire.send(sleep)
            consumer.start_load(threads=4, seconds=4, **at(relay.port))
            eventually(lambda: leaving.upstream("request_active") >= 1, "a call is under way")
            leaving.signal(signal.SIGTERM)
            events = [wire.frame()]
            while events[-1].event:
                events.append(wire.frame())
            assert events[-1].status == 20, "the call that was under way is answered"
            assert any(frame.body == READ_ONLY for frame in events[:-1])
        assert leaving.wait(12) == 0
        load = consumer.end_load()
        said = frames(bytes(relay.conversations[0].answered))
        assert [frame.body for frame in said if frame.event and frame.request] == [READ_ONLY]
        # A consumer with one address has nowhere else to go: calls after the end are refused at once, none hangs.
        assert load["good"] > 50 and load["longest_ms"] < LONGEST, load
        assert "RpcException timeout" not in load["failed"], load


def test_a_drained_mecha_costs_a_consumer_with_two_addresses_nothing(before, dubbo: Peers) -> None:
    provider = dubbo.provider()
    leaving, first = before(provider.port, graceful_timeout="10s")
    _, second = before(provider.port)
    both = f"dubbo://127.0.0.1:{first};dubbo://127.0.0.1:{second}"
    consumer = dubbo.consumer(name="two-addresses", url=both, timeout=TIMEOUT, retries=2)
    consumer.start_load(threads=4, seconds=4)
    leaving.signal(signal.SIGTERM)
    assert leaving.wait(12) == 0
    load = consumer.end_load()
    assert load["ok"] and load["longest_ms"] < TIMEOUT, load


def test_mecha_is_killed_and_started_again(mecha: Callable[..., Mecha], dubbo: Peers, consumer: Consumer) -> None:
    """The second of two: what it cut is told as an error of the first, which connects again."""
    provider = dubbo.provider()
    tutorial = Tutorial(mecha, "dubbo", 2, provider.port)
    far = tutorial.far
    consumer.start_load(threads=8, seconds=5, **at(tutorial.client))
    far.kill()
    far.launch(far.process.args, far.folder)
    far.ready()
    load = consumer.end_load()
    assert load["good"] > 200 and load["longest_ms"] < TIMEOUT and load["last_good_before_end_ms"] < 1000, load
    assert "RpcException timeout" not in load["failed"], load
