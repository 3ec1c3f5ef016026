"""HTTP/1 and HTTP/2 in turn over two hops, by route, and with clients and servers nobody here wrote."""

import json

import pytest

from kit import config as c
from kit.backend import answering
from kit.client import Raw, get
from kit.grpcs import channel, echo_server, method
from kit.h2peer import Client
from kit.message import Head
from kit.ports import free_port
from kit.tools import call, curl, nghttpd


def test_there_and_back_again(mecha, backend):
    """HTTP/1 to HTTP/2 to HTTP/1, as between two sidecars."""

    async def handler(request, connection):
        body = await request.read()
        told = json.dumps({"start": request.start, "headers": request.headers, "body": body.decode(), "trailers": request.trailers}).encode()
        await connection.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n")
        await connection.send(b"%x\r\n%b\r\n0\r\nX-Sum: 42\r\n\r\n" % (len(told), told))

    outer, inner = free_port(), free_port()
    mecha(
        listeners=[c.http_listener(outer, "outward"), c.http_listener(inner, "inward", downstream="Http2")],
        routers=[
            c.router([c.to_cluster("inner", upstream_protocol="Http2")], "outward"),
            c.router([c.to_cluster("server", upstream_protocol="Http1")], "inward"),
        ],
        clusters=[c.cluster(inner, name="inner"), c.cluster(backend(handler).port, name="server")],
    )
    with Raw(outer) as client:
        client.send("POST /p?q HTTP/1.1\r\nHost: some.example\r\nX-CASE: Value\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-In: 7\r\n\r\n")
        response = client.response()
        told = json.loads(response.text)
        assert (told["start"], told["body"], told["trailers"]) == ("POST /p?q HTTP/1.1", "ab", [["x-in", "7"]])
        headers = Head(b"", "", [tuple(pair) for pair in told["headers"]])
        assert (headers.all("host"), headers.get("x-case"), headers.get("transfer-encoding")) == (["some.example"], "Value", "chunked")
        assert response.head.all("set-cookie") == ["a=1", "b=2"]
        assert response.trailers == [("x-sum", "42")]
        assert client.get("/again").status == 200


@pytest.mark.parametrize("middle", ["Http2", "Http1"])
def test_grpc_over_two_hops(mecha, middle):
    with echo_server() as (_, at):
        outer, inner = free_port(), free_port()
        mecha(
            listeners=[c.http_listener(outer, "outward", downstream="Http2"), c.http_listener(inner, "inward", downstream=middle)],
            routers=[
                c.router([c.to_cluster("inner", upstream_protocol=middle)], "outward"),
                c.router([c.to_cluster("service", upstream_protocol="Http2")], "inward"),
            ],
            clusters=[c.cluster(inner, name="inner"), c.cluster(at, name="service")],
        )
        with channel(outer) as opened:
            assert method(opened, "Unary")(b"x" * 100_000, timeout=20) == b"x" * 100_000
            assert list(method(opened, "Server")(b"20", timeout=20)) == [b"%d" % number for number in range(20)]
            assert list(method(opened, "Both")(iter([b"a", b"b"]), timeout=20)) == [b"got a", b"got b"]
            failed = method(opened, "Fail").future(b"", timeout=20).exception(20)
            assert failed.details() == "no: \u00fc 100%"


def test_a_route_decides_what_is_spoken(mecha, backend, h2backend):
    one, two = backend(answering("one")), h2backend(lambda exchange: exchange.respond(body=b"two"))
    first, second = free_port(), free_port()
    routes = [c.to_cluster("two", c.match("/two"), upstream_protocol="Http2"), c.to_cluster("one", c.match("/"), upstream_protocol="Http1")]
    mecha(
        listeners=[c.http_listener(first), c.http_listener(second, downstream="Http2")],
        routers=[c.router(routes)],
        clusters=[c.cluster(one.port, name="one"), c.cluster(two.port, name="two")],
    )
    assert [get(first, path).text for path in ("/one", "/two")] == ["one", "two"]
    with Client(second) as client:
        assert [bytes(client.get(path).data) for path in ("/one", "/two")] == [b"one", b"two"]


def test_curl_before_nghttpd(proxy, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4096)
    at = free_port()
    with nghttpd(at, tmp_path):
        _, port = proxy(at, downstream="Http1", upstream="Http2")
        curl("-o", tmp_path / "got", f"http://127.0.0.1:{port}/file")
        assert (tmp_path / "got").read_bytes() == (tmp_path / "file").read_bytes()
        assert "404" in curl("-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}/nothing")


def test_nghttp_before_a_server_of_http_1(proxy, backend):
    async def handler(request, connection):
        await connection.respond(body=request.target)

    _, port = proxy(backend(handler).port, downstream="Http2", upstream="Http1")
    assert call("nghttp", f"http://127.0.0.1:{port}/hello") == "/hello"
