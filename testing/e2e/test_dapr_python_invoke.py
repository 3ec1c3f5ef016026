"""Service invocation by the Python SDK and by plain grpcio: HTTP and gRPC callers and applications in all combinations, to
the own application and to another runtime's, found by mDNS or by a static list; headers, statuses, bodies, streams."""

import asyncio
import json
import threading

import grpc
import pytest
import requests
from dapr.clients.exceptions import DaprHttpError, DaprInternalError
from google.protobuf.wrappers_pb2 import StringValue

from kit.client import Raw
from kit.dapr import unique
from kit.grpcs import channel, method
from kit.resources import static_names
from kit.wait import eventually

MIB = 1 << 20
WAIT = 20
LARGE = "--max-body-size=64Mi"
#: How a call gets to the application: by its own runtime, or by another one that finds it in one of two ways.
WAYS = ["own runtime", "mdns", "static"]


class Stand:
    """An HTTP and a gRPC application, each beside its runtime, and two runtimes of callers."""

    def __init__(self, stage):
        self.http, self.grpc, self.mdns = stage.sidecars(
            ("http", (LARGE,), {"app": "echo.py"}),
            ("grpc", (LARGE,), {"app": "echo_grpc.py", "protocol": "grpc"}),
            ("caller", (LARGE,), {}),
        )
        names = static_names(**{one.app_id: one.internal for one in (self.http, self.grpc)})
        self.static = stage.sidecar("caller-static", LARGE, config=names)

    def caller(self, way: str, target):
        """The runtime that a call leaves by."""
        return {"own runtime": target, "mdns": self.mdns, "static": self.static}[way]


@pytest.fixture(scope="module")
def stand(shared):
    return Stand(shared)


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def http_app(stand, way):
    """Caller's runtime and callee: `caller, target`."""
    return stand.caller(way, stand.http), stand.http


@pytest.fixture
def grpc_app(stand, way):
    return stand.caller(way, stand.grpc), stand.grpc


def headers(told: dict) -> dict[str, str]:
    return {name.lower(): value for name, value in told["headers"]}


# --- the four combinations of protocols


def test_http_to_http(http_app):
    caller, target = http_app
    with caller.client() as client:
        sent = {"data": "hällo", "content_type": "text/plain", "metadata": (("x-one", "1"),), "http_verb": "PUT"}
        response = client.invoke_method(target.app_id, "echo/a/b", http_querystring=(("q", "a b"), ("q", "ü")), **sent)
    told = response.json()
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert (told["method"], told["path"], told["query"]) == ("PUT", "/echo/a/b", "q=a+b&q=%C3%BC")
    assert told["body"].encode("latin-1").decode() == "hällo"
    got = headers(told)
    assert (got["x-one"], got["content-type"]) == ("1", "text/plain")
    assert (got["dapr-caller-app-id"], got["dapr-callee-app-id"]) == (caller.app_id, target.app_id)
    assert "dapr-app-id" not in got and "traceparent" in got


def test_http_to_grpc(grpc_app):
    caller, target = grpc_app
    with caller.client() as client:
        response = client.invoke_method(target.app_id, "echo", "hello", content_type="text/plain", metadata=(("x-one", "1"),), http_verb="POST")
    told = response.json()
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert (told["body"], told["content type"], headers(told)["x-one"]) == ("hello", "text/plain", "1")
    assert headers(told)["dapr-caller-app-id"] == caller.app_id
    assert {name.lower(): value for name, value in response.get_headers()}["x-answer"] == "yes"


def test_grpc_to_http(http_app):
    caller, target = http_app
    with caller.client("grpc") as client:
        sent = {"data": "hello", "content_type": "text/plain", "metadata": (("x-one", "1"),), "http_verb": "PUT"}
        response = client.invoke_method(target.app_id, "echo/a", http_querystring=(("q", "a b"),), **sent)
    told = response.json()
    assert (told["method"], told["path"], told["query"], told["body"]) == ("PUT", "/echo/a", "q=a+b", "hello")
    assert (headers(told)["x-one"], headers(told)["content-type"]) == ("1", "text/plain")
    assert response.content_type.startswith("application/json")


