"""gRPC through the proxy, with grpcio on both ends: all streaming shapes, and the errors that the proxy makes itself."""

import queue
import signal
import threading

import grpc
import pytest

from kit import config as c
from kit.backend import silent
from kit.grpcs import channel, echo_server, method
from kit.h2peer import Client
from kit.ports import free_port
from kit.wait import eventually

MIB = 1 << 20
WAIT = 20
CALL = [("content-type", "application/grpc"), ("te", "trailers")]


@pytest.fixture
def echo():
    """The service: `service, port`."""
    with echo_server() as running:
        yield running


@pytest.fixture(params=["Http2", "Auto"])
def calls(request, proxy, echo):
    """A channel through a listener to the service: `process, opened, service`."""
    service, at = echo
    process, port = proxy(at, downstream=request.param)
    with channel(port) as opened:
        yield process, opened, service


class Requests:
    """A stream of requests that a scenario feeds one by one."""

    def __init__(self) -> None:
        self.queue: queue.Queue[bytes | None] = queue.Queue()

    def __iter__(self) -> "Requests":
        return self

    def __next__(self) -> bytes:
        message = self.queue.get(timeout=WAIT)
        if message is None:
            raise StopIteration
        return message


def test_one_request_one_response(calls):
    _, opened, _ = calls
    unary = method(opened, "Unary")
    assert [unary(b"%d" % number, timeout=WAIT) for number in range(20)] == [b"%d" % number for number in range(20)]


def test_one_request_many_responses(calls):
    _, opened, _ = calls
    assert list(method(opened, "Server")(b"500", timeout=WAIT)) == [b"%d" % number for number in range(500)]
    assert list(method(opened, "Server")(b"0", timeout=WAIT)) == []


def test_many_requests_one_response(calls):
    _, opened, _ = calls
    assert method(opened, "Client")(iter([b"a", b"", b"c" * 100_000]), timeout=WAIT) == b"a,," + b"c" * 100_000
    assert method(opened, "Client")(iter([]), timeout=WAIT) == b""


def test_a_conversation_goes_back_and_forth(calls):
    _, opened, _ = calls
    requests = Requests()
    responses = method(opened, "Both")(requests, timeout=WAIT)
    for number in range(50):
        requests.queue.put(b"%d" % number)
        # Each answer comes before the next message is sent.
        assert next(responses) == b"got %d" % number
    requests.queue.put(None)
    assert list(responses) == []
    assert responses.code() is grpc.StatusCode.OK


def test_many_small_messages_are_no_flood(calls):
    _, opened, _ = calls
    responses = method(opened, "Both")((b"%d" % number for number in range(10_000)), timeout=WAIT)
    assert sum(1 for _ in responses) == 10_000


def test_many_calls_at_once(calls):
    _, opened, _ = calls
    unary = method(opened, "Unary")
    pending = [unary.future(b"%d" % number, timeout=WAIT) for number in range(300)]
    assert [call.result() for call in pending] == [b"%d" % number for number in range(300)]


