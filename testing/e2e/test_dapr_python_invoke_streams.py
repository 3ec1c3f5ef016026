"""Bodies and streams through service invocation: large ones, pieces as they come, server-sent events; and gRPC calls of
grpcio that pass as they are."""

import threading

import grpc
import pytest
import requests

from kit.client import Raw
from kit.dapr import unique
from kit.grpcs import channel, method

MIB = 1 << 20
WAIT = 20


# --- bodies


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("application", ["http", "grpc"])
def test_a_large_body(stand, way, protocol, application):
    target = getattr(stand, application)
    caller = stand.caller(way, target)
    body = bytes(range(256)) * (12 * MIB // 256)
    with caller.client(protocol, max_grpc_message_length=64 * MIB) as client:
        answer = client.invoke_method(target.app_id, "mirror", body, "application/octet-stream", http_verb="POST")
    assert answer.data == body


def test_large_bodies_are_not_kept_in_memory(http_app):
    caller, target = http_app
    before = [one.resident_bytes() for one in (caller, target)]
    counted = requests.post(caller.url(f"invoke/{target.app_id}/method/count"), (bytes(MIB) for _ in range(60)), timeout=WAIT)
    assert counted.json() == 60 * MIB
    with requests.get(caller.url(f"invoke/{target.app_id}/method/zeros/100"), stream=True, timeout=WAIT) as response:
        assert sum(len(piece) for piece in response.iter_content(MIB)) == 100 * MIB
    grown = [one.resident_bytes() - was for one, was in zip((caller, target), before, strict=True)]
    assert max(grown) < 30 * MIB, grown


def test_pieces_of_a_body_pass_as_they_come(http_app):
    """The next piece is sent when the answer to the one before has come."""
    caller, target = http_app
    with Raw(caller.http, WAIT) as connection:
        connection.send(f"POST /v1.0/invoke/{target.app_id}/method/trickle HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send("3\r\none\r\n")
        head = connection.head()
        assert "200" in head.start
        for word in ("ONE", "TWO", "THREE"):
            assert word.encode() in connection.until(word.encode())
            following = {"ONE": "two", "TWO": "three"}.get(word)
            connection.send(f"{len(following):x}\r\n{following}\r\n" if following else "0\r\n\r\n")
        connection.until(b"0\r\n\r\n")


def test_events_of_the_server_come_one_by_one(http_app):
    caller, target = http_app
    with requests.get(caller.url(f"invoke/{target.app_id}/method/events/3"), stream=True, headers={"Accept": "text/event-stream"}, timeout=WAIT) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines(chunk_size=1)
        for number in range(3):
            assert caller.request("POST", f"invoke/{target.app_id}/method/tick").status_code == 200
            assert (next(lines), next(lines)) == (f"data: {number}".encode(), b"")
        assert list(lines) == []


def test_a_caller_that_leaves_is_noticed_by_the_application(http_app):
    caller, target = http_app
    over = len(target.app.events("events over", whole=False))
    with requests.get(caller.url(f"invoke/{target.app_id}/method/events/3"), stream=True, timeout=WAIT) as response:
        assert caller.request("POST", f"invoke/{target.app_id}/method/tick").status_code == 200
        assert next(response.iter_lines(chunk_size=1)) == b"data: 0"
    target.app.wait_events(over + 1, "events over", whole=False)


def test_a_body_beyond_the_limit(dapr):
    one = dapr.sidecar("small", "--max-body-size=1Mi", app="echo.py")
    response = one.request("POST", f"invoke/{one.app_id}/method/mirror", data=bytes(2 * MIB))
    assert response.status_code in (413, 500), response.text
    assert one.request("POST", f"invoke/{one.app_id}/method/mirror", data=bytes(MIB // 2)).status_code == 200


# --- gRPC as it is


@pytest.fixture
def proxied(grpc_app):
    """A channel to a runtime and the metadata that names the application: `opened, metadata`."""
    caller, target = grpc_app
    with channel(caller.grpc) as opened:
        yield opened, [("dapr-app-id", target.app_id)]


def test_a_grpc_call_passes_as_it_is(proxied):
    opened, to = proxied
    assert method(opened, "Unary")(b"x", metadata=to, timeout=WAIT) == b"x"
    assert method(opened, "Unary")(bytes(8 * MIB), metadata=to, timeout=WAIT) == bytes(8 * MIB)


def test_grpc_streams_of_every_shape(proxied):
    opened, to = proxied
    assert list(method(opened, "Server")(b"200", metadata=to, timeout=WAIT)) == [b"%d" % number for number in range(200)]
    assert method(opened, "Client")(iter([b"a", b"b"]), metadata=to, timeout=WAIT) == b"a,b"
    assert list(method(opened, "Both")(iter([b"a", b"b"]), metadata=to, timeout=WAIT)) == [b"got a", b"got b"]


def test_a_conversation_by_grpc_goes_back_and_forth(proxied):
    opened, to = proxied
    said = threading.Semaphore(1)

    def talk():
        for number in range(50):
            assert said.acquire(timeout=WAIT)
            yield b"%d" % number

    answers = method(opened, "Both")(talk(), metadata=to, timeout=WAIT)
    for number in range(50):
        assert next(answers) == b"got %d" % number
        said.release()
    assert list(answers) == []


def test_grpc_metadata_errors_and_deadlines_pass(proxied):
    opened, to = proxied
    answer, call = method(opened, "Meta").with_call(b"", metadata=[*to, ("x-text", "a, b"), ("x-raw-bin", b"\x00\xff")], timeout=WAIT)
    assert b"'x-text', 'a, b'" in answer and b"x-raw-bin" in answer
    assert ("first", "1") in call.initial_metadata() and ("last", "9") in call.trailing_metadata()
    with pytest.raises(grpc.RpcError) as failed:
        method(opened, "Fail")(b"", metadata=to, timeout=WAIT)
    error = failed.value
    assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no: \u00fc 100%")
    assert {("reason", "asked to"), ("detail-bin", b"\x00\xff")} <= set(error.trailing_metadata())
    with pytest.raises(grpc.RpcError) as failed:
        method(opened, "Hang")(b"", metadata=to, timeout=1)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert method(opened, "Unary")(b"x", metadata=to, timeout=WAIT) == b"x"


def test_a_grpc_call_without_an_application(stand):
    with channel(stand.mdns.grpc) as opened:
        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Unary")(b"x", timeout=WAIT)
        assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED and "dapr-app-id" in failed.value.details()
        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Unary")(b"x", metadata=[("dapr-app-id", unique("nobody"))], timeout=WAIT)
        assert failed.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
