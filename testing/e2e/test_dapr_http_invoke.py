"""Service invocation over HTTP as bytes: how the target is named, what reaches it, what comes back."""

import base64
import json
import re
import threading

import pytest

from kit.application import Answer
from kit.client import Raw, get
from kit.resources import component, resource
from kit.tools import curl

MISSING = {"errorCode": "ERR_DIRECT_INVOKE", "message": "failed getting app id either from the URL path or the header dapr-app-id"}


@pytest.fixture(scope="module")
def app(shared_application):
    return shared_application()


@pytest.fixture(scope="module")
def outside(shared_application):
    """A server that is no application of any runtime."""
    return shared_application()


@pytest.fixture(scope="module")
def callee(shared, app):
    """A runtime beside the application."""
    return shared.sidecar("callee", port=app.port, resources=[component("memory", "state.in-memory")])


@pytest.fixture(scope="module")
def caller(shared, callee, outside):
    """A runtime without an application, which knows an endpoint."""
    token = [{"name": "x-token", "value": "t0ken"}]
    endpoint = resource("HTTPEndpoint", "outside", {"baseUrl": f"http://127.0.0.1:{outside.port}/base", "headers": token})
    return shared.sidecar("caller", resources=[endpoint])


@pytest.fixture(params=["own", "other"])
def via(request, caller, callee):
    """The runtime that is asked: the application's own, or another one."""
    return {"own": callee, "other": caller}[request.param]


def arrived(app, target):
    """The call that arrived with exactly this target."""
    found = [call for call in app.calls if call.target == target]
    assert found, [call.target for call in app.calls]
    return found[-1]


# --- how the target is named


def test_by_the_path(via, callee, app):
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method/by/path?q=1&r=a%20b")
    assert response.status == 200
    assert arrived(app, "/by/path?q=1&r=a%20b").method == "GET"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method(via, callee, app, method):
    body = b"some" if method in ("POST", "PUT", "PATCH") else b""
    target = f"/methods/{method}/{via.name}"
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method{target}", method=method, body=body)
    assert response.status == 200
    call = arrived(app, target)
    assert (call.method, call.body) == (method, body)


def test_by_a_header(via, callee, app):
    response = get(via.http, "/any/path?x=y", [("dapr-app-id", callee.app_id)])
    assert response.status == 200
    assert arrived(app, "/any/path?x=y").get("dapr-app-id") is None


def test_by_the_user_of_basic_authorization(via, callee, app):
    credentials = base64.b64encode(f"dapr-app-id:{callee.app_id}".encode()).decode()
    assert get(via.http, "/by/user", [("authorization", f"Basic {credentials}")]).status == 200
    arrived(app, "/by/user")
    url = via.url("x").replace("http://", f"http://dapr-app-id:{callee.app_id}@").removesuffix("/v1.0/x")
    curl("--fail", f"{url}/by/curl")
    arrived(app, "/by/curl")


def test_a_path_that_nobody_knows_and_no_target(via):
    for path in ("/", "/nothing", "/v1.0/nothing", "/v2.0/state/store/k"):
        response = get(via.http, path)
        assert response.status == 404
        assert json.loads(response.body) == MISSING


def test_a_known_path_with_another_method_needs_a_target(via):
    response = get(via.http, "/v1.0/metadata", method="DELETE")
    assert response.status == 404
    assert json.loads(response.body) == MISSING


def test_an_application_that_nobody_knows(via):
    response = get(via.http, "/v1.0/invoke/nobody-at-all/method/x")
    assert response.status == 500
    error = json.loads(response.body)
    assert error["errorCode"] == "ERR_DIRECT_INVOKE"
    assert "nobody-at-all" in error["message"]


def test_an_endpoint_by_its_name(caller, outside):
    response = get(caller.http, "/v1.0/invoke/outside/method/some/where?a=b", method="POST", body=b"hello")
    assert response.status == 200
    call = arrived(outside, "/base/some/where?a=b")
    assert call.body == b"hello"
    assert call.get("x-token") == "t0ken"


