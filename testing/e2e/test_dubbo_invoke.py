"""Applications that speak HTTP only call Dubbo's providers: by the runtime's API, and through a listener with the filter
`transcoder`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kit import config as c
from kit.both import Both
from kit.dapr import Stage
from kit.dubbo import SERVICE, Peers, Provider
from kit.dubbohost import Host
from kit.mecha import Mecha
from kit.ports import free_port
from kit.resources import document
from kit.tools import curl

#: A value of each kind, the method that gives it back, and what to call it with where that is not the value itself.
VALUES = [
    ("echoBoolean", True),
    ("echoByte", -8),
    ("echoShort", 300),
    ("echoInt", 7),
    ("echoInt", -(1 << 31)),
    ("echoLong", 1 << 40),
    ("echoDouble", 2.5),
    ("echoString", "日本 ☃ 😀"),
    ("echoString", "x" * 100_000),
    ("echoColor", "GREEN"),
    ("echoList", ["a", "b"]),
    ("echoMap", {"a": 1, "b": 2}),
    ("echoInts", [1, 2, 3]),
    ("echoNested", [{"a": [1, 2]}, {}]),
    ("echoObject", None),
]


@pytest.fixture(scope="module")
def provider(shared_dubbo: Peers) -> Provider:
    return shared_dubbo.provider()


class Application:
    """What an application of HTTP sees: the runtime's API, or a listener."""

    def __init__(self, way: str, both: Both, port: int):
        self.way, self.both, self.port = way, both, port

    def url(self, method: str, service: str = SERVICE) -> str:
        return self.both.url(f"invoke/{service}/method/{method}") if self.way == "API" else f"http://127.0.0.1:{self.port}/{service}/{method}"

    def post(self, method: str, *args: Any, data: str | None = None, service: str = SERVICE, **headers: str) -> requests.Response:
        body = json.dumps(args) if data is None else data
        headers = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(self.url(method, service), data=body.encode(), headers=headers, timeout=20)


@pytest.fixture(scope="module")
def both(shared: Stage, provider: Provider) -> tuple[Both, int]:
    """A process with the runtime and a listener, and clusters that are named after services."""
    port = free_port()
    to_dubbo = {"type": "transcoder", "config": {"rules": [{"rule_info": {"upstream_protocol": "dubbo"}}]}}
    listener = c.http_listener(port, stream_filters=[to_dubbo])
    services = {SERVICE: provider.port, "com.example.Gone": free_port()}
    clusters = [c.cluster(to, name=name, upstream_protocol="dubbo") for name, to in services.items()]
    routes = [c.to_cluster("com.example.Gone", c.match(prefix="/com.example.Gone/")), c.to_cluster(SERVICE)]
    mosn = c.mosn(listeners=[listener], routers=[c.router(routes)], clusters=clusters, admin=free_port())
    process = Both(shared.folder, "both", mosn)
    shared.started.append(process.start())
    return process.ready(), port


@pytest.fixture(scope="module", params=["API", "listener"])
def app(request: pytest.FixtureRequest, both: tuple[Both, int]) -> Application:
    return Application(request.param, *both)


def test_curl_calls_a_java_provider(app: Application) -> None:
    assert curl("-d", '["a", 1, ["x", "y"]]', app.url("join")) == '"a 1 x,y"'
    assert curl("-d", "", app.url("id")) == '"provider"'
    assert curl(app.url("id")) == '"provider"'


@pytest.mark.parametrize(("method", "value"), VALUES)
def test_values(app: Application, method: str, value: Any) -> None:
    response = app.post(method, value)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == value


def test_an_object_is_an_object_of_the_parameters_class(app: Application) -> None:
    ada = {"name": "Ada", "age": 36, "color": "BLUE", "friend": {"name": "Grace", "age": 40}}
    found = app.post("echoPerson", ada).json()
    assert (found["class"], found["name"], found["color"]) == ("mecha.peers.Person", "Ada", "BLUE")
    assert (found["friend"]["class"], found["friend"]["name"]) == ("mecha.peers.Person", "Grace")


def test_types_and_attachments_beside_the_arguments(app: Application) -> None:
    call = {"types": ["byte[]"], "args": ["AQID"]}
    assert app.post("echoBytes", data=json.dumps(call)).json() == "AQID"
    call = {"args": [], "attachments": {"tenant": "acme", "echo-one": "1"}}
    response = app.post("attachments", data=json.dumps(call), x_user="me")
    assert response.json()["tenant"] == "acme" and response.json()["x-user"] == "me"
    assert (response.headers["echo-one"], response.headers["provider"]) == ("1", "provider")


