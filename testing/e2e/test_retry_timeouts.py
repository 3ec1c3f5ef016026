"""Retries and timeouts: what is tried again, what is not, and when waiting ends."""

import asyncio
import time

import pytest

from kit import config as c
from kit.accesslog import AccessLog
from kit.backend import Gate, answering, silent
from kit.client import Raw, get
from kit.deaf import deaf_port
from kit.ports import free_port
from kit.wait import eventually


def retrying(**more):
    """A route's keys that switch retries on."""
    return {"retry_policy": {"retry_on": True, **more}}


def then(*handlers):
    """A handler that treats each request in turn, and every later one like the last."""
    turn = iter(handlers)
    last = [handlers[0]]

    async def handler(request, connection):
        last[0] = next(turn, last[0])
        await last[0](request, connection)

    return handler


async def reset(request, connection):
    """Takes the request and resets the connection."""
    await request.drain()
    connection.reset()


async def close(request, connection):
    """Takes the request and closes the connection."""
    await request.drain()
    connection.close()


async def body(request, connection):
    """Answers with what it was sent."""
    await connection.respond(body=await request.read(), headers=[("X-Trailers", str(len(request.trailers)))])


class Elapsed:
    """The seconds that a block took."""

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start


def test_a_dead_host_costs_no_request(proxy, backend, tmp_path):
    """Even without any policy: nothing was sent, so trying elsewhere is safe."""
    log = AccessLog(tmp_path)
    alive = backend(answering("alive"))
    process, port = proxy(free_port(), alive.port, listener=log.config)
    with Raw(port) as client:
        assert [client.get(method="POST", body=b"x").text for _ in range(10)] == ["alive"] * 10
    tried = sum(int(line["retry_count"]) for line in log.wait(10))
    assert tried >= 5
    assert process.upstream("request_retry") == process.upstream("connection_con_fail") == tried
    assert {line["upstream_host"] for line in log.lines()} == {f"127.0.0.1:{alive.port}"}


def test_connecting_is_tried_three_times_more(proxy, tmp_path):
    log = AccessLog(tmp_path)
    process, port = proxy(free_port(), listener=log.config)
    assert get(port).status == 503
    assert process.upstream("connection_con_fail") == 4
    assert log.wait()[0]["retry_count"] == "3"


@pytest.mark.parametrize(
    ("policy", "first", "expected", "tries"),
    [
        ({"retry_on": True}, 500, 200, 2),
        ({"retry_on": True}, 599, 200, 2),
        ({"retry_on": True}, 404, 404, 1),
        ({"retry_on": True, "status_codes": [404, 409]}, 409, 200, 2),
        ({"retry_on": True, "status_codes": [404, 409]}, 500, 500, 1),
        ({"retry_on": False, "status_codes": [500]}, 500, 500, 1),
        ({}, 500, 500, 1),
    ],
)
def test_statuses_are_tried_again_as_the_policy_says(proxy, backend, policy, first, expected, tries):
    server = backend(then(answering("bad", first), answering("good")))
    process, port = proxy(server.port, route={"retry_policy": policy})
    assert get(port).status == expected
    assert (len(server.requests), process.upstream("request_retry")) == (tries, tries - 1)


@pytest.mark.parametrize(("number", "tries"), [(0, 4), (2, 4), (5, 6)])
def test_retries_are_counted_and_the_last_answer_is_passed_on(proxy, backend, tmp_path, number, tries):
    """Never fewer than three, as in MOSN."""
    log = AccessLog(tmp_path)
    server = backend(answering("the upstream's own words", 503))
    _, port = proxy(server.port, route=retrying(num_retries=number), listener=log.config)
    response = get(port)
    assert (response.status, response.text, len(server.requests)) == (503, "the upstream's own words", tries)
    line = log.wait()[0]
    assert (line["retry_count"], line["response_flags"]) == (str(tries - 1), "-")


def test_a_retry_goes_to_another_host(proxy, backend):
    bad, good = backend(answering("bad", 503)), backend(answering("good"))
    _, port = proxy(bad.port, good.port, route=retrying())
    with Raw(port) as client:
        assert [client.get().text for _ in range(6)] == ["good"] * 6
    assert 3 <= len(bad.requests) <= 6


