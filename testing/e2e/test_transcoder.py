"""The filter `transcoder` and the runtime's API beside the RPC peers themselves: applications of HTTP call SOFARPC's services,
and RPC clients call an application of HTTP. Dubbo's providers are in test_dubbo_invoke.py."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kit import config as c
from kit.backend import Connection, Request
from kit.bolt import Peers, Server, node_client, run, sofa_client
from kit.both import Both
from kit.dapr import Stage
from kit.dubbo import SERVICE as DUBBO_SERVICE
from kit.dubbo import DubboError
from kit.dubbo import Peers as DubboPeers
from kit.mecha import Mecha
from kit.ports import free_port

#: The interface of SOFARPC's peers. SOFARPC calls a service by interface and version.
SERVICE = "mecha.peers.sofa.Peer"

#: A value of each kind, and the method that gives it back.
VALUES = [
    ("echoString", "日本 ☃ 😀"),
    ("echoString", "x" * 70_000),
    ("echoInt", -(1 << 31)),
    ("echoDouble", 2.5),
    ("echoBoolean", True),
    ("echoList", ["a", "b"]),
    ("echoMap", {"a": 1, "b": "two"}),
]


def filtered(**rule_info: Any) -> dict[str, Any]:
    """What a listener has whose requests all become something else."""
    return {"stream_filters": [{"type": "transcoder", "config": {"rules": [{"rule_info": rule_info}]}}]}


@pytest.fixture(scope="module")
def servers(shared_bolt: Peers) -> dict[str, Server]:
    """SOFARPC in Java, and sofa-rpc-node."""
    return dict(zip(("sofa", "node"), shared_bolt.servers("sofa", "node")))


@pytest.fixture(scope="module", params=["sofa", "node"])
def both(request: pytest.FixtureRequest, shared: Stage, servers: dict[str, Server]) -> tuple[Both, int]:
    """A process with the runtime and a listener before a server of each kind."""
    port = free_port()
    cluster = c.cluster(servers[request.param].port, name=SERVICE, upstream_protocol="bolt")
    listener = c.http_listener(port, **filtered(upstream_protocol="bolt"))
    mosn = c.mosn(listeners=[listener], routers=[c.router([c.to_cluster(SERVICE)])], clusters=[cluster], admin=free_port())
    process = Both(shared.folder, f"both-{request.param}", mosn)
    shared.started.append(process.start())
    return process.ready(), port


@pytest.fixture(params=["API", "listener"])
def post(request: pytest.FixtureRequest, both: tuple[Both, int]) -> Callable[..., requests.Response]:
    """Calls a method: `post("echoInt", 7)`."""
    process, port = both
    base = process.url(f"invoke/{SERVICE}/method") if request.param == "API" else f"http://127.0.0.1:{port}/{SERVICE}"

    def send(method: str, *args: Any) -> requests.Response:
        return requests.post(f"{base}/{method}", json=list(args), timeout=20)

    return send


@pytest.mark.parametrize(("method", "value"), VALUES)
def test_a_value_goes_to_a_sofarpc_service_and_back(post, method: str, value: Any) -> None:
    # A list or map alone would be taken for the arguments, or for what holds them.
    response = post(method, value)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), response.text
    assert response.json() == value


def test_an_object_is_one_of_its_class(post) -> None:
    ada = {"class": "mecha.peers.sofa.Person", "name": "Ada", "age": 36}
    found = post("echoPerson", ada).json()
    assert (found["class"], found["name"], found["age"]) == ("mecha.peers.sofa.Person", "Ada", 36)


def test_what_a_sofarpc_service_throws_is_an_error(post) -> None:
    response = post("fail", "not today")
    assert response.status_code == 500 and "not today" in response.text
    assert "\tat " not in response.text, "Java's stack is nothing for clients"


class Application:
    """An application of HTTP: a JSON value for each path, 404 for any other. `bodies` is what it was sent."""

    def __init__(self, backend: Callable[..., Any], answers: dict[str, Any]):
        self.answers, self.bodies = answers, []
        self.port = backend(self.answer).port

    async def answer(self, request: Request, connection: Connection) -> None:
        assert request.method == "POST"
        self.bodies.append(json.loads(await request.read()))
        if request.target in self.answers:
            await connection.respond(body=json.dumps(self.answers[request.target]), headers=[("content-type", "application/json")])
        else:
            await connection.respond(404, f"there is no {request.target}", reason="Not Found")


def test_a_dubbo_consumer_calls_an_application_of_http(mecha: Callable[..., Mecha], backend, shared_dubbo: DubboPeers) -> None:
    app = Application(backend, {f"/{DUBBO_SERVICE}/join": "joined", f"/{DUBBO_SERVICE}/echoList": ["a", "b"]})
    port = free_port()
    listener = c.http_listener(port, downstream="dubbo", **filtered(upstream_protocol="Http1"))
    mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(app.port)])
    consumer = shared_dubbo.consumer(port)
    assert consumer.call("join", "a", 1, ["x", "y"]) == "joined"
    assert consumer.call("echoList", ["c"]) == ["a", "b"]
    assert app.bodies == [["a", 1, ["x", "y"]], [["c"]]]
    with pytest.raises(DubboError, match="echoInt"):
        consumer.call("echoInt", 7)


@pytest.mark.parametrize("client", ["sofa", "node"])
def test_a_sofarpc_client_calls_an_application_of_http(mecha: Callable[..., Mecha], backend, shared_bolt: Peers, client: str) -> None:
    app = Application(backend, {f"/{SERVICE}/id": "http"})
    port = free_port()
    listener = c.http_listener(port, downstream="bolt", **filtered(upstream_protocol="Http1"))
    mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(app.port)])
    command = (sofa_client if client == "sofa" else node_client)(f"127.0.0.1:{port}", "id")
    told = run(command)["id"]
    assert told["ok"] and "http" in json.dumps(told), told
    assert app.bodies == [[]]
