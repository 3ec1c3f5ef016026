"""Upstream connections: reuse, the ones that die, and the limits."""

import select
import subprocess
import sys
import threading
import time

import pytest

from kit.accesslog import AccessLog
from kit.backend import Gate, answering, echo_body
from kit.client import Raw, get
from kit.mecha import refuses
from kit.ports import free_port
from kit.wait import eventually


def breaker(**limits):
    """A cluster's keys that limit it."""
    return {"circuit_breakers": [limits]}


def dying(number, *how):
    """A handler that answers, but lets request `number` of each connection die in these ways, one after the other; `None` or no more: it answers."""
    ways = list(how)

    async def handler(request, connection):
        body = await request.read()
        if connection.requests == number and ways and (way := ways.pop(0)):
            return way(connection)
        await connection.respond(body=body or b"ok")

    return handler


def reset(connection):
    connection.reset()


def close(connection):
    connection.close()


def held_by(gate):
    """A handler that answers once the gate is open."""

    async def handler(request, connection):
        await request.drain()
        await gate.passed()
        await connection.respond(body="held")

    return handler


def test_connections_are_used_again(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port, processor=1)
    for _ in range(5):
        assert get(port).status == 200
    assert server.accepted == 1
    eventually(lambda: process.upstream("connection_idle") == 1, "it waits for the next request")
    assert process.upstream("connection_total") == process.upstream("connection_active") == 1
    assert process.upstream("request_total") == 5
    assert process.metric("upstream_request_total", cluster="backend", host=f"127.0.0.1:{server.port}") == 5


def test_requests_at_once_have_connections_of_their_own(proxy, backend, aside):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port, processor=1)
    for _ in range(3):
        aside(get, port)
    server.wait_requests(3)
    assert (process.upstream("connection_active"), process.upstream("connection_idle")) == (3, 0)
    gate.open()
    eventually(lambda: process.upstream("connection_idle") == 3, "all three are kept")


def test_an_idle_connection_that_was_closed_is_not_used(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port, processor=1)
    for _ in range(3):
        assert get(port).status == 200
        eventually(lambda: process.upstream("connection_idle") == 1, "it is kept")
        server.close_idle()
        eventually(lambda: not server.connections, "closed at the backend")
    assert get(port, method="POST", body=b"once").status == 200
    assert server.accepted == 4
    # Seen before anything was sent: nothing had to be repeated.
    assert process.upstream("connection_retry") == 0
    assert process.upstream("connection_remote_close") == 3


def test_an_idle_connection_that_was_closed_is_cleared_away(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port)
    assert get(port).status == 200
    server.close_idle()
    eventually(lambda: process.upstream("connection_idle") == process.upstream("connection_active") == 0, "the proxy closes its end without being asked")


def test_unasked_bytes_on_an_idle_connection_are_nobodys_answer(proxy, backend):
    async def handler(request, connection):
        await connection.respond(body="mine")
        await connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server = backend(handler)
    process, port = proxy(server.port, processor=1)
    for _ in range(3):
        assert get(port).text == "mine"
        eventually(lambda: process.upstream("connection_idle") == 0, "the connection is given up")
    assert server.accepted == 3


@pytest.mark.parametrize("way", [reset, close])
@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", b""), ("POST", b""), ("POST", b"small"), ("PUT", b"x" * 60_000)],
    ids=["get", "post-empty", "post", "put"],
)
def test_a_request_that_met_a_dying_connection_is_repeated(proxy, backend, tmp_path, way, method, body):
    """Without any retry policy: before the first byte of a response, on a connection that was used before."""
    log = AccessLog(tmp_path)
    server = backend(dying(2, way))
    process, port = proxy(server.port, processor=1, listener=log.config)
    with Raw(port) as client:
        assert client.get().status == 200
        response = client.get("/again", method=method, body=body)
        assert (response.status, response.body) == (200, body or b"ok")
    assert [request.target for request in server.requests] == ["/", "/again", "/again"]
    assert [request.received for request in server.requests] == [0, len(body), len(body)]
    assert (process.upstream("connection_retry"), server.accepted) == (1, 2)
    assert [line["retry_count"] for line in log.wait(2)] == ["0", "1"]


def test_a_chunked_request_is_repeated_too(proxy, backend):
    server = backend(dying(2, reset))
    _, port = proxy(server.port, processor=1)
    with Raw(port) as client:
        assert client.get().status == 200
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n")
        assert client.response().text == "abc"
    assert [request.trailers for request in server.requests[1:]] == [[("X-T", "1")]] * 2


