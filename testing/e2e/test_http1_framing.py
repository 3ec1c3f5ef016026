"""Requests that two readers could understand differently get 400 and a closed connection, and go no further.

The codec's own table holds some hundred of these; here is a sample over real sockets, so that nothing between the
socket and the codec softens the verdict.
"""

import pytest

from kit.backend import answering, sending
from kit.client import Raw, get
from kit.wait import eventually

HEAD = "POST / HTTP/1.1\r\nHost: a\r\n"
NEXT = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

ATTACKS = {
    "both lengths": HEAD + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other order": HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "differing lengths": HEAD + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "list of lengths": HEAD + "Content-Length: 4, 5\r\n\r\nabcd",
    "signed length": HEAD + "Content-Length: +4\r\n\r\nabcd",
    "hexadecimal length": HEAD + "Content-Length: 0x4\r\n\r\nabcd",
    "huge length": HEAD + "Content-Length: 99999999999999999999\r\n\r\n",
    "unknown coding": HEAD + "Transfer-Encoding: gzip\r\n\r\n",
    "coding after chunked": HEAD + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked with a vertical tab": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": HEAD + "Content-Length : 4\r\n\r\nabcd",
    "folded line": HEAD + "X-A: 1\r\n folded\r\n\r\n",
    "bare LF": "GET / HTTP/1.1\nHost: a\n\n",
    "bare LF before a field": HEAD + "X-A: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare CR in a value": HEAD + "X-A: 1\r2\r\n\r\n",
    "NUL in a value": HEAD + "X-A: 1\x002\r\n\r\n",
    "control byte in a name": HEAD + "X\x01A: 1\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two equal hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "space in the target": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": "GET /\r\n\r\n",
    "chunked in HTTP/1.0": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_ambiguous_head_goes_no_further(proxy, backend, attack):
    server = backend(answering())
    process, port = proxy(server.port)
    with Raw(port) as client:
        client.send(attack + NEXT)
        assert client.response().status == 400
        assert client.closed()
    assert not server.requests
    eventually(lambda: process.downstream("request_400_total") == 1, "one 400 is counted")


CHUNKS = {
    "size overflow": "fffffffffffffffff\r\n",
    "negative size": "-1\r\n",
    "no size": "\r\n",
    "size ended by LF": "4\nabcd\r\n",
    "endless extension": "4;" + "e" * 20_000 + "\r\nabcd\r\n",
    "data longer than its size": "4\r\nabcdef\r\n",
    "extension with a bare CR": "4;a\rb\r\nabcd\r\n",
}


@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_broken_chunk_ends_request_and_connection(proxy, backend, chunk):
    server = backend(answering())
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n" + NEXT)
        assert client.response().status == 400
        assert client.closed()
    assert not any(request.complete for request in server.requests)
    assert not any("smuggled" in request.start for request in server.requests)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "X-A: 1\r\n" * 1000 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: " + "a" * 200_000 + "\r\n\r\n", 431),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ],
    ids=["start line", "field count", "field bytes", "version"],
)
def test_an_oversized_head_is_refused(proxy, backend, head, status):
    server = backend(answering())
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send(head)
        assert client.response().status == status
        assert client.closed()
    assert not server.requests


def test_the_limit_on_heads_is_the_configured_one(proxy, backend):
    _, port = proxy(backend(answering()).port, listener={"extend": {"Http1": {"max_header_size": 1024}}})
    assert get(port, headers=[("X-A", "a" * 500)]).status == 200
    assert get(port, headers=[("X-A", "a" * 1500)]).status == 431


def test_the_limit_on_bodies_is_the_configured_one(proxy, backend):
    server = backend(answering())
    _, port = proxy(server.port, listener={"extend": {"Http1": {"max_request_body_size": 10}}})
    assert get(port, method="POST", body=b"0123456789").status == 200
    assert get(port, method="POST", body=b"0123456789a").status == 413
    with Raw(port) as client:
        client.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n")
        assert client.response().status == 413
    assert sum(request.complete for request in server.requests) == 1


def test_a_slow_head_times_out(proxy, backend):
    process, port = proxy(backend(answering()).port, listener={"extend": {"Http1": {"request_headers_timeout": "300ms"}}})
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow")
        assert client.response().status == 408
        assert client.closed()
    eventually(lambda: process.downstream("request_timeout_total") == 1, "one timeout is counted")


def test_a_head_that_trickles_times_out_all_the_same(proxy, backend):
    _, port = proxy(backend(answering()).port, listener={"extend": {"Http1": {"request_headers_timeout": "500ms"}}})
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n")
        sent = 0
        while sent < 50 and client.quiet(0.05):
            client.send("X-Slow: 1\r\n")
            sent += 1
        assert 1 < sent < 50, "the clock must not start again with each byte"
        assert client.response().status == 408


def test_a_slow_body_times_out(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port, listener={"extend": {"Http1": {"request_body_timeout": "300ms"}}})
    with Raw(port) as client:
        client.send(HEAD + "Content-Length: 100\r\n\r\nsome")
        assert client.response().status == 408
        assert client.closed()
    eventually(lambda: not server.connections, "the backend is let go")
    eventually(lambda: process.downstream("request_timeout_total") == 1, "one timeout is counted")


BAD_RESPONSES = {
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "differing lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "broken status": b"HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 500_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("response", BAD_RESPONSES.values(), ids=BAD_RESPONSES.keys())
def test_a_broken_response_head_becomes_502(proxy, backend, response):
    server = backend(sending(response))
    _, port = proxy(server.port)
    with Raw(port) as client:
        assert client.get().status == 502
    eventually(lambda: not server.connections, "the connection is not used again")
