"""Failures: each has its status, its response flag in the access log and its counter."""

import contextlib

import pytest

from kit import config as c
from kit.accesslog import AccessLog
from kit.backend import Gate, answering, sending, silent
from kit.client import Raw, get
from kit.deaf import deaf_port
from kit.h2peer import Client
from kit.ports import free_port
from kit.wait import eventually

#: Every field that a reply of the proxy's own may carry.
OWN_FIELDS = {"content-type", "content-length", "connection", "date", "server"}
#: Must never come back.
SECRETS = [("Authorization", "Bearer s3cr3t"), ("Cookie", "session=s3cr3t"), ("X-Custom", "s3cr3t"), ("Accept", "text/s3cr3t")]


@contextlib.contextmanager
def nobody(backend):
    """No host at all."""
    yield {"hosts": []}


@contextlib.contextmanager
def refusing(backend):
    yield {"hosts": [free_port()]}


@contextlib.contextmanager
def unreachable(backend):
    with deaf_port() as port:
        yield {"hosts": [port], "cluster": {"connect_timeout": "100ms"}}


async def reset(request, connection):
    await request.drain()
    connection.reset()


async def close(request, connection):
    await request.drain()
    connection.close()


def served(handler, **more):
    """A failure that a reachable host makes."""

    @contextlib.contextmanager
    def way(backend):
        yield {"hosts": [backend(handler).port], **more}

    return way


@contextlib.contextmanager
def no_route(backend):
    yield {"hosts": [free_port()], "routes": [c.to_cluster(when=c.match("/elsewhere"))]}


@contextlib.contextmanager
def no_cluster(backend):
    yield {"hosts": [free_port()], "routes": [c.to_cluster("nowhere")]}


#: How it comes about; status, flag, and the counters that move by one (or by so many).
FAILURES = {
    "no-route": (no_route, 404, "NR", {"request_no_route_total": 1}, {}),
    "no-cluster": (no_cluster, 404, "NR", {"request_no_cluster_total": 1}, {}),
    "no-host": (nobody, 503, "UH", {}, {"request_no_healthy_host_total": 1}),
    "refused": (refusing, 503, "UF", {}, {"connection_con_fail": 4}),
    "connect-timeout": (unreachable, 503, "UF", {}, {"connection_timeout_total": 4}),
    "reset": (served(reset), 502, "UR", {}, {"request_remote_reset": 1}),
    "closed": (served(close), 502, "UR", {}, {"request_remote_reset": 1}),
    "reset-in-head": (served(sending(b"HTTP/1.1 200 OK\r\nContent-Le", close=True)), 502, "UR", {}, {"request_remote_reset": 1}),
    "garbage": (served(sending(b"SSH-2.0-OpenSSH\r\n\r\n", close=True)), 502, "UC", {}, {"request_remote_reset": 1}),
    "timeout": (served(silent, route={"timeout": "300ms"}), 504, "UT", {}, {"request_timeout": 1}),
}


@pytest.fixture
def failing(proxy, backend, tmp_path):
    """Starts a listener whose requests fail in this way."""
    with contextlib.ExitStack() as stack:

        def start(way, downstream="Http1"):
            how = stack.enter_context(way(backend))
            log = AccessLog(tmp_path)
            process, port = proxy(
                *how["hosts"],
                downstream=downstream,
                upstream="Http1",
                routes=how.get("routes") or [c.to_cluster(upstream_protocol="Http1", **how.get("route", {}))],
                cluster=how.get("cluster"),
                listener=log.config,
            )
            return process, port, log

        yield start


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_its_status_flag_and_counters(failing, name):
    way, status, flag, downstream, upstream = FAILURES[name]
    process, port, log = failing(way)
    with Raw(port) as client:
        response = client.get(headers=SECRETS, method="POST", body=b"s3cr3t")
        assert response.status == status
        assert response.text.strip(), "an error says in words what is wrong"
        assert log.last() == (str(status), flag)
        # The client may go on: what failed was the upstream.
        assert client.get().status == status
    # A line is written after everything was counted.
    log.wait(2)
    for key, times in downstream.items():
        assert process.downstream(key) == 2 * times, key
    for key, times in upstream.items():
        assert process.upstream(key) == 2 * times, key
    assert process.downstream(f"request_{status}_total") == process.downstream("request_failed") == 2


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_reply_echoes_nothing(failing, name):
    way, status, *_ = FAILURES[name]
    _, port, _ = failing(way)
    response = get(port, "/s3cr3t?s3cr3t=1", headers=SECRETS, host="s3cr3t.test")
    assert {field.lower() for field in response.head.names()} <= OWN_FIELDS
    assert b"s3cr3t" not in response.head.raw + response.body
    assert b"127.0.0.1" not in response.body


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_the_same_over_http2(failing, name):
    way, status, flag, *_ = FAILURES[name]
    _, port, log = failing(way, downstream="Http2")
    with Client(port) as client:
        response = client.get(headers=[(name.lower(), value) for name, value in SECRETS])
        assert (response.status, response.reset) == (status, None)
        assert {name for name, _ in response.fields} <= OWN_FIELDS | {":status"}
        assert client.get().status == status
    assert {(line["response_code"], line["response_flags"]) for line in log.wait(2)} == {(str(status), flag)}