def test_it_is_repeated_only_once(proxy, backend, aside):
    gate, server = Gate(), backend(None)

    async def handler(request, connection):
        if connection.requests == 2:
            return connection.reset()
        await gate.passed()
        await connection.respond()

    server.handler = handler
    process, port = proxy(server.port, processor=1)
    for _ in range(2):
        aside(get, port)
    server.wait_requests(2)
    gate.open()
    eventually(lambda: process.upstream("connection_idle") == 2, "two connections to be used again")
    assert get(port).status == 502
    assert (len(server.requests), process.upstream("connection_retry")) == (4, 1)


def test_a_new_connection_that_dies_is_no_race(proxy, backend):
    server = backend(dying(1, reset))
    process, port = proxy(server.port)
    assert get(port).status == 502
    assert (len(server.requests), process.upstream("connection_retry")) == (1, 0)


def test_a_request_whose_body_is_gone_is_not_repeated(proxy, backend):
    server = backend(dying(2, reset))
    _, port = proxy(server.port, processor=1)
    with Raw(port) as client:
        assert client.get().status == 200
        assert client.get(method="POST", body=bytes(1 << 20)).status == 502
    assert len(server.requests) == 2


def test_a_response_that_has_begun_is_not_repeated(proxy, backend):
    async def handler(request, connection):
        if connection.requests == 2:
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-")
            return connection.close()
        await connection.respond()

    server = backend(handler)
    _, port = proxy(server.port, processor=1)
    with Raw(port) as client:
        assert client.get().status == 200
        assert client.get().status == 502
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["close", "1.0"],
)
def test_a_connection_that_the_host_will_close_is_not_kept(proxy, backend, answer):
    async def handler(request, connection):
        await connection.send(answer)

    server = backend(handler)
    process, port = proxy(server.port, processor=1)
    assert [get(port).text for _ in range(3)] == ["ok"] * 3
    assert server.accepted == 3
    assert process.upstream("connection_idle") == 0


def still_open(connections):
    """How many have not been closed by their peer, as the kernel knows it: the event loop may hear of an end later than of what followed it."""
    poll = select.poll()
    sockets = {connection.writer.get_extra_info("socket").fileno() for connection in connections} - {-1}
    for one in sockets:
        poll.register(one, select.POLLRDHUP)
    return len(sockets) - len(poll.poll(0))


def test_no_host_gets_more_connections_than_it_may(proxy, backend):
    """Fifty clients, two workers, three connections: everybody is served, nobody by a fourth."""
    peak = [0]

    def look():
        peak[0] = max(peak[0], still_open(server.connections))

    async def handler(request, connection):
        look()
        await connection.respond(body=await request.read())
        look()

    server = backend(handler)
    process, port = proxy(server.port, processor=2, cluster={"max_connection_per_host": 3, "connect_timeout": "30s"})
    wrong = []

    def load(number):
        with Raw(port, timeout=30) as client:
            for turn in range(8):
                body = f"{number}.{turn}"
                response = client.get(method="POST", body=body.encode())
                if (response.status, response.text) != (200, body):
                    wrong.append(response)

    threads = [threading.Thread(target=load, args=(number,), daemon=True) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert len(server.requests) == 400
    assert 1 <= peak[0] <= 3
    assert process.upstream("connection_overflow_total") > 0
    eventually(lambda: process.upstream("request_pending") == 0, "nobody waits any more")


def test_the_limit_is_each_hosts_own(proxy, backend, aside):
    gate = Gate()
    servers = [backend(held_by(gate)) for _ in range(2)]
    _, port = proxy(*[server.port for server in servers], cluster={"max_connection_per_host": 1})
    for _ in range(2):
        aside(get, port)
    for server in servers:
        server.wait_requests(1)
    gate.open()


@pytest.mark.parametrize("limit", [{"max_connection_per_host": 1}, {"circuit_breakers": [{"max_connections": 1}]}], ids=["host", "cluster"])
def test_who_waits_takes_the_next_connection(proxy, backend, aside, limit):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port, cluster=limit)
    answers = []
    for _ in range(3):
        aside(lambda: answers.append(get(port).text))
    eventually(lambda: process.upstream("request_pending") == 2, "two wait")
    assert len(server.wait_requests(1)) == 1
    gate.open()
    eventually(lambda: answers == ["held"] * 3, "all are answered")
    assert process.upstream("request_pending") == 0


