"""HTTP/1 on one side and HTTP/2 on the other, chosen by the route: what one knows and the other does not."""

import json

import pytest

from kit.backend import Gate, answering, echo_body, sending, silent
from kit.client import Raw, get
from kit.h2peer import Client
from kit.wait import eventually

MIB = 1 << 20


@pytest.fixture
def up(proxy, h2backend):
    """HTTP/1 clients before an HTTP/2 server: `process, port, backend = up(on_end, on_head)`."""

    def start(on_end=None, on_head=None, **more):
        server = h2backend(on_end, on_head)
        process, port = proxy(server.port, downstream="Http1", upstream="Http2", **more)
        return process, port, server

    return start


@pytest.fixture
def down(proxy, backend):
    """HTTP/2 clients before an HTTP/1 server: `process, port, backend = down(handler)`."""

    def start(handler=None, **more):
        server = backend(handler)
        process, port = proxy(server.port, downstream="Http2", upstream="Http1", **more)
        return process, port, server

    return start


def echo(exchange):
    """Answers with the body."""
    exchange.respond(body=bytes(exchange.received.data))


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


# --- HTTP/1 to HTTP/2


def test_a_request_head_becomes_http_2(up):
    _, port, server = up()
    headers = [("X-UPPER", "Value"), ("Cookie", "a=1; b=2"), ("Accept", "*/*"), ("x-two", "1"), ("X-Two", "2"), ("X-Empty", "")]
    assert get(port, "/a%2Fb?q=1&r", headers, host="Some.Example:8080").text == "ok"
    received = server.requests[0].received
    pseudo = {name: value for name, value in received.headers.items() if name.startswith(":")}
    assert pseudo == {":method": "GET", ":scheme": "http", ":authority": "Some.Example:8080", ":path": "/a%2Fb?q=1&r"}
    rest = [(name, value) for name, value in received.fields if not name.startswith(":")]
    for pair in [("x-upper", "Value"), ("accept", "*/*"), ("x-two", "1"), ("x-two", "2"), ("x-empty", "")]:
        assert pair in rest
    assert "; ".join(value for name, value in rest if name == "cookie") == "a=1; b=2"
    assert all(name == name.lower() for name, _ in rest) and "host" not in dict(rest)


def test_connection_fields_do_not_reach_http_2(up):
    _, port, server = up()
    hop = [("Connection", "keep-alive, X-Mine, TE"), ("Keep-Alive", "timeout=5"), ("X-Mine", "1"), ("Proxy-Connection", "x"), ("TE", "trailers, deflate"), ("Upgrade", "h2c")]
    assert get(port, headers=hop).status == 200
    names = {name for name, _ in server.requests[0].received.fields}
    assert not names & {"connection", "keep-alive", "x-mine", "proxy-connection", "upgrade", "transfer-encoding", "http2-settings"}
    assert server.requests[0].received.headers.get("te") in (None, "trailers")


@pytest.mark.parametrize(("te", "reaches"), [("trailers", True), ("gzip, trailers;q=0.5", None), ("gzip", False)])
def test_te_says_trailers_or_nothing(up, te, reaches):
    _, port, server = up()
    get(port, headers=[("TE", te), ("Connection", "TE")])
    got = server.requests[0].received.headers.get("te")
    assert got in (("trailers",) if reaches else (None,) if reaches is False else (None, "trailers"))


def test_an_absolute_target_becomes_path_and_authority(up):
    _, port, server = up()
    assert get(port, "http://named.example:81/p?q", host="other").status == 200
    headers = server.requests[0].received.headers
    assert (headers[":authority"], headers[":path"]) == ("named.example:81", "/p?q")


def test_options_asterisk_passes_to_http_2(up):
    _, port, server = up()
    assert get(port, "*", method="OPTIONS").status == 200
    assert (server.requests[0].received.headers[":method"], server.requests[0].path) == ("OPTIONS", "*")


@pytest.mark.parametrize("size", [1, 70_000, 3 * MIB])
def test_a_body_of_known_length_to_http_2(up, size):
    _, port, server = up(echo)
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    with Raw(port) as client:
        for _ in range(2):
            assert client.get("/", method="POST", body=body).body == body
    assert server.requests[0].received.headers["content-length"] == str(size)


def test_a_chunked_body_to_http_2(up):
    _, port, server = up(echo)
    with Raw(port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"one, ", b"two, ", b"three" * 1000))
        assert client.response().body == b"one, two, " + b"three" * 1000
        assert client.get("/next").status == 200
    fields = server.requests[0].received.headers
    assert "transfer-encoding" not in fields and "content-length" not in fields