@pytest.mark.parametrize("encoded", [False, True])
def test_an_absolute_address(caller, outside, encoded):
    address = f"http://127.0.0.1:{outside.port}"
    target = address.replace(":", "%3A").replace("/", "%2F") if encoded else address
    assert get(caller.http, f"/v1.0/invoke/{target}/method/absolute/{encoded}").status == 200
    assert arrived(outside, f"/absolute/{encoded}").get("host") == f"127.0.0.1:{outside.port}"


# --- the path on its way


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("a%20b", "/a%20b"),
        ("a+b", "/a+b"),
        ("slash%2Fin", "/slash/in"),
        ("double//slash", "/double/slash"),
        ("up/../down", "/down"),
        ("dot/./here", "/dot/here"),
        ("%E2%9C%93/caf%C3%A9", "/%E2%9C%93/caf%C3%A9"),
        ("slash/behind/", "/slash/behind"),
        ("", "/"),
    ],
)
def test_a_path_is_cleaned_and_encoded(callee, app, asked, reached):
    assert get(callee.http, f"/v1.0/invoke/{callee.app_id}/method/{asked}").status == 200
    assert app.calls[-1].target == reached


@pytest.mark.parametrize("asked", ["a%23b", "a%3Fb", "a%00b", "a%0Ab"])
def test_a_path_with_characters_that_would_mean_something_else_is_refused(callee, app, asked):
    before = len(app.calls)
    response = get(callee.http, f"/v1.0/invoke/{callee.app_id}/method/{asked}")
    assert response.status == 500
    assert "method contains" in json.loads(response.body)["message"]
    assert len(app.calls) == before


def test_a_slash_behind_the_version_is_cleaned(callee):
    assert get(callee.http, "//v1.0//metadata").status == 200
    assert get(callee.http, "/v1.0/state/../metadata").status == 200
    assert get(callee.http, "/v1.0/metadata/").status == 200


# --- headers


def test_headers_that_go_along(via, callee, app):
    headers = [("x-mine", "1"), ("x-twice", "a"), ("x-twice", "b"), ("user-agent", "tester"), ("accept", "text/html"), ("cookie", "c=1")]
    get(via.http, f"/v1.0/invoke/{callee.app_id}/method/headers/{via.name}", headers, method="POST", body=b"x")
    call = arrived(app, f"/headers/{via.name}")
    assert [call.get(name) for name in ("x-mine", "user-agent", "accept", "cookie")] == ["1", "tester", "text/html", "c=1"]
    assert call.request.all("x-twice") in (["a", "b"], ["a,b"], ["a, b"])
    assert call.get("content-length") == "1"