def test_no_more_wait_than_may(proxy, backend, aside, tmp_path):
    gate, log = Gate(), AccessLog(tmp_path)
    server = backend(held_by(gate))
    cluster = {"max_connection_per_host": 1} | breaker(max_pending_requests=1)
    process, port = proxy(server.port, cluster=cluster, listener=log.config)
    answers = []
    for _ in range(2):
        aside(lambda: answers.append(get(port).status))
    eventually(lambda: process.upstream("request_pending") == 1, "one is served and one waits")
    assert get(port).status == 503
    assert log.last() == ("503", "UO")
    assert process.upstream("request_pending_overflow") == 1
    gate.open()
    eventually(lambda: answers == [200, 200], "those who were in time are answered")


def test_waiting_ends_with_the_connect_timeout(proxy, backend, aside):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port, cluster={"max_connection_per_host": 1, "connect_timeout": "300ms"})
    aside(get, port)
    server.wait_requests(1)
    assert get(port).status == 503
    assert process.upstream("request_pending_overflow") == 1
    gate.open()


def test_no_more_requests_than_the_breaker_allows(proxy, backend, aside):
    gate = Gate()
    server = backend(held_by(gate))
    _, port = proxy(server.port, processor=2, cluster=breaker(max_requests=2))
    answers = []
    for _ in range(2):
        aside(lambda: answers.append(get(port).status))
    server.wait_requests(2)
    assert [get(port).status for _ in range(3)] == [503] * 3
    gate.open()
    eventually(lambda: answers == [200, 200], "the two are answered")
    assert get(port).status == 200


def test_an_unused_connection_is_closed_in_time(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port, cluster={"idle_timeout": "300ms"})
    start = time.monotonic()
    assert get(port).status == 200
    eventually(lambda: not server.connections, "the connection is closed")
    assert time.monotonic() - start >= 0.3
    eventually(lambda: process.upstream("connection_close") == 1, "it is counted")
    assert (process.upstream("connection_idle"), process.upstream("connection_active")) == (0, 0)
    assert process.upstream("connection_local_close") == 1


def test_a_connection_in_use_is_not_idle(proxy, backend, aside):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port, cluster={"idle_timeout": "200ms"})
    answers = []
    aside(lambda: answers.append(get(port).text))
    server.wait_requests(1)
    # Another one comes and goes meanwhile: the housekeeping has been there.
    other = backend(answering())
    _, second = proxy(other.port, cluster={"idle_timeout": "200ms"})
    assert get(second).status == 200
    eventually(lambda: not other.connections, "an unused connection is closed")
    gate.open()
    eventually(lambda: answers == ["held"], "the request is answered")


def test_a_connection_carries_only_so_many_requests(proxy, backend):
    server = backend(echo_body)
    process, port = proxy(server.port, processor=1, cluster={"max_request_per_conn": 2})
    with Raw(port) as client:
        assert [client.get(method="POST", body=b"%d" % n).text for n in range(5)] == list("01234")
    assert server.accepted == 3
    assert process.upstream("connection_total") == 3


SERVER = """
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def start_server(port):
    """A server in a process of its own, so that it can be killed."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdin=subprocess.DEVNULL)
    eventually(lambda: not refuses(port), "the server listens")
    return process


def test_a_killed_host_leaves_no_call_hanging(proxy):
    at = free_port()
    server = start_server(at)
    process, port = proxy(at)
    done, statuses, problems = threading.Event(), [], []

    def load(number):
        count = 0
        while not done.is_set():
            try:
                with Raw(port, timeout=5) as client:
                    while not done.is_set():
                        count += 1
                        body = f"{number}.{count}"
                        response = client.get(method="POST", body=body.encode())
                        statuses.append(response.status)
                        if response.status == 200 and response.text != body:
                            problems.append(f"{body} was answered by {response.text}")
                            return
                        if response.get("connection") == "close":
                            break
            except TimeoutError:
                problems.append(f"{number}.{count} hung")
                return
            except (EOFError, ConnectionError):
                # Killed in the middle of its response.
                statuses.append(0)

    def ok():
        return statuses.count(200)

    threads = [threading.Thread(target=load, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            before = ok()
            eventually(lambda: ok() > before + 200 or problems, "traffic flows")
            server.kill()
            server.wait()
            failed = len(statuses) - ok()
            eventually(lambda: len(statuses) - ok() > failed + 50 or problems, "failures are reported, quickly")
            server = start_server(at)
            eventually(lambda: statuses[-50:].count(200) == 50 or problems, "all is well again")
    finally:
        done.set()
        for thread in threads:
            thread.join(10)
        server.kill()
        server.wait()
    assert problems == []
    assert not any(thread.is_alive() for thread in threads)
    assert set(statuses) <= {0, 200, 502, 503}
    eventually(lambda: process.upstream("request_active") == process.downstream("request_active") == 0, "nothing is left in flight")
