"""MOSN's tutorial, as one process and as two, with clients that nobody here wrote."""

import contextlib
import threading

import pytest
import websockets.sync.client
import websockets.sync.server

from kit.backend import echo_body
from kit.grpcs import channel, echo_server, method
from kit.h2peer import Client
from kit.ports import free_port
from kit.tools import curl, h2load, nghttpd
from kit.tutorial import Tutorial


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def tutorial(request, mecha):
    """`tutorial(protocol, port of the service)`"""
    return lambda protocol, service: Tutorial(mecha, protocol, request.param, service)


def test_http1(tutorial, backend):
    service = backend(echo_body)
    stand = tutorial("Http1", service.port)
    assert curl("-d", "over two hops", stand.url) == "over two hops"
    assert curl("-H", "Transfer-Encoding: chunked", "-d", "in chunks", stand.url) == "in chunks"
    assert h2load("--h1", "-n", "1000", "-c", "8", stand.url)["succeeded"] == 1000
    assert stand.requests() == (1002, 1002)
    assert len(service.requests) == 1002
    assert service.accepted <= 16, "connections are used again"
    assert stand.near.admin("/api/v1/states") == (200, f"pid={stand.near.pid}&state=6\n")


def test_http2(tutorial, tmp_path):
    (tmp_path / "page").write_text("by HTTP/2")
    port = free_port()
    with nghttpd(port, tmp_path):
        stand = tutorial("Http2", port)
        assert curl("--http2-prior-knowledge", "-w", " %{http_version}", f"{stand.url}/page") == "by HTTP/2 2"
        assert h2load("-n", "2000", "-c", "4", "-m", "25", f"{stand.url}/page")["succeeded"] == 2000
        assert stand.requests() == (2001, 2001)
        assert stand.far.upstream("request_total", "serverCluster") == 2001


@pytest.mark.parametrize("protocol", ["Http2", "Auto"])
def test_grpc(tutorial, protocol):
    with echo_server() as (_, port):
        stand = tutorial(protocol, port)
        with channel(stand.client) as opened:
            assert method(opened, "Unary")(b"x" * 4_000_000, timeout=20) == b"x" * 4_000_000
            assert list(method(opened, "Server")(b"3", timeout=20)) == [b"0", b"1", b"2"]
            assert method(opened, "Client")(iter([b"a", b"b"]), timeout=20) == b"a,b"
            assert list(method(opened, "Both")(iter([b"a", b"b"]), timeout=20)) == [b"got a", b"got b"]
        assert stand.requests() == (4, 4)


def test_auto_keeps_what_the_client_speaks(tutorial, backend, h2backend):
    one, two = backend(), h2backend()
    old, new = tutorial("Auto", one.port), tutorial("Auto", two.port)
    assert curl("--http1.1", f"{old.url}/old").startswith("GET /old HTTP/1.1")
    assert curl("--http2-prior-knowledge", f"{new.url}/new") == "ok"
    assert two.requests[0].path == "/new"
    assert h2load("--h1", "-n", "300", "-c", "4", old.url)["succeeded"] == 300
    with Client(new.client) as client:
        assert client.post(b"body" * 10_000).status == 200
    assert (old.requests(), new.requests()) == ((301, 301), (2, 2))


@pytest.mark.parametrize("protocol", ["Http1", "Auto"])
def test_websocket(tutorial, protocol):
    def echo(connection):
        for message in connection:
            connection.send(message)

    with serving(echo) as port:
        stand = tutorial(protocol, port)
        with websockets.sync.client.connect(f"ws://127.0.0.1:{stand.client}/chat", proxy=None) as connection:
            for message in ("text", b"\x00binary\xff", "x" * 100_000):
                connection.send(message)
                assert connection.recv(10) == message


@contextlib.contextmanager
def serving(handler):
    """A WebSocket server on a loopback port."""
    with websockets.sync.server.serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(10)
