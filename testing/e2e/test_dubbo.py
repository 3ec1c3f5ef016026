"""MOSN's second tutorial: a Dubbo consumer, two listeners in a row, as one process and as two, and a Dubbo provider."""

import contextlib
from collections.abc import Callable

import pytest
from kit import config as c
from kit.capture import Relay
from kit.dubbo import CASES, Consumer, Peers, Provider, frames, python_client_agrees
from kit.dubboraw import Wire, at, calls, recorded, without_number
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tutorial import Tutorial
from kit.wait import eventually


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider()


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def tutorial(request: pytest.FixtureRequest, shared_mecha: Callable[..., Mecha], provider: Provider) -> Tutorial:
    return Tutorial(shared_mecha, "dubbo", request.param, provider.port)


@pytest.fixture(scope="module")
def anyone(shared_dubbo: Peers) -> Consumer:
    """A consumer whose calls say whom they go to."""
    return shared_dubbo.consumer()


@pytest.fixture
def single(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """One listener before one port."""

    def start(to: int, **more: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        listener = c.http_listener(port, downstream="dubbo", **more.get("listener", {}))
        return mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(to, **more.get("cluster", {}))]), port

    return start


@pytest.mark.parametrize("case", CASES)
def test_every_case_of_the_consumer(tutorial: Tutorial, anyone: Consumer, case: str) -> None:
    anyone.passes(case, **at(tutorial.client))


def test_both_listeners_count_the_calls(tutorial: Tutorial, anyone: Consumer) -> None:
    before = tutorial.requests()
    assert anyone.call("join", "a", 1, ["x", "y"], **at(tutorial.client)) == "a 1 x,y"
    eventually(lambda: tutorial.requests() == (before[0] + 1, before[1] + 1), "one more request at each listener")
    assert tutorial.far.upstream("response_success", "serverCluster") >= 1
    assert tutorial.near.metric("downstream_request_active", listener="clientListener") == 0


def test_another_implementation_of_dubbo(tutorial: Tutorial) -> None:
    python_client_agrees(tutorial.client)


@pytest.mark.parametrize("serialization", ["fastjson2"])
def test_arguments_in_another_serialization_pass_as_they_are(tutorial: Tutorial, shared_dubbo: Peers, serialization: str) -> None:
    provider = shared_dubbo.provider(serialization, serialization=serialization)
    direct = shared_dubbo.consumer(name=f"consumer-{serialization}")
    assert direct.call("join", "a", 1, ["x"], serialization=serialization, **at(provider.port)) == "a 1 x"
    assert direct.call("join", "a", 1, ["x"], serialization=serialization, **at(tutorial.client)) == "a 1 x"


def test_frames_leave_as_they_came_but_for_their_number(single, provider: Provider, anyone: Consumer) -> None:
    with Relay(provider.port) as behind:
        _, port = single(behind.port)
        with Relay(port) as before:
            anyone.passes("basic-types", "exceptions", "attachments", **at(before.port))
            there, here = before.conversations[0], behind.conversations[0]
            for asked, passed_on in ((there.asked, here.asked), (here.answered, there.answered)):
                came, left = calls(bytes(asked)), calls(bytes(passed_on))
                assert len(came) > 20
                assert [without_number(frame) for frame in came] == [without_number(frame) for frame in left]
            # The numbers of the upstream connection are Mecha's own, each for one call.
            ids = [frame.id for frame in calls(bytes(here.asked))]
            assert len(set(ids)) == len(ids)


def test_heartbeats_of_a_consumer_end_at_mecha(single, provider: Provider, anyone: Consumer) -> None:
    with Relay(provider.port) as behind:
        _, port = single(behind.port)
        with Relay(port) as before:
            anyone.passes("heartbeats", **at(before.port))
            asked = [frame for said in before.conversations for frame in frames(bytes(said.asked)) if frame.event]
            answered = [frame for said in before.conversations for frame in frames(bytes(said.answered)) if frame.event]
            assert len(asked) >= 2, "the consumer has sent heartbeats"
            assert [frame.id for frame in answered if frame.status == 20] == [frame.id for frame in asked if frame.request]
        assert not [frame for frame in frames(bytes(behind.conversations[0].asked)) if frame.event]


def test_two_clients_that_choose_the_same_number(single, provider: Provider, anyone: Consumer) -> None:
    """Both are on their way over one upstream connection at once, and each gets the answer to its own."""
    process, port = single(provider.port)
    asked = [recorded(provider.port, anyone, "sleep", millis) for millis in (400, 300, 200)]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Wire(port)) for _ in asked]
        for client, frame in zip(clients, asked, strict=True):
            client.send(frame, 7)
        answers = [client.answer() for client in clients]
    assert [(frame.id, frame.status) for frame in answers] == [(7, 20)] * 3
    # Hessian writes an int of this size as two bytes: 0xc8 + (value >> 8), value & 0xff.
    for millis, frame in zip((400, 300, 200), answers, strict=True):
        assert bytes([0xC8 + (millis >> 8), millis & 0xFF]) in frame.body
    assert process.upstream("request_total") == 3


def test_a_provider_that_is_not_there(single, anyone: Consumer) -> None:
    _, port = single(free_port())
    reply = anyone.reply("id", timeout=10_000, **at(port))
    assert not reply["ok"] and reply["ms"] < 5000, reply
    assert "connection failed" in reply["error"]["message"], reply


def test_a_service_that_the_provider_does_not_have(single, provider: Provider, anyone: Consumer) -> None:
    """The provider's own words arrive."""
    _, port = single(provider.port)
    through, direct = (anyone.reply("id", group="nobody", **at(to)) for to in (port, provider.port))
    assert not through["ok"] and "Not found exported service" in through["error"]["message"], through
    assert (through["error"]["class"], through["error"]["kind"]) == (direct["error"]["class"], direct["error"]["kind"])


def test_sixteen_megabytes_are_too_much_and_eight_are_not(single, provider: Provider, anyone: Consumer) -> None:
    process, port = single(provider.port)
    assert anyone.call("measure", [0] * 10, **at(port)) == -1
    anyone.passes("large", size=8 << 20, timeout=20_000, **at(port))
    refused = anyone.case("large", size=17 << 20, timeout=20_000, **at(port))
    assert not refused["ok"], refused
    # The connection is closed, which the consumer may find out by a call.
    eventually(lambda: anyone.reply("id", **at(port)).get("result") == "provider", "the next calls go well")
    assert process.running
