"""Upgrades: WebSocket by real clients and servers, CONNECT, and what becomes of a connection that leaves HTTP."""

import contextlib
import threading

import pytest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

from kit import config as c
from kit.backend import answering
from kit.client import Raw
from kit.h2peer import Client, Stream
from kit.ports import free_ports
from kit.wait import eventually

ASK = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: raw\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"


@contextlib.contextmanager
def websocket_server(handler, **options):
    """A WebSocket server on a loopback port."""
    with websockets.sync.server.serve(handler, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join(10)


def connect(port: int, path: str = "/", **options):
    return websockets.sync.client.connect(f"ws://127.0.0.1:{port}{path}", proxy=None, **options)


def echo(connection):
    for message in connection:
        connection.send(message)


@pytest.fixture
def two_hops(mecha):
    """Two listeners in a row before a port; returns the first."""

    def start(service: int) -> int:
        near, far = free_ports(2)
        mecha(
            listeners=[c.http_listener(near, "near"), c.http_listener(far, "far")],
            routers=[c.router([c.to_cluster("far")], "near"), c.router([c.to_cluster("service")], "far")],
            clusters=[c.cluster(far, name="far"), c.cluster(service, name="service")],
        )
        return near

    return start


async def switching(request, connection):
    """Switches, then echoes bytes until the other side ends, then says goodbye."""
    assert (request.get("connection") or "").lower() == "upgrade" and request.get("upgrade") == "raw"
    await connection.send(SWITCH)
    while data := await connection.reader.read(65536):
        await connection.send(data)
    await connection.send(b"goodbye")
    connection.close()


@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_of_every_kind_pass_two_hops(two_hops, compression):
    with websocket_server(echo) as service, connect(two_hops(service), compression=compression) as connection:
        for message in ("text \u00fc", b"\x00\xff", "", "x" * 500_000):
            connection.send(message)
            assert connection.recv(10) == message
        assert connection.ping("are you there").wait(10)
        connection.send(["in ", "three ", "fragments"])
        assert connection.recv(10) == "in three fragments"


def test_many_messages_keep_their_order(two_hops):
    def counting(connection):
        for number in range(2000):
            connection.send(str(number))

    with websocket_server(counting) as service, connect(two_hops(service)) as connection:
        assert [connection.recv(10) for _ in range(2000)] == [str(number) for number in range(2000)]


def test_close_codes_pass_both_ways(two_hops):
    codes = []

    def handler(connection):
        if connection.request.path == "/close-me":
            connection.close(4001, "by the server")
            return
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            connection.recv(10)
        codes.append((connection.close_code, connection.close_reason))

    with websocket_server(handler) as service:
        port = two_hops(service)
        with connect(port, "/close-me") as connection, pytest.raises(websockets.exceptions.ConnectionClosed):
            connection.recv(10)
        assert (connection.close_code, connection.close_reason) == (4001, "by the server")
        with connect(port, "/close-you") as connection:
            connection.close(4002, "by the client")
        eventually(lambda: codes == [(4002, "by the client")], "the server sees the client's code")


def test_subprotocol_and_headers_of_the_handshake_pass(two_hops):
    seen = []

    def handler(connection):
        seen.append(connection.request.headers["X-From"])

    def answer(connection, request, response):
        response.headers["X-Back"] = "there"

    with websocket_server(handler, subprotocols=["two"], process_response=answer) as service:
        with connect(two_hops(service), subprotocols=["one", "two"], additional_headers={"X-From": "here"}) as connection:
            assert connection.subprotocol == "two"
            assert connection.response.headers["X-Back"] == "there"
    assert seen == ["here"]


def test_a_refused_upgrade_leaves_http(proxy, backend):
    _, port = proxy(backend(answering("not here", 426, [("Upgrade", "other"), ("Connection", "Upgrade")])).port)
    with Raw(port) as client:
        for _ in range(2):
            client.send(ASK)
            response = client.response()
            assert (response.status, response.text) == (426, "not here")


def test_a_server_may_answer_as_if_nothing_was_asked(proxy, backend):
    _, port = proxy(backend(answering("plain")).port)
    with Raw(port) as client:
        client.send(ASK)
        assert client.response().text == "plain"
        assert client.get().text == "plain"


def test_bytes_pass_both_ways_and_each_side_ends_for_itself(proxy, backend):
    server = backend(switching)
    process, port = proxy(server.port)
    with Raw(port) as client:
        client.send(ASK)
        head = client.head()
        assert head.start == "HTTP/1.1 101 Switching Protocols"
        assert (head.get("upgrade"), (head.get("connection") or "").lower()) == ("raw", "upgrade")
        client.send(b"\x00\x01 not HTTP \r\n\r\n")
        assert client.exactly(16) == b"\x00\x01 not HTTP \r\n\r\n"
        client.finish()
        assert client.rest() == b"goodbye"
    assert process.downstream("upgrade_total") == 1
    assert process.downstream("request_total") == 1
    eventually(lambda: process.downstream("request_active") == 0, "the tunnel is over")
    assert process.upstream("connection_idle") == 0, "a connection that left HTTP is never used again"


def test_bytes_sent_with_the_request_are_not_lost(proxy, backend):
    _, port = proxy(backend(switching).port)
    with Raw(port) as client:
        client.send(ASK.encode() + b"early")
        client.head()
        assert client.exactly(5) == b"early"


def test_bytes_sent_with_the_switch_are_not_lost(proxy, backend):
    async def eager(request, connection):
        await connection.send(SWITCH + b"already")
        connection.close()

    _, port = proxy(backend(eager).port)
    with Raw(port) as client:
        client.send(ASK)
        client.head()
        assert client.rest() == b"already"


def test_a_large_tunnel_loses_nothing(proxy, backend, aside):
    _, port = proxy(backend(switching).port)
    block = bytes(range(256)) * 4096
    with Raw(port) as client:
        client.send(ASK)
        client.head()
        sender = aside(lambda: [client.send(block) for _ in range(16)])
        for _ in range(16):
            assert client.exactly(len(block)) == block
        sender.join(10)


def test_a_server_that_switches_unasked_is_a_fault(proxy, backend):
    async def unasked(request, connection):
        await connection.send(SWITCH)

    _, port = proxy(backend(unasked).port)
    with Raw(port) as client:
        assert client.get().status == 502


def test_a_client_that_leaves_ends_the_tunnel(proxy, backend):
    server = backend(switching)
    _, port = proxy(server.port)
    client = Raw(port)
    client.send(ASK)
    client.head()
    client.reset()
    eventually(lambda: not server.connections, "the server's connection ends too")


def test_an_idle_tunnel_is_ended(mecha, backend):
    (port,) = free_ports(1)
    listener = c.http_listener(port)
    listener["filter_chains"][0]["filters"][0]["config"]["stream_idle_timeout"] = "400ms"
    server = backend(switching)
    mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(server.port)])
    with Raw(port) as client:
        client.send(ASK)
        client.head()
        assert client.closed(10)
    eventually(lambda: not server.connections, "the server's connection ends too")