def test_a_request_without_a_body_ends_with_its_head(up):
    _, port, server = up()
    get(port)
    get(port, method="POST", headers=[("Content-Length", "0")])
    assert [len(one.received.data) for one in server.requests] == [0, 0]
    assert server.requests[1].received.headers.get("content-length") in (None, "0")


def test_a_body_streams_to_http_2_and_back(up):
    def on_head(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "200")])
        exchange.peer.data(exchange.sid, b"hello")

    def on_end(exchange):
        exchange.peer.data(exchange.sid, bytes(exchange.received.data), end=True)

    _, port, _ = up(on_end, on_head)
    with Raw(port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.head().get("transfer-encoding") == "chunked"
        assert client.until(b"hello\r\n") == b"5\r\nhello\r\n"
        client.send(chunked(b"abc"))
        assert client.until(b"0\r\n\r\n") == b"3\r\nabc\r\n0\r\n\r\n"


def test_trailers_from_http_1_and_back(up):
    def on_end(exchange):
        assert exchange.received.trailers == {"x-in": "7"}
        exchange.respond(body=b"body", headers=[("trailer", "x-sum")], trailers=[("x-sum", "42"), ("x-more", "y")])

    _, port, _ = up(on_end)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-In\r\n\r\n2\r\nab\r\n0\r\nX-In: 7\r\n\r\n")
        response = client.response()
        assert (response.text, response.trailers) == ("body", [("x-sum", "42"), ("x-more", "y")])
        # Trailers after a body of known length have no place in HTTP/1; the body is whole and the connection goes on.
        client.send("POST /again HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-In: 7\r\n\r\n")
        assert client.response().text == "body"


def test_trailers_after_a_known_length_are_left_out(up):
    _, port, _ = up(lambda exchange: exchange.respond(body=b"four", headers=[("content-length", "4")], trailers=[("x-sum", "1")]))
    with Raw(port) as client:
        for _ in range(2):
            response = client.get()
            assert (response.text, response.get("content-length"), response.trailers) == ("four", "4", [])


def test_a_response_head_becomes_http_1(up):
    given = [("x-answer", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("content-length", "2")]
    _, port, _ = up(lambda exchange: exchange.respond(status=201, body=b"ok", headers=given))
    with Raw(port) as client:
        for _ in range(2):
            response = client.get()
            assert response.head.start in ("HTTP/1.1 201 Created", "HTTP/1.1 201 ")
            assert [pair for pair in response.head.headers if pair in given] == given
            assert not {"transfer-encoding", "connection"} & {name.lower() for name in response.head.names()}


def test_a_response_of_unknown_length_is_chunked_or_ends_the_connection(up):
    _, port, _ = up(lambda exchange: exchange.respond(body=b"some"))
    with Raw(port) as client:
        response = client.get()
        assert (response.text, response.get("transfer-encoding"), response.get("content-length")) == ("some", "chunked", None)
        client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        response = client.response()
        assert (response.text, response.get("transfer-encoding")) == ("some", None)
        assert client.closed()


@pytest.mark.parametrize(("method_", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)])
def test_responses_without_a_body_from_http_2(up, method_, status):
    fields = [("etag", '"a"')] + ([("content-length", "1234")] if method_ == "HEAD" else [])
    _, port, _ = up(lambda exchange: exchange.respond(status=status, headers=fields))
    with Raw(port) as client:
        for _ in range(2):
            response = client.get(method=method_)
            assert (response.status, response.get("etag"), response.get("transfer-encoding")) == (status, '"a"', None)
            if method_ == "HEAD":
                assert response.get("content-length") == "1234"
        assert client.quiet(0.05)


def test_an_empty_response_from_http_2_has_a_length(up):
    _, port, _ = up(lambda exchange: exchange.respond())
    with Raw(port) as client:
        for _ in range(2):
            response = client.get()
            assert (response.status, response.body, response.get("content-length")) == (200, b"", "0")


def test_informational_responses_from_http_2(up):
    def on_end(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "103"), ("link", "</a>")])
        exchange.respond(body=b"ok")

    _, port, _ = up(on_end)
    with Raw(port) as client:
        response = client.get()
        assert [head.start.split()[1] for head in response.interim] == ["103"]
        assert (response.interim[0].get("link"), response.text) == ("</a>", "ok")


def test_expect_continue_through_http_2(up):
    def on_head(exchange):
        assert exchange.received.headers["expect"] == "100-continue"
        exchange.peer.headers(exchange.sid, [(":status", "100")])

    _, port, _ = up(echo, on_head)
    with Raw(port) as client:
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.head().start.startswith("HTTP/1.1 100")
        client.send("body")
        assert client.response().text == "body"