def test_overflow(proxy, backend, aside, tmp_path):
    log, gate = AccessLog(tmp_path), Gate()

    async def held(request, connection):
        await gate.passed()
        await connection.respond()

    server = backend(held)
    process, port = proxy(server.port, cluster={"circuit_breakers": [{"max_requests": 1}]}, listener=log.config)
    first = []
    aside(lambda: first.append(get(port).status))
    server.wait_requests(1)
    response = get(port, headers=SECRETS)
    assert (response.status, {field.lower() for field in response.head.names()} <= OWN_FIELDS) == (503, True)
    assert log.last() == ("503", "UO")
    assert process.upstream("request_pending_overflow") == process.downstream("request_503_total") == 1
    gate.open()
    assert log.wait(2)[1]["response_code"] == "200"
    assert get(port).status == 200


@pytest.mark.parametrize("handler", [reset, close], ids=["reset", "closed"])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"], ids=["length", "chunked"])
def test_a_body_that_is_cut_cuts_the_client(proxy, backend, tmp_path, framing, handler):
    """The client must not take half an answer for a whole one."""
    log, begun = AccessLog(tmp_path), Gate()

    async def cut(request, connection):
        await connection.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhalf!\r\n".encode())
        await begun.passed()
        await handler(request, connection)

    process, port = proxy(backend(cut).port, listener=log.config)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.until(b"half!\r\n")
        begun.open()
        assert client.rest() == b""
    assert log.last() == ("200", "UR")
    assert process.upstream("request_remote_reset") == process.downstream("request_failed") == 1


def test_a_body_that_is_cut_resets_the_stream(proxy, backend, tmp_path):
    log, begun = AccessLog(tmp_path), Gate()

    async def cut(request, connection):
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await begun.passed()
        await reset(request, connection)

    _, port = proxy(backend(cut).port, downstream="Http2", upstream="Http1", listener=log.config)
    with Client(port) as client:
        sid = client.start()
        client.until(lambda: client.streams[sid].data == b"half", "the first half")
        begun.open()
        stream = client.finish(sid)
        assert (stream.ended, stream.reset) == (False, 2)
    assert log.last() == ("200", "UR")