def test_http2_is_not_smuggled_in_by_an_upgrade(proxy, backend):
    """Passed on, `h2c` would open a way past every route; it is obsolete (RFC 9113 section 3.1)."""
    server = backend()
    _, port = proxy(server.port)
    with Raw(port) as client:
        response = client.get(headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
    assert response.status == 200
    assert not {"upgrade", "http2-settings"} & {name.lower() for name in server.requests[0].names()}


BY_METHOD = [c.to_cluster(when=c.match(headers=[{"name": "method", "value": "CONNECT"}]))]
CONNECT_BY_HTTP_1 = [c.to_cluster(when=c.match(headers=[{"name": "method", "value": "CONNECT"}]), upstream_protocol="Http1")]
CONNECT = "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n"


def test_connect_makes_a_tunnel_by_its_route(proxy, backend):
    async def tunnel(request, connection):
        assert request.start == "CONNECT db.example:5432 HTTP/1.1"
        await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while data := await connection.reader.read(65536):
            await connection.send(data.upper())
        connection.close()

    _, port = proxy(backend(tunnel).port, routes=BY_METHOD)
    with Raw(port) as client:
        client.send(CONNECT)
        head = client.head()
        assert head.start.startswith("HTTP/1.1 200 ")
        assert not head.all("content-length") and not head.all("transfer-encoding")
        client.send(b"select 1")
        assert client.exactly(8) == b"SELECT 1"
        client.finish()
        assert client.closed()


def test_a_refused_connect_is_an_ordinary_answer(proxy, backend):
    async def refusing(request, connection):
        await connection.respond(403, "no", reason="Forbidden")

    _, port = proxy(backend(refusing).port, routes=BY_METHOD)
    with Raw(port) as client:
        client.send(CONNECT)
        response = client.response()
        assert (response.status, response.text) == (403, "no")


def test_connect_has_no_path_that_a_route_could_match(proxy, backend):
    server = backend()
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send(CONNECT)
        assert client.response().status == 404
    assert not server.requests


def test_messages_pass_one_hop_and_a_detecting_port(proxy):
    with websocket_server(echo, max_size=None) as service:
        _, port = proxy(service, downstream="Auto")
        with connect(port, max_size=None) as connection:
            for size in (125, 126, 65_535, 65_536, 8 << 20):
                connection.send(b"x" * size)
                assert len(connection.recv(20)) == size


def test_a_server_that_ends_first_still_hears_the_client(proxy, backend):
    heard = []

    async def half(request, connection):
        await connection.send(SWITCH + b"that was all")
        connection.writer.write_eof()
        heard.append(await connection.reader.read())

    _, port = proxy(backend(half).port)
    with Raw(port) as client:
        client.send(ASK)
        client.head()
        assert client.rest() == b"that was all"
        client.send("but not ").send("from here")
        client.finish()
        eventually(lambda: heard == [b"but not from here"], "the server hears the rest")


def test_a_server_that_breaks_off_does_not_look_like_an_end(proxy, backend):
    async def breaking(request, connection):
        await connection.send(SWITCH)
        await connection.reader.readexactly(1)
        connection.reset()

    _, port = proxy(backend(breaking).port)
    with Raw(port) as client:
        client.send(ASK)
        client.head()
        client.send("x")
        with pytest.raises(ConnectionResetError):
            while client.socket.recv(100):
                pass
            raise AssertionError("the client sees an orderly end")


def connect_stream(client: Client) -> tuple[int, Stream]:
    """Opens a tunnel over HTTP/2 (RFC 9113 section 8.5)."""
    sid = client.h2.get_next_available_stream_id()
    client.streams[sid] = Stream()
    client.headers(sid, [(":method", "CONNECT"), (":authority", "db.example:5432")])
    return sid, client.streams[sid]


def test_connect_over_http_2_reaches_a_server_of_http_1(proxy, backend):
    async def tunnel(request, connection):
        assert request.start == "CONNECT db.example:5432 HTTP/1.1"
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while data := await connection.reader.read(65536):
            await connection.send(data.upper())
        await connection.send(b"goodbye")
        connection.close()

    _, port = proxy(backend(tunnel).port, downstream="Http2", upstream="Http1", routes=CONNECT_BY_HTTP_1)
    with Client(port) as client:
        sid, stream = connect_stream(client)
        client.until(lambda: stream.headers, "the tunnel is open")
        assert (stream.status, stream.ended) == (200, False)
        client.data(sid, b"select 1")
        client.until(lambda: stream.data == b"SELECT 1", "the answer")
        client.data(sid, b"", end=True)
        assert client.finish(sid).data == b"SELECT 1goodbye"


def test_connect_over_http_2_on_both_sides(proxy, h2backend):
    def on_head(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "200")])
        exchange.peer.data(exchange.sid, b"hello")

    server = h2backend(lambda exchange: exchange.peer.data(exchange.sid, bytes(exchange.received.data), end=True), on_head)
    _, port = proxy(server.port, downstream="Http2", routes=BY_METHOD)
    with Client(port) as client:
        sid, stream = connect_stream(client)
        client.until(lambda: stream.data == b"hello", "the server speaks first")
        client.data(sid, b" and back", end=True)
        assert client.finish(sid).data == b"hello and back"
    fields = server.requests[0].received.headers
    assert (fields[":method"], fields[":authority"], fields.get(":path")) == ("CONNECT", "db.example:5432", None)


def test_http_2_cannot_switch(proxy, h2backend):
    server = h2backend(lambda exchange: exchange.peer.headers(exchange.sid, [(":status", "101")]))
    _, port = proxy(server.port, upstream="Http2")
    with Raw(port) as client:
        assert client.get().status == 502
