"""Dubbo's peers against each other, without Mecha between them: what scenarios through Mecha may take for granted."""

import signal
from collections.abc import Callable

import pytest
from kit.capture import Relay
from kit.dubbo import CASES, SERVICE, Consumer, DubboError, Peers, Provider, frames, python_client_agrees
from kit.ports import free_port
from kit.wait import eventually
from kit.zookeeper import ZooKeeper


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider("provider")


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers, provider: Provider) -> Consumer:
    return shared_dubbo.consumer(provider.port)


@pytest.mark.parametrize("case", CASES)
def test_case(consumer: Consumer, case: str) -> None:
    consumer.passes(case)


def test_a_call_by_hand_tells_its_result_and_what_was_thrown(consumer: Consumer) -> None:
    assert consumer.call("join", "a", 1, ["x", "y"]) == "a 1 x,y"
    reply = consumer.reply("attachments", attachments={"echo-key": "value"})
    assert reply["result"]["echo-key"] == reply["attachments"]["echo-key"] == "value"
    with pytest.raises(DubboError) as refused:
        consumer.call("refuse", "no")
    assert (refused.value.name, refused.value.message) == ("mecha.peers.Refused", "no")
    with pytest.raises(DubboError) as late:
        consumer.call("sleep", 2000, timeout=100)
    assert late.value.kind == "timeout"


def test_a_port_where_nothing_listens_fails_at_once(consumer: Consumer) -> None:
    reply = consumer.reply("id", url=f"dubbo://127.0.0.1:{free_port()}")
    assert not reply["ok"] and reply["ms"] < 4000, reply


def test_triple_passes_the_same_cases(shared_dubbo: Peers) -> None:
    provider = shared_dubbo.provider("triple", protocol="tri")
    consumer = shared_dubbo.consumer(provider.port, "triple-consumer", protocol="tri")
    consumer.passes(*(case for case in CASES if case != "heartbeats"))


def test_another_implementation_calls_the_same_provider(provider: Provider) -> None:
    python_client_agrees(provider.port)


def test_a_provider_that_is_killed_and_started_again_under_load(dubbo: Peers) -> None:
    provider = dubbo.provider()
    consumer = dubbo.consumer(provider.port)
    consumer.call("id")
    # Long enough for a Java process to start on a busy machine.
    consumer.start_load(threads=4, seconds=12, timeout=1000)
    provider.kill()
    provider.start().ready()
    load = consumer.end_load()
    assert load["good"] > 100 and load["failed"], load
    assert load["longest_ms"] < 3000 and load["last_good_before_end_ms"] < 1000, load


def test_an_orderly_end_is_told_to_the_consumer(dubbo: Peers) -> None:
    provider = dubbo.provider()
    with Relay(provider.port) as relay:
        consumer = dubbo.consumer(relay.port)
        assert consumer.call("id") == "provider"
        provider.signal(signal.SIGTERM)
        said = relay.conversations[0]
        eventually(lambda: any(frame.event and frame.body == b"\x01R" for frame in frames(bytes(said.answered))), "the read-only event")
        provider.wait()


def test_providers_are_found_in_zookeeper(zookeeper: Callable[[], ZooKeeper], dubbo: Peers) -> None:
    registry = zookeeper()
    blue = dubbo.provider("one", registry=registry.address, group="blue", version="1.0.0")
    urls = registry.wait_registered(SERVICE, 1)
    assert urls[0].startswith(f"dubbo://127.0.0.1:{blue.port}/{SERVICE}?") and "group=blue" in urls[0], urls
    consumer = dubbo.consumer(registry=registry.address, group="blue", version="1.0.0")
    assert consumer.call("id") == "one"
    dubbo.provider("two", registry=registry.address, group="blue", version="1.0.0")
    registry.wait_registered(SERVICE, 2)
    eventually(lambda: consumer.call("id", lb="roundrobin") == "two", "a call to the second provider")
    blue.stop()
    registry.wait_registered(SERVICE, 1)
    eventually(lambda: [consumer.reply("id").get("result") for _ in range(3)] == ["two"] * 3, "every call goes to the second")
