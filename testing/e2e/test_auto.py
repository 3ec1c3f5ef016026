"""One port for many protocols: `Auto`, lists of protocols, and what becomes of bytes that are none of them."""

import signal
import socket
import threading

import pytest

from kit import config as c
from kit.backend import Gate, answering
from kit.client import Raw, get
from kit.grpcs import channel, echo_server, method
from kit.h2peer import Client
from kit.h2raw import PREFACE, Frames
from kit.ports import free_port
from kit.tools import curl, h2load
from kit.wait import eventually


@pytest.fixture
def auto(proxy, backend):
    """A listener that detects, before an HTTP/1 server: `process, port = auto()`."""

    def start(downstream="Auto", **more):
        return proxy(backend(answering("ok")).port, downstream=downstream, route={"upstream_protocol": "Http1"}, **more)

    return start


@pytest.fixture
def tcp_echo():
    """The port of a server that greets nobody and sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        connection.close()

    def accept():
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def falling_back(tcp_port: int, http_port: int, downstream: str = "Auto"):
    """The port and the configuration of a listener that hands what it does not know to `tcp_proxy`."""
    port = free_port()
    return port, dict(
        listeners=[c.http_listener(port, downstream=downstream, fallback=c.tcp_filter("tcp"))],
        routers=[c.router([c.to_cluster("http", upstream_protocol="Http1")])],
        clusters=[c.cluster(http_port, name="http"), c.cluster(tcp_port, name="tcp")],
    )


@pytest.mark.parametrize("downstream", ["Auto", "Http1,Http2", "Http2,Http1"])
def test_both_protocols_on_one_port(auto, downstream):
    _, port = auto(downstream)
    for _ in range(3):
        assert get(port).text == "ok"
        with Client(port) as client:
            assert client.get().data == b"ok"
    assert curl(f"http://127.0.0.1:{port}/") == "ok"
    assert curl("--http2-prior-knowledge", "-w", " %{http_version}", f"http://127.0.0.1:{port}/") == "ok 2"
    assert h2load("-n", "200", "-c", "4", "-m", "5", f"http://127.0.0.1:{port}/")["succeeded"] == 200
    assert h2load("--h1", "-n", "200", "-c", "4", f"http://127.0.0.1:{port}/")["succeeded"] == 200


def test_the_upstream_speaks_what_the_client_speaks(mecha, backend, h2backend):
    """MOSN's rule when the route says nothing."""
    one, two, port = backend(answering("one")), h2backend(lambda exchange: exchange.respond(body=b"two")), free_port()
    routes = [c.to_cluster("two", c.match("/two")), c.to_cluster("one")]
    mecha(listeners=[c.http_listener(port, downstream="Auto", upstream="Auto")], routers=[c.router(routes)], clusters=[c.cluster(one.port, name="one"), c.cluster(two.port, name="two")])
    assert get(port, "/one").text == "one"
    with Client(port) as client:
        assert client.get("/two").data == b"two"


def test_grpc_through_two_detecting_hops(mecha):
    with echo_server() as (_, at):
        outer, inner = free_port(), free_port()
        mecha(
            listeners=[c.http_listener(outer, "outward", downstream="Auto", upstream="Auto"), c.http_listener(inner, "inward", downstream="Auto", upstream="Auto")],
            routers=[c.router([c.to_cluster("inner")], "outward"), c.router([c.to_cluster("service")], "inward")],
            clusters=[c.cluster(inner, name="inner"), c.cluster(at, name="service")],
        )
        with channel(outer) as opened:
            assert list(method(opened, "Both")(iter([b"a", b"b"]), timeout=20)) == [b"got a", b"got b"]


@pytest.mark.parametrize("method_", ["GET", "PRI", "PUT", "P", "PROPFIND", "PRINT", "M-SEARCH"])
def test_methods_that_begin_like_the_preface_are_http_1(auto, method_):
    _, port = auto()
    with Raw(port) as client:
        # One byte at a time: nothing may be decided too early.
        for byte in f"{method_} /path HTTP/1.1\r\nHost: a\r\n\r\n":
            client.send(byte)
        assert client.response().text == "ok"
        assert client.get("/again").text == "ok"


def test_a_preface_that_comes_slowly_is_http_2(auto):
    _, port = auto()
    with Frames(port, greet=False) as client:
        for byte in PREFACE:
            client.send(bytes([byte]))
        client.send(b"\0\0\0\4\0\0\0\0\0", client.request(1))
        assert client.finish(1)[":status"] == "200"


def test_everything_in_one_packet_is_served(auto):
    _, port = auto()
    with Frames(port, greet=False) as client:
        client.send(PREFACE, b"\0\0\0\4\0\0\0\0\0", client.request(1), client.request(3))
        assert (client.finish(1)[":status"], client.finish(3)[":status"]) == ("200", "200")
    with Raw(port) as client:
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [client.response().text for _ in range(2)] == ["ok", "ok"]


UNKNOWN = [b"\x16\x03\x01\x02\x00\x01", b"\0\0\0\0\0\0", b"\xda\xbc\xc2\0", b"\3\1\0\1", b" GET / HTTP/1.1\r\n", b"GE\tT / HTTP/1.1\r\n", b"A" * 100, PREFACE[:-1] + b"x"]