def test_headers_that_do_not(via, callee, app):
    headers = [("connection", "close, x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("te", "gzip")]
    get(via.http, f"/v1.0/invoke/{callee.app_id}/method/hops/{via.name}", headers)
    call = arrived(app, f"/hops/{via.name}")
    assert not {"x-hop", "keep-alive", "te", "connection"} & {name.lower() for name in call.request.names()}


def test_who_calls_whom_can_not_be_forged(via, callee, app):
    headers = [("dapr-caller-app-id", "forged"), ("dapr-callee-app-id", "forged"), ("dapr-caller-namespace", "forged")]
    get(via.http, f"/v1.0/invoke/{callee.app_id}/method/who/{via.name}", headers)
    call = arrived(app, f"/who/{via.name}")
    assert call.get("dapr-caller-app-id") == via.app_id
    assert call.get("dapr-callee-app-id") == callee.app_id
    assert call.get("dapr-caller-namespace") != "forged"


def test_where_a_call_came_from(caller, callee, app):
    get(caller.http, f"/v1.0/invoke/{callee.app_id}/method/forwarded")
    call = arrived(app, "/forwarded")
    assert call.get("x-forwarded-for")
    assert call.get("x-forwarded-host")
    assert "for=" in call.get("forwarded")


def test_traces_go_on(via, callee, app):
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = [("traceparent", f"00-{trace}-b7ad6b7169203331-01"), ("tracestate", "vendor=1"), ("baggage", "user=me")]
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method/trace/{via.name}", headers)
    call = arrived(app, f"/trace/{via.name}")
    assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", call.get("traceparent"))
    assert call.get("tracestate") == "vendor=1"
    assert call.get("baggage") == "user=me"
    assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", response.get("traceparent"))


def test_a_trace_begins_where_none_came(via, callee, app):
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method/begins/{via.name}")
    parent = arrived(app, f"/begins/{via.name}").get("traceparent")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", parent)
    assert response.get("traceparent").split("-")[1] == parent.split("-")[1]


# --- answers


@pytest.mark.parametrize("status", [201, 202, 204, 302, 304, 400, 404, 409, 418, 500, 503])
def test_the_answer_of_the_application(via, callee, app, status):
    body = b"" if status in (204, 304) else b"what it says"
    headers = [("Content-Type", "text/x-own"), ("X-Answer", "yes"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Location", "/elsewhere")]

    async def answer(call):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        length = "" if status in (204, 304) else f"Content-Length: {len(body)}\r\n"
        await call.request.connection.send(f"HTTP/1.1 {status} Said\r\n{lines}{length}\r\n".encode() + body)

    app.answers[f"/answer/{status}"] = answer
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method/answer/{status}")
    assert (response.status, response.body) == (status, body)
    assert response.get("x-answer") == "yes"
    assert response.get("location") == "/elsewhere"
    assert response.head.all("set-cookie") == ["a=1", "b=2"]
    if body:
        assert response.get("content-type") == "text/x-own"


def test_a_large_body_both_ways(via, callee, app):
    body = bytes(range(256)) * 12_000
    app.answers["/mirror"] = lambda call: Answer(body=call.body)
    response = get(via.http, f"/v1.0/invoke/{callee.app_id}/method/mirror", method="POST", body=body)
    assert response.status == 200
    assert response.body == body


def test_a_body_of_unknown_length(via, callee, app):
    app.answers["/mirror"] = lambda call: Answer(body=call.body)
    with Raw(via.http) as client:
        client.send(f"POST /v1.0/invoke/{callee.app_id}/method/mirror HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send("5\r\nfirst\r\n")
        client.send("6\r\nsecond\r\n0\r\n\r\n")
        assert client.response().body == b"firstsecond"


def test_events_come_one_by_one(via, callee, app):
    async def events(call):
        connection = call.request.connection
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await connection.send(b"9\r\ndata: 1\n\n\r\n")
        await connection.gone()
        left.set()

    left = threading.Event()
    app.answers["/events"] = events
    with Raw(via.http) as client:
        client.send(f"GET /v1.0/invoke/{callee.app_id}/method/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        assert client.head().start.split(" ")[1] == "200"
        assert b"data: 1\n\n" in client.until(b"\n\n")
    assert left.wait(10), "the application learns that nobody listens any more"


def test_http2_is_spoken_too(via, callee, app):
    url = via.url(f"invoke/{callee.app_id}/method/h2/{via.name}")
    assert curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url) == "2 200"
    arrived(app, f"/h2/{via.name}")


def test_an_application_that_is_not_there(dapr, application):
    gone = application()
    sidecar = dapr.sidecar("lonely", port=gone.port)
    gone.stop()
    response = get(sidecar.http, f"/v1.0/invoke/{sidecar.app_id}/method/x")
    assert response.status == 500
    assert json.loads(response.body)["errorCode"] == "ERR_DIRECT_INVOKE"


def test_a_runtime_without_application(caller):
    response = get(caller.http, f"/v1.0/invoke/{caller.app_id}/method/x")
    assert response.status == 500
    assert json.loads(response.body)["errorCode"] in ("ERR_DIRECT_INVOKE", "ERR_APP_CHANNEL_NIL")