def test_many_http_1_clients_share_an_http_2_connection(up):
    gate = []

    def on_end(exchange):
        gate.append(exchange)
        if len(gate) == 10:
            for one in gate:
                one.respond(body=one.path.encode())

    _, port, server = up(on_end, processor=1)
    clients = [Raw(port) for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.response().text for client in clients] == [f"/{number}" for number in range(10)]
    assert len(server.peers) == 1
    for client in clients:
        client.socket.close()


def test_a_reset_from_http_2_cuts_the_http_1_response(up):
    def on_end(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "200"), ("content-length", "100")])
        exchange.peer.data(exchange.sid, b"begin")

    _, port, server = up(on_end)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.head().get("content-length") == "100"
        assert client.exactly(5) == b"begin"
        server.requests[0].peer.reset(server.requests[0].sid, 2)
        assert client.closed()


def test_an_http_1_client_that_leaves_cancels_the_stream(up):
    process, port, server = up(lambda exchange: None)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        received = server.wait_requests(1)[0].received
    eventually(lambda: received.reset == 8, "CANCEL at the server")
    eventually(lambda: process.upstream("request_active") == 0, "no request is left")


# --- HTTP/2 to HTTP/1


def test_a_request_head_becomes_http_1(down):
    _, port, server = down(answering())
    fields = [("x-a", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-two", "1"), ("x-two", "2"), ("te", "trailers"), ("accept", "*/*")]
    with Client(port) as client:
        assert client.get("/a%2Fb?q=1", headers=fields, authority="some.example:81").data == b"ok"
    head = server.requests[0]
    assert head.start == "GET /a%2Fb?q=1 HTTP/1.1"
    assert head.all("host") == ["some.example:81"]
    assert head.all("cookie") == ["a=1; b=2"]
    assert head.all("x-two") == ["1", "2"]
    assert not [name for name in head.names() if name.startswith(":")]
    assert head.get("transfer-encoding") is None and head.get("content-length") is None


def test_a_host_field_names_the_host_when_there_is_no_authority(down):
    _, port, server = down(answering())
    with Client(port) as client:
        sid = client.h2.get_next_available_stream_id()
        client.headers(sid, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "by.field")], end=True)
        client.until(lambda: sid in client.streams and client.streams[sid].over, "the answer")
        assert client.streams[sid].status == 200
    assert server.requests[0].all("host") == ["by.field"]


def test_two_names_for_the_host_do_not_pass_as_two(down):
    _, port, server = down(answering())
    with Client(port) as client:
        stream = client.get(headers=[("host", "other")], authority="first")
        assert stream.over
    assert [one.all("host") for one in server.requests] in ([], [["first"]])


@pytest.mark.parametrize("target", ["/with space", "/line\r\nX-Smuggled: 1", "no-slash", "/tab\there", "http://a/b", ""])
def test_a_path_that_http_1_cannot_carry_is_refused(down, target):
    _, port, server = down(answering())
    with Client(port) as client:
        sid = client.start(target)
        client.until(lambda: client.streams[sid].over or client.goaway or client.closed, "a refusal")
        stream = client.streams[sid]
        assert stream.reset is not None or client.goaway or stream.status == 400, stream
    assert server.requests == []


@pytest.mark.parametrize("size", [1, 70_000, 3 * MIB])
def test_a_body_of_unknown_length_to_http_1(down, size):
    _, port, server = down(echo_body)
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    with Client(port) as client:
        for _ in range(2):
            assert client.post(body).data == body
    assert (server.requests[0].get("transfer-encoding"), server.requests[0].get("content-length")) == ("chunked", None)


def test_a_body_of_known_length_to_http_1(down):
    _, port, server = down(echo_body)
    with Client(port) as client:
        assert client.post(b"12345", headers=[("content-length", "5")]).data == b"12345"
        assert client.get(method="POST").status == 200
    assert (server.requests[0].get("transfer-encoding"), server.requests[0].get("content-length")) == (None, "5")
    # Without a body: a length of zero, or nothing at all.
    assert (server.requests[1].get("transfer-encoding"), server.requests[1].get("content-length", "0")) == (None, "0")


def test_trailers_from_http_2_and_back(down):
    async def handler(request, connection):
        await request.read()
        got = json.dumps(request.trailers).encode()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        await connection.send(b"%x\r\n%b\r\n0\r\nX-Sum: 42\r\n\r\n" % (len(got), got))

    _, port, _ = down(handler)
    with Client(port) as client:
        sid = client.start(method="POST", headers=[("te", "trailers")], end=False)
        client.data(sid, b"ab")
        client.trailers(sid, [("x-in", "7")])
        stream = client.finish(sid)
        assert json.loads(stream.data) == [["x-in", "7"]]
        assert stream.trailers == {"x-sum": "42"}


FRAMINGS = {
    "length": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome body"],
    "chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"some ", b"body")],
    "close": [b"HTTP/1.1 200 OK\r\n\r\n", b"some body"],
    "http 1.0": [b"HTTP/1.0 200 OK\r\n\r\nsome body"],
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_bodies_of_every_framing_from_http_1(down, framing):
    _, port, _ = down(sending(*FRAMINGS[framing], close=framing in ("close", "http 1.0")))
    with Client(port) as client:
        for _ in range(3):
            stream = client.get()
            assert (stream.status, stream.data, stream.ended) == (200, b"some body", True)
            assert "transfer-encoding" not in stream.headers and "connection" not in stream.headers
            assert stream.headers.get("content-length") == ("9" if framing == "length" else None)


def test_a_response_that_is_cut_is_a_reset(down):
    _, port, _ = down(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin", close=True))
    with Client(port) as client:
        stream = client.get()
        assert not stream.ended and stream.reset not in (None, 0)
        # The connection serves others on.
        assert client.get().reset is not None


@pytest.mark.parametrize(("method_", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body_from_http_1(down, method_, status):
    length = "Content-Length: 1234\r\n" if status != 204 else ""
    server_answer = f'HTTP/1.1 {status} X\r\n{length}ETag: "a"\r\n\r\n'.encode()
    _, port, server = down(sending(server_answer), processor=1)
    with Client(port) as client:
        for _ in range(3):
            stream = client.get(method=method_)
            assert (stream.status, stream.headers["etag"], stream.data, stream.ended) == (status, '"a"', b"", True)
            assert stream.headers.get("content-length") == ("1234" if length else None)
    assert server.accepted == 1


def test_a_response_head_becomes_http_2(down):
    given = [("X-Answer", "1"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-Two", "1"), ("X-TWO", "2")]
    hop = [("Connection", "keep-alive, X-Secret"), ("Keep-Alive", "timeout=5"), ("X-Secret", "s"), ("Proxy-Connection", "x"), ("Upgrade", "h2c")]
    _, port, _ = down(answering(headers=[*given, *hop]))
    with Client(port) as client:
        stream = client.get()
    expected = [(name.lower(), value) for name, value in given]
    assert [pair for pair in stream.fields if pair in expected] == expected
    assert not {"connection", "keep-alive", "x-secret", "proxy-connection", "upgrade"} & set(stream.headers)


def test_informational_responses_from_http_1(down):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    _, port, _ = down(sending(hints + hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    with Client(port) as client:
        stream = client.get()
        assert [(one[":status"], one["link"]) for one in stream.interim] == [("103", "</a>")] * 2
        assert stream.data == b"ok"


def test_expect_continue_through_http_1(down):
    async def agreeing(request, connection):
        assert request.get("expect") == "100-continue"
        await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await connection.respond(body=await request.read())

    _, port, _ = down(agreeing)
    with Client(port) as client:
        sid = client.start(method="PUT", headers=[("expect", "100-continue")], end=False)
        client.until(lambda: client.streams[sid].interim, "100")
        assert client.streams[sid].interim[0][":status"] == "100"
        client.data(sid, b"body", end=True)
        assert client.finish(sid).data == b"body"


def test_each_stream_has_an_http_1_connection_of_its_own(down):
    gate = Gate()

    async def handler(request, connection):
        await gate.passed()
        await connection.respond(body=request.target)

    _, port, server = down(handler)
    with Client(port) as client:
        sids = [client.start(f"/{number}") for number in range(20)]
        server.wait_requests(20)
        gate.open()
        assert [bytes(client.finish(sid).data) for sid in sids] == [f"/{number}".encode() for number in range(20)]
    assert server.accepted == 20


def test_a_client_of_http_2_that_does_not_read_stops_the_http_1_server(down):
    sent = []

    async def endless(request, connection):
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(1024):
            await connection.send(bytes(MIB))
            sent.append(MIB)

    process, port, _ = down(endless)
    with Client(port, window=50_000) as client:
        client.credit = False
        sid = client.start()
        client.until(lambda: len(client.streams[sid].data) == 50_000, "the window's worth")
        last = [-1, 0]

        def still():
            last[1] = last[1] + 1 if last[0] == len(sent) else 0
            last[0] = len(sent)
            return last[1] >= 30

        eventually(still, "the server stands still")
        # What it has sent is in the buffers of the kernel's sockets, a few MiB each.
        assert sum(sent) < 32 * MIB
        client.reset(sid)
    eventually(lambda: process.upstream("connection_active") == 0, "the upstream connection is given up")


def test_a_stream_that_is_reset_gives_up_its_http_1_connection(down):
    process, port, server = down(silent)
    with Client(port) as client:
        sid = client.start()
        server.wait_requests(1)
        client.reset(sid)
        eventually(lambda: not server.connections, "the connection is closed")
    assert process.upstream("connection_active") == 0