def test_grpc_to_grpc(grpc_app):
    caller, target = grpc_app
    with caller.client("grpc") as client:
        response = client.invoke_method(target.app_id, "echo", "hello", content_type="text/plain", metadata=(("x-one", "1"),))
    told = response.json()
    assert (told["body"], told["content type"], headers(told)["x-one"]) == ("hello", "text/plain", "1")
    assert response.content_type == "application/json" and response.headers["x-answer"] == ["yes"]


def test_a_message_keeps_its_type(grpc_app):
    caller, target = grpc_app
    with caller.client("grpc") as client:
        response = client.invoke_method(target.app_id, "message", StringValue(value="loud"))
        answer = StringValue()
        response.unpack(answer)
    assert answer.value == "LOUD"


def test_all_by_asyncio(stand):
    async def work(protocol):
        async with stand.mdns.aclient(protocol) as client:
            calls = [client.invoke_method(one.app_id, "echo", f"{number}", http_verb="POST") for number in range(20) for one in (stand.http, stand.grpc)]
            return [answer.json()["body"] for answer in await asyncio.gather(*calls)]

    expected = [str(number) for number in range(20) for _ in range(2)]
    assert asyncio.run(work("http")) == expected
    assert asyncio.run(work("grpc")) == expected


# --- statuses and errors


@pytest.mark.parametrize("status", [201, 202, 299])
def test_statuses_of_success(http_app, status):
    caller, target = http_app
    with caller.client() as client:
        response = client.invoke_method(target.app_id, f"status/{status}", "body", http_verb="POST")
    assert (response.status_code, response.data, response.content_type) == (status, b"body", "text/x-answer")


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 429, 500, 503, 599])
def test_statuses_of_failure_and_their_bodies(http_app, status):
    caller, target = http_app
    with caller.client() as client, pytest.raises(DaprHttpError) as failed:
        client.invoke_method(target.app_id, f"status/{status}", '{"errorCode": "MINE", "message": "of the app"}', http_verb="POST")
    error = failed.value
    assert (error.status_code, error.error_code, error.message) == (status, "MINE", "of the app")


CODES = {
    400: grpc.StatusCode.INTERNAL,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.UNKNOWN,
    503: grpc.StatusCode.UNAVAILABLE,
}


@pytest.mark.parametrize("status", CODES)
def test_statuses_are_codes_for_callers_by_grpc(http_app, status):
    caller, target = http_app
    with caller.client("grpc") as client, pytest.raises(grpc.RpcError) as failed:
        client.invoke_method(target.app_id, f"status/{status}", "why", http_verb="POST", timeout=WAIT)
    error = failed.value
    assert ("dapr-http-status", str(status)) in [*error.initial_metadata(), *error.trailing_metadata()]
    assert error.code() is CODES[status], error


def test_errors_of_a_grpc_application(grpc_app):
    caller, target = grpc_app
    with caller.client() as client, pytest.raises(DaprHttpError) as failed:
        client.invoke_method(target.app_id, "none", "x", http_verb="POST")
    assert failed.value.status_code in (404, 501)
    with caller.client("grpc") as client, pytest.raises(grpc.RpcError) as failed:
        client.invoke_method(target.app_id, "none", "x")
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED and "none" in failed.value.details()
    with caller.client("grpc") as client, pytest.raises(grpc.RpcError) as failed:
        client.invoke_method(target.app_id, "raise", "x")
    assert failed.value.code() is grpc.StatusCode.UNKNOWN and "as asked" in failed.value.details()


def test_an_application_that_nobody_knows(stand):
    name = unique("nobody")
    for caller in (stand.mdns, stand.static):
        with caller.client() as client, pytest.raises(DaprHttpError) as failed:
            client.invoke_method(name, "echo", "x", http_verb="POST", timeout=WAIT)
        assert (failed.value.status_code, failed.value.error_code) == (500, "ERR_DIRECT_INVOKE") and name in failed.value.message
        with caller.client("grpc") as client, pytest.raises(grpc.RpcError) as failed:
            client.invoke_method(name, "echo", "x", timeout=WAIT)
        assert failed.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED and name in failed.value.details()


