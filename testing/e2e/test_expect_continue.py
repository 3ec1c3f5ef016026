"""Informational responses: 100-continue from end to end, and the others passed on."""

import asyncio

from kit import config as c
from kit.backend import answering, sending
from kit.client import Raw
from kit.tools import curl

HEAD = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"


async def agreeing(request, connection):
    """Asks for the body first, as servers do."""
    assert request.get("expect") == "100-continue"
    await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    await connection.respond(body=await request.read())


def test_the_server_decides_when_the_body_is_sent(proxy, backend):
    server = backend(agreeing)
    _, port = proxy(server.port)
    with Raw(port) as client:
        for _ in range(2):
            client.send(HEAD)
            assert client.head().start == "HTTP/1.1 100 Continue"
            client.send("body")
            response = client.response()
            assert (response.status, response.text, response.interim) == (200, "body", [])


def test_a_refusal_comes_without_the_body(proxy, backend):
    async def refusing(request, connection):
        await connection.respond(417, "no", reason="Expectation Failed", headers=[("Connection", "close")])
        connection.close()

    _, port = proxy(backend(refusing).port)
    with Raw(port) as client:
        client.send(HEAD)
        response = client.response()
        assert (response.status, response.text, response.interim) == (417, "no", [])
        # The body was never sent, so what follows could be it or another request: the connection must not go on.
        client.send("body")
        assert client.closed()


def test_a_server_that_does_not_know_it_gets_the_body_all_the_same(proxy, backend, tmp_path):
    async def ignorant(request, connection):
        await connection.respond(body=await request.read())

    _, port = proxy(backend(ignorant).port)
    (tmp_path / "body").write_text("from curl")
    # curl sends the body after a second without an answer.
    assert curl("-T", tmp_path / "body", "-H", "Expect: 100-continue", f"http://127.0.0.1:{port}/") == "from curl"


def test_curl_upload_that_expects(proxy, backend, tmp_path):
    _, port = proxy(backend(agreeing).port)
    (tmp_path / "body").write_bytes(b"x" * 2_000_000)
    out = curl("-v", "-o", tmp_path / "got", "-T", tmp_path / "body", "-H", "Expect: 100-continue", f"http://127.0.0.1:{port}/")
    assert "100 Continue" in out
    assert (tmp_path / "got").read_bytes() == b"x" * 2_000_000


def test_other_informational_responses_are_passed_on(proxy, backend):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    _, port = proxy(backend(sending(b"HTTP/1.1 102 Processing\r\n\r\n" + hints, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).port)
    with Raw(port) as client:
        for _ in range(2):
            response = client.get()
            assert [head.start for head in response.interim] == ["HTTP/1.1 102 Processing", "HTTP/1.1 103 Early Hints"]
            assert response.interim[1].get("link") == "</a.css>; rel=preload"
            assert response.text == "ok"


def test_hints_arrive_before_the_answer_is_ready(proxy, backend):
    async def handler(request, connection):
        await connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await request.read()
        await connection.respond(body="late")

    _, port = proxy(backend(handler).port)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
        assert client.head().start == "HTTP/1.1 103 Early Hints"
        client.send("x")
        assert client.response().text == "late"


def test_an_http_1_0_client_sees_no_informational_response(proxy, backend):
    _, port = proxy(backend(sending(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).port)
    with Raw(port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        response = client.response()
        assert (response.status, response.interim) == (200, [])


def test_an_answer_before_the_body_is_passed_on_at_once(proxy, backend):
    async def early(request, connection):
        await connection.respond(413, "too much", reason="Content Too Large", headers=[("Connection", "close")])
        await asyncio.wait_for(connection.gone(), 10)
        connection.close()

    _, port = proxy(backend(early).port)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin")
        response = client.response()
        assert (response.status, response.text) == (413, "too much")


def test_a_direct_answer_needs_no_body(proxy, backend):
    _, port = proxy(backend(answering()).port, routes=[c.direct(403, "no")])
    with Raw(port) as client:
        client.send(HEAD)
        response = client.response()
        assert (response.status, response.text, response.interim) == (403, "no", [])