@pytest.mark.parametrize("size", [4 * MIB, 16 * MIB])
def test_large_messages(calls, size):
    _, opened, _ = calls
    body = bytes(range(256)) * (size // 256)
    assert method(opened, "Unary")(body, timeout=WAIT) == body


def test_metadata_passes_both_ways(calls):
    _, opened, _ = calls
    sent = [("x-text", "a, b"), ("x-twice", "1"), ("x-twice", "2"), ("x-raw-bin", b"\x00\xff\n")]
    response, call = method(opened, "Meta").with_call(b"", metadata=sent, timeout=WAIT)
    assert response == repr(sorted(sent)).encode()
    assert ("first", "1") in call.initial_metadata()
    assert ("last", "9") in call.trailing_metadata()


def test_an_error_of_the_service_keeps_status_details_and_metadata(calls):
    _, opened, _ = calls
    with pytest.raises(grpc.RpcError) as failed:
        method(opened, "Fail")(b"", timeout=WAIT)
    error = failed.value
    assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no: \u00fc 100%")
    assert {("reason", "asked to"), ("detail-bin", b"\x00\xff")} <= set(error.trailing_metadata())


def test_a_method_that_the_service_does_not_have(calls):
    _, opened, _ = calls
    with pytest.raises(grpc.RpcError) as failed:
        opened.unary_unary("/e2e.Echo/None")(b"", timeout=WAIT)
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def test_a_deadline_reaches_the_service_and_ends_the_call(calls):
    process, opened, service = calls
    with pytest.raises(grpc.RpcError) as failed:
        method(opened, "Hang")(b"", timeout=1)
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The client rounds what it says up to three digits or fewer.
    assert 0 < service.time_left <= 1.1
    assert service.cancelled.wait(WAIT)
    eventually(lambda: process.upstream("request_active") == 0, "no request is left")


def test_a_cancelled_call_is_cancelled_at_the_service(calls):
    process, opened, service = calls
    call = method(opened, "Hang").future(b"", timeout=WAIT)
    assert service.begun.acquire(timeout=WAIT)
    call.cancel()
    assert service.cancelled.wait(WAIT)
    # Other calls of the channel are not touched.
    assert method(opened, "Unary")(b"x", timeout=WAIT) == b"x"
    eventually(lambda: process.upstream("request_active") == 0, "no request is left")


def test_a_cancelled_conversation_ends_at_once(calls):
    process, opened, _ = calls
    requests = Requests()
    responses = method(opened, "Both")(requests, timeout=WAIT)
    requests.queue.put(b"1")
    assert next(responses) == b"got 1"
    responses.cancel()
    with pytest.raises(grpc.RpcError):
        next(responses)
    assert responses.code() is grpc.StatusCode.CANCELLED
    eventually(lambda: process.upstream("request_active") == 0, "no request is left")
    requests.queue.put(None)


# --- more than one hop


def test_two_hops(mecha, echo):
    service, at = echo
    outer, inner = free_port(), free_port()
    process = mecha(
        listeners=[c.http_listener(outer, "outward", downstream="Auto"), c.http_listener(inner, "inward", downstream="Http2")],
        routers=[c.router([c.to_cluster("inner")], "outward"), c.router([c.to_cluster("service")], "inward")],
        clusters=[c.cluster(inner, name="inner"), c.cluster(at, name="service")],
    )
    with channel(outer) as opened:
        assert list(method(opened, "Both")(iter([b"a", b"b"]), timeout=WAIT)) == [b"got a", b"got b"]
        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Fail")(b"", timeout=WAIT)
        assert failed.value.details() == "no: \u00fc 100%"
        call = method(opened, "Hang").future(b"", timeout=WAIT)
        assert service.begun.acquire(timeout=WAIT)
        call.cancel()
        assert service.cancelled.wait(WAIT)
    eventually(lambda: process.upstream("request_active", "service") == 0, "no request is left")


def test_routes_by_service_and_method(mecha, echo):
    _, at = echo
    port = free_port()
    mecha(
        listeners=[c.http_listener(port, downstream="Http2")],
        routers=[c.router([c.to_cluster("echo", c.match(path="/e2e.Echo/Unary")), c.to_cluster("nobody", c.match("/e2e.Echo/"))])],
        clusters=[c.cluster(at, name="echo"), c.cluster(free_port(), name="nobody")],
    )
    with channel(port) as opened:
        assert method(opened, "Unary")(b"x", timeout=WAIT) == b"x"
        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Client")(iter([b"x"]), timeout=WAIT)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


def test_conversations_finish_while_the_process_drains(proxy, echo):
    _, at = echo
    process, port = proxy(at, downstream="Http2")
    with channel(port) as opened:
        requests = Requests()
        responses = method(opened, "Both")(requests, timeout=WAIT)
        requests.queue.put(b"before")
        assert next(responses) == b"got before"
        process.signal(signal.SIGTERM)
        eventually(lambda: "drain" in process.log().lower(), "it drains")
        requests.queue.put(b"after")
        assert next(responses) == b"got after"
        requests.queue.put(None)
        assert list(responses) == []
        assert responses.code() is grpc.StatusCode.OK
    assert process.wait() == 0


def test_a_service_that_dies_ends_its_calls(proxy, h2backend):
    def on_end(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "200"), ("content-type", "application/grpc")])
        exchange.peer.data(exchange.sid, b"\0\0\0\0\1x")

    server = h2backend(on_end)
    _, port = proxy(server.port, downstream="Http2")
    with channel(port) as opened:
        responses = method(opened, "Server")(b"1", timeout=WAIT)
        assert next(responses) == b"x"
        server.peers[0].socket.shutdown(2)
        with pytest.raises(grpc.RpcError) as failed:
            next(responses)
        # What a reset stream means to grpcio; never success, and never a deadline that is waited for.
        assert failed.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)