def test_a_redirection_is_the_callers_business(http_app):
    caller, target = http_app
    response = caller.request("GET", f"invoke/{target.app_id}/method/moved", allow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "/echo")


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_of_http(http_app, verb):
    caller, target = http_app
    with caller.client() as client:
        assert client.invoke_method(target.app_id, "echo", http_verb=verb).json()["method"] == verb
    head = caller.request("HEAD", f"invoke/{target.app_id}/method/echo")
    assert head.status_code == 200 and head.content == b""


@pytest.mark.parametrize(
    ("path", "expected"),
    [("echo/with%20space", "/echo/with%20space"), ("echo/%C3%BC", "/echo/%C3%BC"), ("echo//double", "/echo/double"), ("echo/a/../b", "/echo/b"), ("echo/a%2Fb", "/echo/a/b")],
)
def test_paths_as_they_reach_the_application(http_app, path, expected):
    caller, target = http_app
    response = caller.request("GET", f"invoke/{target.app_id}/method/{path}")
    assert requests.utils.unquote(response.json()["path"]) == requests.utils.unquote(expected)


def test_the_application_can_be_named_by_a_header(http_app):
    caller, target = http_app
    response = requests.post(f"http://127.0.0.1:{caller.http}/echo/x?y=1", "body", headers={"dapr-app-id": target.app_id}, timeout=WAIT)
    told = response.json()
    assert (told["path"], told["query"], told["body"]) == ("/echo/x", "y=1", "body") and "dapr-app-id" not in headers(told)


def test_what_belongs_to_a_connection_stays_there(http_app):
    caller, target = http_app
    sent = {"Connection": "x-private", "X-Private": "1", "TE": "trailers", "Dapr-Caller-App-Id": "somebody"}
    told = caller.request("GET", f"invoke/{target.app_id}/method/echo", headers=sent).json()
    got = headers(told)
    assert not {"x-private", "te"} & set(got) and got["dapr-caller-app-id"] == caller.app_id


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


def test_many_calls_at_once(stand, way):
    caller = stand.caller(way, stand.http)

    async def work():
        async with caller.aclient() as client:
            calls = [client.invoke_method(stand.http.app_id, "echo", str(number), http_verb="POST") for number in range(200)]
            return [answer.json()["body"] for answer in await asyncio.gather(*calls)]

    assert asyncio.run(work()) == [str(number) for number in range(200)]


# --- how an application is called


def test_a_token_for_the_application(dapr):
    one = dapr.sidecar("tokens", app="echo.py", env={"APP_API_TOKEN": "for the app"})
    told = one.request("GET", f"invoke/{one.app_id}/method/echo").json()
    assert headers(told)["dapr-api-token"] == "for the app"


def test_an_application_gets_no_more_calls_at_once_than_it_wants(dapr):
    one, two = dapr.sidecars(("busy", ("--app-max-concurrency=1",), {"app": "echo.py"}), ("caller", (), {}))
    path = f"invoke/{one.app_id}/method"
    with requests.get(two.url(f"{path}/events/1"), stream=True, timeout=WAIT):
        waiting = threading.Thread(target=lambda: answers.append(two.request("POST", f"{path}/echo", data="x").json()))
        answers: list[dict] = []
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive() and not one.app.events("echo")
    waiting.join(WAIT)
    assert answers and answers[0]["body"] == "x"


def test_a_grpc_application_is_probed(dapr):
    flags = ["--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-threshold=1"]
    one = dapr.sidecar("probed", *flags, app="echo_grpc.py", protocol="grpc")
    one.app.wait_events(2, "probed")
    with one.client("grpc") as client:
        assert json.loads(client.invoke_method(one.app_id, "echo", "x").data)["body"] == "x"
        one.app.kill()
        eventually(lambda: "entered un-healthy" in one.log(), "it is not healthy", 15)
        with pytest.raises((grpc.RpcError, DaprInternalError)):
            client.invoke_method(one.app_id, "echo", "x", timeout=WAIT)
