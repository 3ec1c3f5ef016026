"""What is no Dubbo, or only half of it: a clear end for who sent it, and nobody else notices."""

import struct
from collections.abc import Callable

import pytest
from kit import config as c
from kit.client import Raw, get
from kit.dubbo import Consumer, Peers, Provider
from kit.dubboraw import GOOD, Wire, at, recorded
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually

HEAD = struct.Struct(">HBBQI")


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider()


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers) -> Consumer:
    return shared_dubbo.consumer()


@pytest.fixture(scope="module")
def echo(provider: Provider, consumer: Consumer) -> bytes:
    return recorded(provider.port, consumer, "echoInt", 7)


@pytest.fixture(scope="module")
def doors(shared_mecha: Callable[..., Mecha], provider: Provider) -> tuple[Mecha, dict[str, int]]:
    """Listeners for Dubbo alone, for HTTP/1 alone and for everything, before the same provider."""
    ports = {"dubbo": free_port(), "Http1": free_port(), "Auto": free_port()}
    small = {"extend": {"dubbo": {"max_frame_size": 4096}}}
    listeners = [
        c.http_listener(port, downstream=kind, name=kind, connection_idle_timeout="1s", **(small if kind == "dubbo" else {})) for kind, port in ports.items()
    ]
    return shared_mecha(listeners=listeners, routers=[c.router([c.to_cluster()])], clusters=[c.cluster(provider.port)]), ports


@pytest.fixture(autouse=True)
def others(doors: tuple[Mecha, dict[str, int]], echo: bytes):
    """A client that goes on beside each scenario, and counters that come back to where they were."""
    process, ports = doors
    with Wire(ports["dubbo"]) as wire:
        assert wire.call(echo)[0].status == GOOD
        yield
    with Wire(ports["dubbo"]) as wire:
        assert wire.call(echo)[0].status == GOOD
    eventually(lambda: process.downstream("connection_active") == 0, "every connection is gone")
    assert process.downstream("request_active") == process.upstream("request_active") == 0
    assert process.running


def errors(process: Mecha) -> float:
    return process.metric("downstream_protocol_error", proxy="global")


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 64, b"\xda\xbc" + b"\x00" * 62, bytes(range(64)), b"SSH-2.0-OpenSSH_9.2\r\n", b"\xda\xbb\xc2\x00" + b"\xff" * 60],
    ids=["zeros", "almost Dubbo", "anything", "SSH", "a length over all limits"],
)
def test_garbage_ends_its_connection(doors, garbage: bytes) -> None:
    process, ports = doors
    before = errors(process)
    with Wire(ports["dubbo"]) as wire:
        wire.bytes(garbage)
        wire.rest()
    eventually(lambda: errors(process) == before + 1, "a protocol error is counted")


def test_garbage_behind_a_call_ends_the_connection_once_that_is_answered(doors, echo: bytes) -> None:
    _, ports = doors
    with Wire(ports["dubbo"]) as wire:
        assert wire.call(echo, 3)[0].status == GOOD
        wire.bytes(b"\x00" * 32)
        assert wire.rest() == b""


def test_a_frame_over_the_limit_is_refused_before_it_is_here(doors) -> None:
    _, ports = doors
    with Wire(ports["dubbo"]) as wire:
        answer = wire.bytes(HEAD.pack(0xDABB, 0xC2, 0, 99, 1 << 30)).answer()
        assert (answer.id, answer.status != GOOD) == (99, True), answer
        assert b"larger than the limit" in answer.body, answer
        assert wire.rest() == b"", "and the connection is closed"


def test_a_large_call_of_a_consumer_is_refused_and_later_ones_go_well(doors, consumer: Consumer) -> None:
    _, ports = doors
    reply = consumer.reply("measure", [1] * 10_000, timeout=10_000, **at(ports["dubbo"]))
    assert not reply["ok"] and reply["ms"] < 5000, reply
    eventually(lambda: consumer.reply("echoInt", 1, **at(ports["dubbo"])).get("result") == 1, "a call goes well")


def test_half_a_frame_and_silence_ends_with_the_idle_time(doors, echo: bytes) -> None:
    process, ports = doors
    with Wire(ports["dubbo"]) as wire:
        wire.bytes(echo[:40])
        assert wire.rest() == b""
    with Wire(ports["dubbo"]) as wire:
        wire.bytes(echo[:10])
        wire.socket.shutdown(1)
        assert wire.rest() == b""
    assert process.upstream("request_active") == 0


def test_a_client_that_leaves_while_its_call_is_under_way(doors, provider: Provider, consumer: Consumer) -> None:
    process, ports = doors
    sleep = recorded(provider.port, consumer, "sleep", 500)
    with Wire(ports["dubbo"]) as wire:
        wire.send(sleep, 1).send(sleep, 2)
        eventually(lambda: process.upstream("request_active") == 2, "two calls are under way")
    eventually(lambda: process.upstream("request_active") == 0, "and given up with their client")


def test_responses_and_events_out_of_nowhere_do_no_harm(doors, echo: bytes) -> None:
    _, ports = doors
    with Wire(ports["dubbo"]) as wire:
        wire.bytes(HEAD.pack(0xDABB, 0x02, 20, 5, 1) + b"\x92")
        wire.bytes(HEAD.pack(0xDABB, 0x22, 20, 6, 1) + b"N")
        wire.bytes(HEAD.pack(0xDABB, 0xA2, 0, 7, 1 + 1) + b"\x01R")
        wire.bytes(HEAD.pack(0xDABB, 0xE2, 0, 8, 1) + b"N")
        beat = wire.frame()
        assert (beat.event, beat.id) == (True, 8)


def test_a_body_that_can_not_be_read_goes_to_the_provider(doors) -> None:
    """It has no service and no method; the provider says what is wrong with it."""
    _, ports = doors
    with Wire(ports["dubbo"]) as wire:
        answer, _ = wire.call(HEAD.pack(0xDABB, 0xC2, 0, 0, 8) + b"\xff" * 8)
        assert answer.status != GOOD


def test_http_at_a_port_of_dubbo(doors) -> None:
    _, ports = doors
    with Raw(ports["dubbo"]) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.closed()
    with Raw(ports["dubbo"]) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.closed()


def test_dubbo_at_a_port_of_http(doors, consumer: Consumer) -> None:
    _, ports = doors
    reply = consumer.reply("id", timeout=2000, **at(ports["Http1"]))
    assert not reply["ok"], reply
    assert get(ports["Http1"], timeout=10).status in (501, 404, 400, 502)


def test_dubbo_http_and_the_rest_at_one_port(doors, consumer: Consumer, echo: bytes) -> None:
    """Byte by byte, so that the first one does not decide."""
    _, ports = doors
    consumer.passes("basic-types", "attachments", **at(ports["Auto"]))
    with Wire(ports["Auto"]) as wire:
        for at_byte in range(20):
            wire.bytes(echo[at_byte : at_byte + 1])
        assert wire.bytes(echo[20:]).answer().status == GOOD
    with Wire(ports["Auto"]) as wire:
        wire.bytes(b"\xda\xbc" + b"\x00" * 30)
        assert wire.rest() == b""
