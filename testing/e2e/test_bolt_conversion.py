"""HTTP and Bolt, each to a service of the other: by the runtime's API, and through a listener with the filter `transcoder`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kit import config as c
from kit.backend import Backend, answering, silent
from kit.bolt import Peers, Server, node_client, run, sofa_client
from kit.boltraw import BUSY, GOOD, NO_PROCESSOR, SERVER_EXCEPTION, TIMEOUT, Stub, answer, headers
from kit.both import Both
from kit.dapr import Stage
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tools import curl

SERVICE = "mecha.peers.sofa.Peer"
KINDS = ("node", "sofa")
#: What both servers give back as it was.
VALUES = [
    ("echoBoolean", True),
    ("echoInt", 7),
    ("echoInt", -(1 << 31)),
    ("echoDouble", 2.5),
    ("echoString", "日本 ☃ 😀"),
    ("echoString", ""),
    ("echoString", "x" * 100_000),
    ("echoList", ["a", "b"]),
    ("echoMap", {"a": 1, "b": [1, {"c": True}]}),
]


@pytest.fixture(scope="module")
def servers(shared_bolt: Peers) -> dict[str, Server]:
    return dict(zip(KINDS, shared_bolt.servers(*KINDS)))


class Application:
    """What an application of HTTP sees: the runtime's API, or a listener."""

    def __init__(self, way: str, kind: str, both: Both, port: int):
        self.way, self.kind, self.both, self.port = way, kind, both, port

    def url(self, method: str) -> str:
        return self.both.url(f"invoke/{self.kind}/method/{SERVICE}/{method}") if self.way == "API" else f"http://127.0.0.1:{self.port}/{SERVICE}/{method}"

    def post(self, method: str, *args: Any, data: str | None = None, **fields: str) -> requests.Response:
        fields = {"content-type": "application/json", "x-kind": self.kind} | {name.replace("_", "-"): value for name, value in fields.items()}
        return requests.post(self.url(method), data=(json.dumps(args) if data is None else data).encode(), headers=fields, timeout=20)


@pytest.fixture(scope="module")
def both(shared: Stage, servers: dict[str, Server]) -> tuple[Both, int]:
    """A process with the runtime and a listener, and a cluster for each server."""
    port = free_port()
    listener = c.http_listener(port, stream_filters=[to("bolt")])
    clusters = [c.cluster(server.port, name=kind, upstream_protocol="bolt") for kind, server in servers.items()]
    clusters.append(c.cluster(free_port(), name="gone", upstream_protocol="bolt"))
    routes = [c.to_cluster(kind, c.match(headers=[{"name": "x-kind", "value": kind}])) for kind in (*KINDS, "gone")]
    process = Both(shared.folder, "both", c.mosn(listeners=[listener], routers=[c.router(routes)], clusters=clusters, admin=free_port()))
    shared.started.append(process.start())
    return process.ready(), port


def to(protocol: str, **config: Any) -> c.Json:
    """The filter with one rule."""
    return {"type": "transcoder", "config": {"rules": [{"rule_info": {"upstream_protocol": protocol, "config": config}}]}}


@pytest.fixture(scope="module", params=[f"{way} {kind}" for way in ("API", "listener") for kind in KINDS])
def app(request: pytest.FixtureRequest, both: tuple[Both, int]) -> Application:
    return Application(*request.param.split(), *both)


def test_curl_calls_a_service(app: Application) -> None:
    assert curl("-H", f"x-kind: {app.kind}", "-d", '["hello"]', app.url("echoString")) == '"hello"'
    assert curl("-H", f"x-kind: {app.kind}", app.url("id")) == '"blue"'


@pytest.mark.parametrize(("method", "value"), VALUES)
def test_values(app: Application, method: str, value: Any) -> None:
    response = app.post(method, value)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), response.text
    assert response.json() == value


def test_types_beside_the_arguments(app: Application) -> None:
    for kind, method, value in (("long", "echoLong", 1 << 40), ("byte[]", "echoBytes", "AQID"), ("long", "sleep", 20)):
        response = app.post(method, data=json.dumps({"types": [kind], "args": [value]}))
        assert (response.status_code, response.json()) == (200, value), response.text


def test_an_object_that_names_its_class(app: Application) -> None:
    ada = {"class": "mecha.peers.sofa.Person", "name": "Ada", "age": 36, "tags": ["a", "b"]}
    found = app.post("echoPerson", ada).json()
    assert (found["name"], found["age"], found["tags"]) == ("Ada", 36, ["a", "b"]), found


def test_what_the_service_throws(app: Application) -> None:
    response = app.post("fail", "broken on purpose")
    assert response.status_code == 500 and "broken on purpose" in response.json()["message"], response.text
    assert "\tat " not in response.text
    if app.kind == "sofa":
        assert response.json()["exception"] == "mecha.peers.sofa.Trouble"


def test_a_method_that_is_not_there(app: Application) -> None:
    response = app.post("nothing")
    assert response.status_code == 500 and response.json()["message"], response.text


