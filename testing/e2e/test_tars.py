"""TARS' own SDK for Node through Mecha: what it does directly (test_tars_direct.py) it does here, and what Mecha answers by
itself is an answer of TARS."""

from collections.abc import Callable, Iterator

import pytest
from kit import config as c
from kit import tars
from kit.capture import Relay
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tutorial import Tutorial
from kit.wait import eventually

#: What the SDK names a call that was not made: no such servant, no answer in time, no connection or server, overload.
NO_SERVANT, TIMEOUT, UNREACHABLE = -4, -7, -8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tars.Server]:
    running = tars.Server(tmp_path_factory.mktemp("tars")).start().ready()
    yield running
    running.stop()


@pytest.mark.parametrize("processes", [1, 2])
def test_every_case_through_two_listeners(mecha: Callable[..., Mecha], server: tars.Server, processes: int) -> None:
    tutorial = Tutorial(mecha, "tars", processes, server.port)
    tars.passes(tutorial.client, *tars.CASES)
    counted = tutorial.requests()
    assert counted[0] == counted[1] > len(tars.CASES) - 2
    assert tutorial.near.metric("downstream_request_active", listener="clientListener") == 0


def test_pings_end_at_mecha(proxy, server: tars.Server) -> None:
    with Relay(server.port) as behind:
        _, port = proxy(behind.port, downstream="tars")
        tars.passes(port, "ping", "id")
        (said,) = behind.conversations
        assert len(tars.frames(bytes(said.asked))) == 1


def test_frames_leave_as_they_came_but_for_their_number(proxy, server: tars.Server) -> None:
    """The number has as few bytes as it needs: apart from it and the length everything is the same."""
    with Relay(server.port) as behind:
        _, port = proxy(behind.port, downstream="tars")
        with Relay(port) as ahead:
            tars.passes(ahead.port, "echo", "context", "fail", "no-function")
            (there,), (here,) = ahead.conversations, behind.conversations
            for came, left in ((there.asked, here.asked), (here.answered, there.answered)):
                came, left = tars.frames(bytes(came)), tars.frames(bytes(left))
                assert len(came) == len(left) >= 6
                assert all(abs(len(one) - len(other)) <= 4 and one[-10:] == other[-10:] for one, other in zip(came, left, strict=True))


def test_routes_by_servant_function_and_context(mecha: Callable[..., Mecha], server: tars.Server, tmp_path) -> None:
    other, port = tars.Server(tmp_path, "other").start().ready(), free_port()
    to_other = c.to_cluster("other", c.match(headers=[{"name": "service", "value": tars.SERVANT}, {"name": "method", "value": "id"}]))
    to_own = c.to_cluster("own", c.match(headers=[{"name": "echo-one", "value": "1"}]), request_headers_to_add=c.adding(echo_two="by mecha"))
    try:
        mecha(
            listeners=[c.http_listener(port, downstream="tars")],
            routers=[c.router([to_other, to_own])],
            clusters=[c.cluster(server.port, name="own"), c.cluster(other.port, name="other")],
        )
        told = tars.run(port, "id", "context", "fail")
        assert told["id"]["detail"] == "other" and told["context"]["ok"] and told["context"]["detail"] == "tars", told
        assert told["fail"]["detail"].startswith("Error: the code: -4"), "no route"
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ([c.to_cluster("backend", c.match(headers=[{"name": "service", "value": "Another.Servant"}]))], NO_SERVANT),
        ([c.to_cluster("none")], UNREACHABLE),
        ([c.to_cluster("refusing")], UNREACHABLE),
        ([c.direct(502)], UNREACHABLE),
        ([c.to_cluster("silent", timeout="300ms")], TIMEOUT),
    ],
    ids=["no route", "no host", "nobody listens", "direct", "timeout"],
)
def test_what_mecha_answers_is_an_answer(mecha: Callable[..., Mecha], server: tars.Server, stub, routes: list[c.Json], code: int) -> None:
    port = free_port()
    silent = stub(lambda frame, link: None)
    mecha(
        listeners=[c.http_listener(port, downstream="tars")],
        routers=[c.router(routes)],
        clusters=[c.cluster(server.port), c.cluster(name="none"), c.cluster(free_port(), name="refusing"), c.cluster(silent.port, name="silent")],
    )
    for case in tars.run(port, "echo", "id").values():
        assert (case["ok"], case["code"]) == (False, code) and case["ms"] < 3000, case
    # A call of TUP, whose answers have another form, ends with it too.
    assert not tars.run(port, "tup")["tup"]["ok"]


def test_a_server_that_is_killed_and_started_again(proxy, tmp_path) -> None:
    own = tars.Server(tmp_path).start().ready()
    process, port = proxy(own.port, downstream="tars")
    tars.passes(port, "parallel")
    own.kill()
    assert tars.run(port, "echo")["echo"]["code"] == UNREACHABLE
    own.start().ready()
    tars.passes(port, "parallel", "large")
    own.stop()
    eventually(lambda: process.upstream("request_active") == 0, "no request is under way")