# --- errors of the proxy's own making

NO_ROUTE, NO_HOST, DEAD, SLOW, FULL, RESET = "no route", "no host", "dead host", "timeout", "overflow", "reset"
#: What goes wrong, and the code that the client gets.
OWN_ERRORS = [
    (NO_ROUTE, grpc.StatusCode.UNIMPLEMENTED),
    (NO_HOST, grpc.StatusCode.UNAVAILABLE),
    (DEAD, grpc.StatusCode.UNAVAILABLE),
    (SLOW, grpc.StatusCode.DEADLINE_EXCEEDED),
    (FULL, grpc.StatusCode.UNAVAILABLE),
    (RESET, grpc.StatusCode.UNAVAILABLE),
]


@pytest.fixture
def failing(proxy, h2backend):
    """A listener before something that goes wrong: `port = failing(what)`."""

    def start(what: str) -> int:
        never = lambda exchange: None
        on_head = (lambda exchange: exchange.peer.reset(exchange.sid, 2)) if what == RESET else never
        hosts = {NO_HOST: [], DEAD: [free_port()]}.get(what)
        hosts = [h2backend(never, on_head).port] if hosts is None else hosts
        route = {"timeout": "300ms"} if what == SLOW else {}
        routes = [c.to_cluster(when=c.match(path="/elsewhere"))] if what == NO_ROUTE else None
        cluster = {"circuit_breakers": [{"max_requests": 1}]} if what == FULL else {}
        _, port = proxy(*hosts, downstream="Http2", route=route, routes=routes, cluster=cluster)
        return port

    return start


@pytest.mark.parametrize(("what", "code"), OWN_ERRORS, ids=[what for what, _ in OWN_ERRORS])
def test_errors_of_our_own_are_trailers_only(failing, what, code):
    port = failing(what)
    with Client(port) as client:
        if what == FULL:
            client.start("/e2e.Echo/Unary", "POST", CALL)
        stream = client.get("/e2e.Echo/Unary", method="POST", headers=CALL)
        assert (stream.status, stream.data, stream.trailers, stream.ended) == (200, b"", None, True)
        assert stream.headers["content-type"] == "application/grpc"
        assert stream.headers["grpc-status"] == str(code.value[0])
        assert stream.headers["grpc-message"]
        # The same failure is an HTTP status for everybody else.
        if what != FULL:
            other = client.get("/e2e.Echo/Unary", method="POST")
            assert other.status in (404, 502, 503, 504) and "grpc-status" not in other.headers


@pytest.mark.parametrize(("what", "code"), [pair for pair in OWN_ERRORS if pair[0] != FULL], ids=[what for what, _ in OWN_ERRORS if what != FULL])
def test_grpcio_understands_errors_of_our_own(failing, what, code):
    with channel(failing(what)) as opened:
        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Unary")(b"x", timeout=WAIT)
        assert failed.value.code() is code
        assert failed.value.details()
        if what == SLOW:
            return
        # A stream of requests that has not ended gets its error too; the timeout begins when it has.
        held = threading.Event()

        def endless():
            yield b"first"
            held.wait(WAIT)

        with pytest.raises(grpc.RpcError) as failed:
            method(opened, "Client")(endless(), timeout=WAIT)
        held.set()
        assert failed.value.code() is code


def test_the_clients_own_timeout_is_kept_by_the_proxy(proxy, h2backend):
    server = h2backend(lambda exchange: None)
    process, port = proxy(server.port, downstream="Http2")
    with Client(port) as client:
        stream = client.get("/e2e.Echo/Unary", method="POST", headers=[*CALL, ("grpc-timeout", "200m")])
        assert (stream.headers["grpc-status"], stream.headers["grpc-message"]) == ("4", "upstream request timed out")
    eventually(lambda: server.requests[0].received.reset is not None, "the call is cancelled at the service")
    assert process.upstream("request_timeout") == 1


def test_grpc_over_a_server_of_http_1_is_answered_in_grpc(proxy, backend):
    server = backend(silent)
    _, port = proxy(server.port, downstream="Http2", upstream="Http1", route={"timeout": "300ms"})
    with Client(port) as client:
        stream = client.get("/e2e.Echo/Unary", method="POST", headers=CALL)
        assert stream.headers["grpc-status"] == "4"
    assert server.requests[0].get("te") in ("trailers", None)