def test_a_body_that_is_no_json(app: Application) -> None:
    response = app.post("echoInt", data="{broken")
    assert "the body is not JSON" in response.text
    assert response.status_code == (400 if app.way == "listener" else 500)


def test_a_service_that_is_down(both: tuple[Both, int]) -> None:
    response = Application("listener", "gone", *both).post("id")
    assert (response.status_code, response.text) == (503, "upstream connection failed\n")
    response = Application("API", "gone", *both).post("id")
    assert response.status_code == 500 and "upstream connection failed" in response.json()["message"]


def test_a_timeout(both: tuple[Both, int]) -> None:
    call = json.dumps({"types": ["long"], "args": [2000]})
    late = Application("listener", "sofa", *both).post("sleep", data=call, x_mosn_global_timeout="300")
    assert (late.status_code, late.text) == (504, "upstream request timed out\n")


@pytest.mark.parametrize(("status", "expected"), [(GOOD, 200), (SERVER_EXCEPTION, 500), (BUSY, 503), (NO_PROCESSOR, 500), (TIMEOUT, 504), (16, 502), (18, 500)])
def test_statuses_of_bolt_in_http(proxy, stub: Callable[..., Stub], status: int, expected: int) -> None:
    server = stub(lambda frame, _: answer(frame, status, b"\x04text" if status == GOOD else b""))
    _, port = proxy(server.port, listener={"stream_filters": [to("bolt", service="a.Service", method="call")]}, cluster={"upstream_protocol": "bolt"})
    response = requests.post(f"http://127.0.0.1:{port}/any", json=[], timeout=10)
    assert response.status_code == expected, response.text
    assert response.json() == "text" if status == GOOD else response.json()["message"]


@pytest.mark.parametrize("protocol", ["bolt", "boltv2"])
def test_a_content_of_the_users_own(proxy, stub: Callable[..., Stub], protocol: str) -> None:
    """`opaque`: the body is the content of the frame, under the class of the rule, and comes back as it is."""
    server = stub(lambda frame, _: answer(frame, content=frame.content[::-1], more={"x-from": "the server"}))
    rule = to(protocol, opaque=True, **{"class": "com.acme.Blob"})
    _, port = proxy(server.port, listener={"stream_filters": [rule]}, cluster={"upstream_protocol": protocol})
    response = requests.post(f"http://127.0.0.1:{port}/", data=bytes(range(256)), headers={"x-tenant": "acme"}, timeout=10)
    assert (response.status_code, response.content) == (200, bytes(range(256))[::-1])
    assert response.headers["x-from"] == "the server"
    (frame,) = server.calls
    assert (frame.class_name, frame.content, frame.protocol) == (b"com.acme.Blob", bytes(range(256)), 1 if protocol == "bolt" else 2)
    assert headers(frame)["x-tenant"] == "acme"


@pytest.fixture
def web(mecha: Callable[..., Mecha], backend: Callable[..., Backend]) -> Callable[..., tuple[str, Backend]]:
    """A listener of Bolt before a server of HTTP/1: `address, server = web(handler)`."""

    def start(handler) -> tuple[str, Backend]:
        port, server = free_port(), backend(handler)
        listener = c.http_listener(port, downstream="bolt", stream_filters=[to("Http1")])
        mecha(listeners=[listener], routers=[c.router([c.to_cluster(upstream_protocol="Http1")])], clusters=[c.cluster(server.port)])
        return f"127.0.0.1:{port}", server

    return start


async def echo(request, connection) -> None:
    """The first argument comes back."""
    args = json.loads(await request.read())
    await connection.respond(body=json.dumps(args[0] if args else None), headers=[("Content-Type", "application/json")])


def test_a_client_of_bolt_calls_a_server_of_http(web) -> None:
    """Cases whose values JSON can tell: the server gives back what it was sent."""
    address, server = web(echo)
    told = run(node_client(address, "collections")) | run(sofa_client(address, "collections"))
    assert told["collections"]["ok"], told
    targets = {request.target for request in server.requests}
    assert targets == {f"/{SERVICE}/echoList", f"/{SERVICE}/echoMap"}
    assert {request.method for request in server.requests} == {"POST"}


def test_a_value_that_a_server_of_http_makes(web) -> None:
    address, _ = web(answering('"from HTTP"', headers=[("Content-Type", "application/json")]))
    for client in (node_client, sofa_client):
        assert run(client(address, "id"))["id"]["found"] == "from HTTP"


@pytest.mark.parametrize(("status", "exception"), [(404, None), (503, "SofaRpcException"), (500, None)])
def test_statuses_of_http_in_bolt(web, status: int, exception: str | None) -> None:
    address, _ = web(answering("not now", status))
    for client in (node_client, sofa_client):
        told = run(client(address, "id"))["id"]
        assert not told["ok"] and told["ms"] < 3000, told
        assert exception is None or client is node_client or told["error"] == exception, told


def test_a_server_of_http_that_is_silent(web) -> None:
    address, _ = web(silent)
    told = run(sofa_client(address, "id", timeout=400))["id"]
    assert not told["ok"] and 300 <= told["ms"] < 3000 and "Timeout" in told["error"].replace("TimeOut", "Timeout"), told