@pytest.mark.parametrize("failure", [reset, close])
def test_a_broken_connection_is_tried_again_only_by_policy(proxy, backend, failure):
    server = backend(then(failure, answering()))
    _, port = proxy(server.port, route=retrying())
    assert get(port).status == 200
    other = backend(then(failure, answering()))
    _, port = proxy(other.port)
    assert get(port).status == 502
    assert (len(server.requests), len(other.requests)) == (2, 1)


def test_no_retry_once_the_response_has_begun(proxy, backend):
    begun = Gate()

    async def cut(request, connection):
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await begun.passed()
        connection.reset()

    server = backend(cut)
    _, port = proxy(server.port, route=retrying())
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.head().get("content-length") == "10"
        begun.open()
        assert client.rest() == b""
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [1, 4_000, 60_000])
def test_a_body_is_sent_again_with_a_retry(proxy, backend, size):
    server = backend(then(answering("no", 503), reset, body))
    _, port = proxy(server.port, route=retrying())
    sent = bytes(range(256)) * (size // 256 + 1)
    assert get(port, method="POST", body=sent[:size]).body == sent[:size]
    assert [request.received for request in server.requests] == [size, size, size]


def test_a_chunked_body_with_trailers_is_sent_again(proxy, backend):
    server = backend(then(answering("no", 503), body))
    _, port = proxy(server.port, route=retrying())
    with Raw(port) as client:
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n4\r\nlast\r\n0\r\nX-Sum: 9\r\n\r\n")
        response = client.response()
    assert (response.text, response.get("x-trailers")) == ("firstlast", "1")
    assert server.requests[1].trailers == [("X-Sum", "9")]


def test_a_body_larger_than_what_is_kept_is_not_tried_again(proxy, backend):
    server = backend(answering("no", 503))
    _, port = proxy(server.port, route=retrying())
    assert get(port, method="POST", body=bytes(1 << 20)).status == 503
    assert len(server.requests) == 1


def test_the_cluster_limits_retries_in_flight(proxy, backend, aside):
    """A retry holds its place until it is answered, not just until it is sent."""
    gate = Gate()

    async def handler(request, connection):
        if request.get("x-hold") and sum(one.get("x-hold") is not None for one in server.requests) > 1:
            await gate.passed()
            return await connection.respond(body="held")
        await connection.respond(503)

    server = backend(handler)
    process, port = proxy(server.port, route=retrying(), cluster={"circuit_breakers": [{"max_retries": 1}]})
    held = []
    aside(lambda: held.append(get(port, headers=[("X-Hold", "1")]).text))
    server.wait_requests(2)
    assert get(port).status == 503
    assert len(server.requests) == 3
    assert process.upstream("request_retry_overflow") == 1
    gate.open()
    eventually(lambda: held, "the held retry is answered")
    assert held == ["held"]
    assert get(port).status == 503
    assert len(server.requests) == 3 + 4


def test_the_global_timeout_ends_waiting(proxy, backend, tmp_path):
    log = AccessLog(tmp_path)
    server = backend(silent)
    process, port = proxy(server.port, route={"timeout": "500ms"}, listener=log.config)
    with Elapsed() as took:
        assert get(port).status == 504
    assert took.seconds >= 0.5
    assert log.last() == ("504", "UT")
    assert process.upstream("request_timeout") == 1
    eventually(lambda: not server.connections, "the upstream connection is closed")


def test_the_global_timeout_holds_over_all_tries(proxy, backend):
    server = backend(silent)
    _, port = proxy(server.port, route={"timeout": "1s"} | retrying(retry_timeout="300ms", num_retries=9))
    with Elapsed() as took:
        assert get(port).status == 504
    assert 1 <= took.seconds
    assert 2 <= len(server.requests) <= 4


def test_the_global_timeout_holds_while_connecting(proxy):
    with deaf_port() as deaf:
        _, port = proxy(deaf, route={"timeout": "500ms"}, cluster={"connect_timeout": "60s"})
        with Elapsed() as took:
            assert get(port).status == 504
        assert took.seconds >= 0.5


def test_a_slow_try_is_followed_by_another(proxy, backend):
    slow, quick = backend(silent), backend(answering("quick"))
    process, port = proxy(slow.port, quick.port, route=retrying(retry_timeout="300ms"))
    assert [get(port).text for _ in range(4)] == ["quick"] * 4
    assert process.upstream("request_timeout") == process.upstream("request_retry") >= 2


def test_a_slow_try_without_a_policy_is_the_answer(proxy, backend):
    server = backend(silent)
    _, port = proxy(server.port, route={"retry_policy": {"retry_timeout": "300ms"}})
    with Elapsed() as took:
        assert get(port).status == 504
    assert (took.seconds < 5, len(server.requests)) == (True, 1)


def test_the_timeout_of_a_try_ends_with_its_head(proxy, backend):
    _, port = proxy(backend(dripping(4, 0.25)).port, route=retrying(retry_timeout="500ms"))
    assert get(port).text == "...."


def dripping(count, pause):
    """A handler whose head comes at once and whose body takes its time."""

    async def handler(request, connection):
        await request.drain()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count)
        for _ in range(count):
            await asyncio.sleep(pause)
            await connection.send(b".")

    return handler


