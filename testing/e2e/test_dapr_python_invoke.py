"""Service invocation by the Python SDK: HTTP and gRPC callers and applications in all combinations, to the own application
and to another runtime's, found by mDNS or by a static list; headers, paths, statuses, errors."""

import asyncio
import json
import threading

import grpc
import pytest
import requests
from dapr.clients.exceptions import DaprHttpError, DaprInternalError
from google.protobuf.wrappers_pb2 import StringValue

from kit.dapr import unique
from kit.wait import eventually

WAIT = 20


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


def test_many_calls_at_once(stand, way):
    caller = stand.caller(way, stand.http)

    async def work():
        async with caller.aclient() as client:
            calls = [client.invoke_method(stand.http.app_id, "echo", str(number), http_verb="POST") for number in range(200)]
            return [answer.json()["body"] for answer in await asyncio.gather(*calls)]

    assert asyncio.run(work()) == [str(number) for number in range(200)]


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