@pytest.mark.parametrize("data", UNKNOWN, ids=range(len(UNKNOWN)))
def test_bytes_of_no_known_protocol_are_closed(auto, data):
    process, port = auto()
    with Raw(port) as client:
        client.send(data)
        # The last of these begins as an HTTP/1 request does, and is told that it is a bad one.
        assert client.rest() == b"" or data.startswith(b"PRI")
    eventually(lambda: process.downstream("connection_active") == 0, "the connection is over")
    assert process.downstream("protocol_error") == 1
    assert process.downstream("request_total") == 0
    assert get(port).text == "ok"


@pytest.mark.parametrize(("downstream", "http1", "http2"), [("Http1", True, False), ("Http2", False, True)])
def test_one_name_allows_one_protocol(auto, downstream, http1, http2):
    _, port = auto(downstream)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (b"200 OK" in (client.until(b"ok") if http1 else client.rest())) == http1
    with Frames(port) as client:
        client.send(client.request(1))
        assert (client.finish_or_close(1).get(":status") == "200") == http2


def test_a_client_that_says_nothing_costs_nothing_and_goes(auto):
    process, port = auto()
    clients = [Raw(port) for _ in range(20)]
    eventually(lambda: process.downstream("connection_active") == 20, "20 connections")
    assert get(port).text == "ok"
    for client in clients:
        client.socket.close()
    eventually(lambda: process.downstream("connection_active") == 0, "none is left")
    assert process.downstream("protocol_error") == 0


def test_a_client_that_leaves_halfway_through_is_forgotten(auto):
    process, port = auto()
    for beginning in (b"GE", PREFACE[:10], b"PRI "):
        with Raw(port) as client:
            client.send(beginning)
            client.finish()
            assert client.rest() == b""
        with Raw(port) as client:
            client.send(beginning).reset()
    eventually(lambda: process.downstream("connection_active") == 0, "none is left")
    assert get(port).text == "ok"


def test_a_silent_client_does_not_hold_up_the_end(auto):
    process, port = auto()
    with Raw(port) as client, Raw(port) as halfway:
        halfway.send("GE")
        eventually(lambda: process.downstream("connection_active") == 2, "both are there")
        process.signal(signal.SIGTERM)
        assert client.closed()
        # What has begun may still become a request.
        halfway.send("T / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert halfway.response().text == "ok"
    assert process.wait() == 0


# --- fallback


def test_unknown_bytes_fall_back_to_tcp(mecha, backend, tcp_echo):
    port, config = falling_back(tcp_echo, backend(answering("http")).port)
    process = mecha(**config)
    with Raw(port) as client:
        client.send(b"\0\1\2 not http")
        assert client.exactly(12) == b"\0\1\2 not http"
        client.send(b"and on")
        assert client.exactly(6) == b"and on"
        client.finish()
        assert client.rest() == b""
    assert get(port).text == "http"
    with Client(port) as client:
        assert client.get().data == b"http"
    assert process.upstream("connection_total", "tcp") == 1
    assert process.downstream("protocol_error") == 0


def test_bytes_that_were_split_reach_tcp_whole(mecha, backend, tcp_echo):
    port, config = falling_back(tcp_echo, backend(answering("http")).port)
    mecha(**config)
    with Raw(port) as client:
        # Four bytes could still become a method; the fifth decides.
        for byte in b"HELO\n":
            client.send(bytes([byte]))
        assert client.exactly(5) == b"HELO\n"


def test_too_few_bytes_fall_back_when_the_client_is_done(mecha, backend, tcp_echo):
    port, config = falling_back(tcp_echo, backend(answering("http")).port)
    mecha(**config)
    with Raw(port) as client:
        client.send("AB").finish()
        assert client.rest() == b"AB"


def test_a_client_that_does_not_go_on_is_closed_or_handed_on_in_the_end(mecha, backend, tcp_echo):
    """After 15 seconds, MOSN's read timeout. One that waits for an answer to its first few bytes may speak something else."""
    port, config = falling_back(tcp_echo, backend(answering("http")).port)
    strict = free_port()
    config["listeners"].append(c.http_listener(strict, downstream="Auto"))
    process = mecha(**config)
    with Raw(strict) as silent, Raw(strict) as halfway, Raw(port, timeout=25) as other:
        halfway.send("GE")
        other.send("AB")
        assert other.exactly(2) == b"AB"
        other.send("CD")
        assert other.exactly(2) == b"CD"
        assert halfway.closed(10) and silent.closed(10)
    assert process.downstream("protocol_error") == 2


def test_a_list_hands_other_protocols_on(mecha, backend, tcp_echo):
    port, config = falling_back(tcp_echo, backend(answering("http")).port, downstream="Http2")
    mecha(**config)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with Raw(port) as client:
        client.send(request)
        assert client.exactly(len(request)) == request
    with Client(port) as client:
        assert client.get().data == b"http"


def test_a_large_first_packet_reaches_tcp_whole(mecha, backend, tcp_echo):
    port, config = falling_back(tcp_echo, backend(answering("http")).port)
    mecha(**config)
    body = b"\xff" + bytes(range(256)) * 4000
    with Raw(port) as client:
        client.send(body)
        assert client.exactly(len(body)) == body


def test_a_long_request_on_a_detecting_port_is_served(proxy, backend):
    gate = Gate()

    async def handler(request, connection):
        await gate.passed()
        await connection.respond(body=str(len(request.raw)))

    _, port = proxy(backend(handler).port, downstream="Auto", route={"upstream_protocol": "Http1"})
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + "v" * 30_000 + "\r\n\r\n")
        gate.open()
        assert int(client.response().text) > 30_000