def after(seconds):
    """A handler that answers late."""

    async def handler(request, connection):
        await asyncio.sleep(seconds)
        await connection.respond(body="late")

    return handler


@pytest.mark.parametrize(
    ("route", "header", "expected"),
    [
        ("30s", ("x-mosn-global-timeout", "300"), 504),
        (None, ("X-MOSN-Global-Timeout", "300"), 504),
        ("300ms", ("x-mosn-global-timeout", "30000"), 200),
        ("300ms", ("x-mosn-global-timeout", "junk"), 504),
        (None, ("x-mosn-try-timeout", "300"), 504),
        ("30s", ("x-mosn-try-timeout", "300"), 504),
        (None, ("x-mosn-try-timeout", "30000"), 200),
    ],
)
def test_headers_of_the_request_set_its_timeouts(proxy, backend, route, header, expected):
    _, port = proxy(backend(after(1)).port, route={"timeout": route} if route else {})
    assert get(port, headers=[header]).status == expected


def test_the_header_sets_the_timeout_of_each_try(proxy, backend):
    server = backend(then(silent, silent, answering("third")))
    _, port = proxy(server.port, route=retrying(retry_timeout="30s"))
    assert get(port, headers=[("x-mosn-try-timeout", "300")]).text == "third"
    assert len(server.requests) == 3


@pytest.mark.parametrize("header", [[], [("x-mosn-global-timeout", "500")]], ids=["route", "header"])
def test_a_stated_timeout_bounds_the_whole_response(proxy, backend, tmp_path, header):
    log = AccessLog(tmp_path)
    server = backend(dripping(1000, 0.1))
    _, port = proxy(server.port, route={} if header else {"timeout": "500ms"}, listener=log.config)
    with Raw(port) as client, Elapsed() as took:
        lines = "".join(f"{name}: {value}\r\n" for name, value in header)
        client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
        assert client.head().get("content-length") == "1000"
        assert len(client.rest()) < 100
    assert took.seconds >= 0.4
    assert log.last() == ("200", "UT")
    eventually(lambda: not server.connections, "the upstream connection is closed")


@pytest.fixture
def idling(mecha):
    """A listener whose streams may stand still for so long: `idling(backend.port, "500ms")`."""

    def start(host, limit, route=None, **listener):
        port = free_port()
        door = c.http_listener(port, **listener)
        door["filter_chains"][0]["filters"][0]["config"]["stream_idle_timeout"] = limit
        return mecha(listeners=[door], routers=[c.router([c.to_cluster(**(route or {}))])], clusters=[c.cluster(host)]), port

    return start


def test_a_response_that_stands_still_is_cut(idling, backend, tmp_path):
    log = AccessLog(tmp_path)

    async def stalling(request, connection):
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!")
        await connection.gone()

    server = backend(stalling)
    _, port = idling(server.port, "400ms", **log.config)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.head().get("content-length") == "10"
        assert client.until(b"five!") == b"five!"
        assert client.closed(10)
    assert log.last() == ("200", "UT")
    eventually(lambda: not server.connections, "the upstream connection is closed")


def test_a_response_that_moves_is_not_cut(idling, backend):
    _, port = idling(backend(dripping(8, 0.25)).port, "1s")
    assert get(port).text == "........"


def test_the_idle_timeout_does_not_count_before_the_response(idling, backend):
    _, port = idling(backend(after(1)).port, "300ms")
    assert get(port).text == "late"