def test_a_method_that_returns_nothing(app: Application) -> None:
    response = app.post("note", f"by {app.way}")
    assert (response.status_code, response.json()) == (200, None)
    assert f"by {app.way}" in app.post("notes").json()


def test_exceptions(app: Application) -> None:
    refused = app.post("refuse", "not today")
    assert (refused.status_code, refused.json()) == (500, {"exception": "mecha.peers.Refused", "message": "not today"})
    failed = app.post("fail", "broken")
    assert (failed.status_code, failed.json()) == (500, {"exception": "java.lang.IllegalStateException", "message": "broken"})


@pytest.mark.parametrize(
    ("method", "args", "says"),
    [("nothing", [], "No such method nothing"), ("echoInt", ["x"], "NumberFormatException"), ("join", ["a"], "args.length != types.length")],
)
def test_a_call_that_does_not_fit(app: Application, method: str, args: list[Any], says: str) -> None:
    response = app.post(method, *args)
    assert response.status_code == 500 and says in response.json()["message"], response.text
    assert "\tat " not in response.text, "Java's stack is nothing for clients"


def test_a_provider_that_is_down(app: Application) -> None:
    response = app.post("id", service="com.example.Gone")
    if app.way == "listener":
        assert (response.status_code, response.text) == (503, "upstream connection failed\n")
    else:
        assert response.status_code == 500 and response.json()["errorCode"] == "ERR_DIRECT_INVOKE"
        assert "upstream connection failed" in response.json()["message"]


def test_a_body_that_is_no_json(app: Application) -> None:
    response = app.post("echoInt", data="{broken")
    assert "the body is not JSON" in response.text
    assert response.status_code == (400 if app.way == "listener" else 500)


def test_a_timeout_of_the_listener(both: tuple[Both, int]) -> None:
    late = Application("listener", *both).post("sleep", 2000, x_mosn_global_timeout="300")
    assert (late.status_code, late.text) == (504, "upstream request timed out\n")


def test_a_timeout_of_resiliency(dapr: Stage, provider: Provider) -> None:
    """The policy of a target holds for a service of Dubbo too."""
    policy = {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Resiliency",
        "metadata": {"name": "limits"},
        "spec": {"policies": {"timeouts": {"short": "300ms"}}, "targets": {"apps": {SERVICE: {"timeout": "short"}}}},
    }
    mosn = c.mosn(listeners=[], clusters=[c.cluster(provider.port, name=SERVICE, upstream_protocol="dubbo")], admin=free_port())
    process = Both(dapr.folder, "limited", mosn, resources=document(policy))
    dapr.started.append(process.start())
    app = Application("API", process.ready(), 0)
    assert app.post("sleep", 50).json() == 50
    late = app.post("sleep", 2000)
    assert late.status_code == 500 and "timeout" in late.text.lower() or "deadline" in late.text.lower(), late.text
    assert late.elapsed.total_seconds() < 1.5


def test_rules_say_what_a_request_calls(mecha: Callable[..., Mecha], shared_dubbo: Peers) -> None:
    """Group, version, service and method come from a rule; what no rule is meant for stays HTTP."""
    blue = shared_dubbo.provider("blue", group="blue", version="1.0.0")
    port = free_port()
    config = {"service": SERVICE, "method": "join", "group": "blue", "version": "1.0.0", "types": ["java.lang.String", "int", "java.util.List"]}
    rule = {
        "matcher_config": {"matcher_type": "simpleMatcher", "config": {"name": "x-to", "value": "dubbo"}},
        "rule_info": {"upstream_protocol": "dubbo", "config": config},
    }
    listener = c.http_listener(port, stream_filters=[{"type": "transcoder", "config": {"rules": [rule]}}])
    with Host() as host:
        routes = [c.to_cluster("blue", c.match(headers=[{"name": "x-to", "value": "dubbo"}])), c.direct(200, "still HTTP")]
        mecha(listeners=[listener], routers=[c.router(routes)], clusters=[c.cluster(blue.port, name="blue"), c.cluster(host.port)])
        response = requests.post(f"http://127.0.0.1:{port}/anything", json=["a", 1, ["x"]], headers={"x-to": "dubbo"}, timeout=10)
        assert (response.status_code, response.json()) == (200, "a 1 x")
        assert requests.get(f"http://127.0.0.1:{port}/anything", timeout=10).text == "still HTTP"
        assert not host.connections
