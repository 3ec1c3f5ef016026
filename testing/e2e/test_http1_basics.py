"""HTTP/1 through the proxy: what arrives is what was sent."""

import http.server
import json
import socket
import threading

import pytest

from kit import config as c
from kit.backend import Gate, answering, echo_body, sending
from kit.client import Raw, get
from kit.message import Head
from kit.ports import free_port
from kit.tools import curl, nginx


def seen(response) -> Head:
    """The head that the backend received, from its echo."""
    assert response.status == 200, response
    return Head.parse(response.body)


def test_requests_of_a_connection_share_one_upstream_connection(proxy, backend):
    server = backend()
    _, port = proxy(server.port, processor=1)
    with Raw(port) as client:
        for number in range(5):
            assert seen(client.get(f"/{number}")).start == f"GET /{number} HTTP/1.1"
    assert server.accepted == 1


def test_pipelined_requests_are_answered_in_order(proxy, backend):
    server = backend()
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send("".join(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n" for number in range(20)))
        assert [seen(client.response()).start for _ in range(20)] == [f"GET /{number} HTTP/1.1" for number in range(20)]


def test_pipelined_bodies_do_not_run_into_each_other(proxy, backend):
    _, port = proxy(backend(echo_body).port)
    with Raw(port) as client:
        fixed = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
        chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
        client.send(fixed + chunked + fixed)
        assert [client.response().text for _ in range(3)] == ["first", "second", "first"]


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [("1.1", None, True), ("1.1", "close", False), ("1.0", None, False), ("1.0", "keep-alive", True), ("1.1", "X-A, Close", False)],
)
def test_the_connection_stays_open_as_the_client_asks(proxy, backend, version, connection, stays):
    _, port = proxy(backend(answering()).port)
    with Raw(port) as client:
        option = f"Connection: {connection}\r\n" if connection else ""
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n{option}\r\n")
        response = client.response()
        assert response.text == "ok"
        if stays:
            assert client.get("/again").status == 200
        else:
            assert version == "1.0" or (response.get("connection") or "").lower() == "close"
            assert client.closed()


def test_header_case_order_and_repetition_are_kept(proxy, backend):
    sent = [("X-UPPER", "1"), ("x-lower", "2"), ("X-MiXeD", "a"), ("x-mixed", "b"), ("Accept", "*/*"), ("Cookie", "a=1"), ("X-Empty", ""), ("X-Bytes", "h\xe9 \t x")]
    given = [("X-Answer", "1"), ("set-cookie", "a=1"), ("Set-Cookie", "b=2"), ("x-ANSWER", "2")]
    server = backend(answering(headers=given))
    _, port = proxy(server.port)
    response = get(port, headers=sent)
    received = server.requests[0].headers
    assert [pair for pair in received if pair in sent] == sent
    assert [pair for pair in response.head.headers if pair in given] == given


def test_hop_by_hop_headers_end_at_each_hop(proxy, backend):
    hop = [("Connection", "keep-alive, X-Secret"), ("Keep-Alive", "timeout=5")]
    server = backend(answering(headers=[*hop, ("X-Secret", "s"), ("X-Kept", "k")]))
    _, port = proxy(server.port)
    response = get(port, headers=[*hop, ("x-secret", "s"), ("Proxy-Connection", "keep-alive"), ("Upgrade", "h2c"), ("X-Kept", "k")])
    for names in (server.requests[0].names(), response.head.names()):
        lower = [name.lower() for name in names]
        assert "x-kept" in lower
        assert not {"x-secret", "keep-alive", "proxy-connection", "upgrade"} & set(lower), lower


@pytest.mark.parametrize(
    "target",
    ["/a%2Fb//c/../d/./e", "/?q=%7E+&x=[]{}|^`\\&;=&?", "/%00%ff", "/caf\xc3\xa9", "/*", "//double", "/" + "long/" * 1000],
)
def test_the_bytes_of_the_url_are_untouched(proxy, backend, target):
    _, port = proxy(backend().port)
    assert seen(get(port, target)).start == f"GET {target} HTTP/1.1"


def test_an_absolute_target_names_the_host(mecha, backend):
    port, named = free_port(), backend()
    other = backend(answering("other"))
    mecha(
        listeners=[c.http_listener(port)],
        routers=[c.router_of([c.virtual_host([c.to_cluster("named")], ["named.example"]), c.virtual_host([c.to_cluster("other")], ["*"])])],
        clusters=[c.cluster(named.port, name="named"), c.cluster(other.port, name="other")],
    )
    head = seen(get(port, "http://named.example/path?q", host="elsewhere"))
    assert head.start.split(" ")[1] in ("/path?q", "http://named.example/path?q")
    assert head.all("host") == ["named.example"]


def test_options_asterisk_passes(proxy, backend):
    _, port = proxy(backend().port)
    assert seen(get(port, "*", method="OPTIONS")).start == "OPTIONS * HTTP/1.1"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND", "M-SEARCH", "x!#"])
def test_any_method_passes(proxy, backend, method):
    _, port = proxy(backend().port)
    assert seen(get(port, method=method, body=b"body")).start == f"{method} / HTTP/1.1"


def test_head_has_the_length_but_no_body(proxy, backend):
    _, port = proxy(backend(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: 1\r\n\r\n")).port)
    with Raw(port) as client:
        for _ in range(2):
            response = client.get(method="HEAD")
            assert (response.status, response.get("content-length"), response.get("x-a")) == (200, "1234", "1")
        assert client.quiet(0.05)


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_keep_the_connection(proxy, backend, status):
    _, port = proxy(backend(sending(f"HTTP/1.1 {status} X\r\nETag: \"a\"\r\n\r\n".encode())).port)
    with Raw(port) as client:
        for _ in range(2):
            response = client.get()
            assert (response.status, response.get("etag"), response.get("transfer-encoding")) == (status, '"a"', None)


def test_trailers_pass_both_ways(proxy, backend):
    async def handler(request, connection):
        await request.read()
        got = json.dumps(request.trailers).encode()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        await connection.send(b"%x\r\n%b\r\n0\r\nX-Sum: 42\r\nx-more: y\r\n\r\n" % (len(got), got))

    _, port = proxy(backend(handler).port)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-In\r\n\r\n2\r\nab\r\n0\r\nX-In: 7\r\n\r\n")
        response = client.response()
        assert json.loads(response.text) == [["X-In", "7"]]
        assert response.trailers == [("X-Sum", "42"), ("x-more", "y")]
        assert client.get(headers=[("TE", "trailers")]).status == 200


def test_a_response_that_ends_with_its_connection_is_whole(proxy, backend):
    server = backend(sending(b"HTTP/1.1 200 OK\r\n\r\n", b"part one, ", b"part two", close=True))
    _, port = proxy(server.port)
    assert get(port).text == "part one, part two"
    with Raw(port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        assert client.response().text == "part one, part two"
    assert server.accepted == 2


def test_a_status_line_keeps_its_reason(proxy, backend):
    _, port = proxy(backend(sending(b"HTTP/1.1 299 Quite Fine\r\nContent-Length: 0\r\n\r\n")).port)
    assert get(port).head.start == "HTTP/1.1 299 Quite Fine"


def test_an_http_1_0_server_is_understood(proxy):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _, port = proxy(server.server_address[1])
    assert "Error response" in curl(f"http://127.0.0.1:{port}/no-such-file")
    assert "conftest.py" in curl(f"http://127.0.0.1:{port}/") or curl(f"http://127.0.0.1:{port}/")
    server.shutdown()
    server.server_close()


def test_nginx_behind_curl_before(proxy, tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www/file").write_bytes(bytes(range(256)) * 4096)
    at = free_port()
    with nginx(at, tmp_path, tmp_path / "www", requests=2):
        _, port = proxy(at)
        url = f"http://127.0.0.1:{port}"
        assert curl(*[f"{url}/hello"] * 7) == "hello from nginx\n" * 7
        got = tmp_path / "got"
        curl("-o", got, "-r", "1000-1999", f"{url}/file")
        assert got.read_bytes() == (bytes(range(256)) * 4096)[1000:2000]
        assert "HTTP/1.1 404 Not Found" in curl("-i", f"{url}/nothing")


def test_unix_sockets_on_both_sides(mecha, backend, tmp_path):
    server = backend(path=str(tmp_path / "up.sock"))
    door = tmp_path / "down.sock"
    mecha(listeners=[c.http_listener(f"unix:{door}", name="unix")], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(f"unix:{tmp_path}/up.sock")])
    assert curl("--unix-socket", door, "http://any/path").startswith("GET /path HTTP/1.1")
    assert len(server.requests) == 1


def test_an_ipv6_listener_and_host(mecha, backend):
    port = free_port()
    try:
        socket.create_server(("::1", port), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 loopback: {error}")
    mecha(listeners=[c.http_listener(f"[::1]:{port}", name="six")], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(backend().port)])
    assert curl(f"http://[::1]:{port}/six").startswith("GET /six HTTP/1.1")


def test_an_idle_connection_is_closed_after_its_timeout(proxy, backend):
    _, port = proxy(backend(answering()).port, listener={"connection_idle_timeout": "300ms"})
    with Raw(port) as client:
        assert client.get().text == "ok"
        assert client.closed(5)


def test_a_request_longer_than_the_idle_timeout_is_not_cut(proxy, backend):
    gate = Gate()

    async def handler(request, connection):
        await gate.passed()
        await connection.respond(body="slow but whole")

    _, port = proxy(backend(handler).port, listener={"connection_idle_timeout": "200ms"})
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.quiet(1)
        gate.open()
        assert client.response().text == "slow but whole"