def test_a_response_longer_than_announced_does_not_reach_the_next(proxy, backend):
    """What comes behind a response is nobody's: the connection is not used again."""
    server = backend(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
    _, port = proxy(server.port, processor=1)
    with Raw(port) as client:
        assert [client.get().text for _ in range(4)] == ["ok"] * 4
    assert server.accepted == 4


class Watched:
    """A handler that notes when its client is gone."""

    def __init__(self, first=b""):
        self.first, self.begun, self.gone = first, 0, 0

    async def __call__(self, request, connection):
        await request.drain()
        await connection.send(self.first)
        self.begun += 1
        await connection.gone()
        self.gone += 1


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize(
    ("first", "code"),
    [(b"", "499"), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", "200")],
    ids=["waiting", "during-the-response"],
)
def test_a_client_that_goes_away_cancels_the_upstream_work(proxy, backend, tmp_path, first, code, leave):
    log, handler = AccessLog(tmp_path), Watched(first)
    process, port = proxy(backend(handler).port, listener=log.config)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        eventually(lambda: handler.begun, "the request has arrived")
        if first:
            client.until(b"part")
        if leave == "reset":
            client.reset()
    eventually(lambda: handler.gone, "the upstream is told")
    assert log.last() == (code, "LR")
    assert process.downstream("request_reset") == 1
    assert process.downstream("request_active") == process.upstream("request_active") == 0
    assert process.upstream("request_local_reset") == 1


@pytest.mark.parametrize("protocol", ["Http1", "Http2"])
def test_a_client_that_goes_away_ends_connecting(proxy, tmp_path, protocol):
    log = AccessLog(tmp_path)
    with deaf_port() as deaf:
        process, port = proxy(deaf, downstream=protocol, upstream="Http1", routes=[c.to_cluster(upstream_protocol="Http1")], cluster={"connect_timeout": "60s"}, listener=log.config)
        if protocol == "Http1":
            with Raw(port) as client:
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                eventually(lambda: process.downstream("request_active") == 1, "the request is there")
        else:
            with Client(port) as client:
                sid = client.start()
                eventually(lambda: process.downstream("request_active") == 1, "the request is there")
                client.reset(sid)
                eventually(lambda: process.downstream("request_active") == 0, "the request is given up")
        # Long before the connection would time out.
        assert log.last() == ("499", "LR")
        assert process.downstream("request_active") == 0


def test_a_client_that_goes_away_gives_its_place_in_the_queue_up(proxy, backend, aside):
    gate = Gate()

    async def held(request, connection):
        await gate.passed()
        await connection.respond()

    server = backend(held)
    process, port = proxy(server.port, cluster={"max_connection_per_host": 1, "circuit_breakers": [{"max_pending_requests": 1}], "connect_timeout": "60s"})
    answers = []
    aside(lambda: answers.append(get(port, timeout=30).status))
    server.wait_requests(1)
    with Raw(port) as waiting:
        waiting.send("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: process.upstream("request_pending") == 1, "one waits")
    eventually(lambda: process.upstream("request_pending") == 0, "nobody waits")
    aside(lambda: answers.append(get(port, "/third", timeout=30).status))
    eventually(lambda: process.upstream("request_pending") == 1, "another one may wait")
    gate.open()
    eventually(lambda: answers == [200, 200], "both are answered")
    assert [request.target for request in server.requests] == ["/", "/third"]


def test_a_stream_that_is_reset_cancels_the_upstream_work(proxy, backend, tmp_path):
    log, handler = AccessLog(tmp_path), Watched(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
    _, port = proxy(backend(handler).port, downstream="Http2", upstream="Http1", listener=log.config)
    with Client(port) as client:
        sid = client.start()
        client.until(lambda: client.streams[sid].data == b"part", "the first half")
        client.reset(sid)
        eventually(lambda: handler.gone, "the upstream is told")
        assert log.last() == ("200", "LR")
        # The connection itself lives.
        other = client.start()
        client.until(lambda: client.streams[other].data == b"part", "another one")


def test_an_http2_connection_that_ends_cancels_its_streams(proxy, backend, tmp_path):
    log, handler = AccessLog(tmp_path), Watched()
    process, port = proxy(backend(handler).port, downstream="Http2", upstream="Http1", listener=log.config)
    with Client(port) as client:
        for _ in range(3):
            client.start()
        eventually(lambda: handler.begun == 3, "the requests have arrived")
    eventually(lambda: handler.gone == 3, "the upstream is told")
    assert {(line["response_code"], line["response_flags"]) for line in log.wait(3)} == {("499", "LR")}
    assert process.downstream("request_active") == 0
    assert process.downstream("request_reset") == 3


def test_a_reset_reaches_an_http2_upstream(proxy, h2backend):
    server = h2backend(on_head=lambda exchange: None)
    _, port = proxy(server.port, upstream="Http2")
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(1)
    eventually(lambda: server.requests[0].received.reset is not None, "RST_STREAM at the upstream")
    assert not server.peers[0].closed


def test_a_client_that_goes_away_inside_its_body_is_not_completed(proxy, backend, tmp_path):
    log = AccessLog(tmp_path)
    server = backend(answering())
    process, port = proxy(server.port, listener=log.config)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this")
        server.wait_requests(1)
    eventually(lambda: not server.connections, "the upstream connection is closed")
    assert not server.requests[0].complete
    assert log.last() == ("499", "LR")
    assert process.downstream("request_499_total") == 1


def test_a_host_that_cannot_be_reached_is_named_in_the_log_and_not_for_every_request(proxy):
    dead = free_port()
    process, port = proxy(dead, processor=1)
    for _ in range(20):
        assert get(port).status == 503
    eventually(lambda: f"cluster backend: upstream connection failed: 127.0.0.1:{dead}" in process.log(), "the log says so")
    assert process.log().count(f"127.0.0.1:{dead}") == 1
