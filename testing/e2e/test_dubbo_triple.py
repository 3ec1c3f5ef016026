"""Triple, Dubbo 3's protocol over HTTP/2: routed and counted by service and method like the other protocols."""

from collections.abc import Callable

import pytest
from kit import config as c
from kit.dubbo import CASES, SERVICE, Consumer, Peers, Provider
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually


@pytest.fixture(scope="module")
def providers(shared_dubbo: Peers) -> dict[str, Provider]:
    kinds = {"plain": {}, "canary": {}, "blue": {"group": "blue", "version": "1.0.0"}}
    started = {name: shared_dubbo.provider(name, ready=False, protocol="tri", **kind) for name, kind in kinds.items()}
    return {name: provider.ready() for name, provider in started.items()}


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers, providers: dict[str, Provider]) -> Consumer:
    return shared_dubbo.consumer()


@pytest.fixture(params=["Http2", "Auto"])
def before(request: pytest.FixtureRequest, mecha: Callable[..., Mecha], providers: dict[str, Provider]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before all providers, each of which is a cluster."""

    def start(routes: list[c.Json], **listener: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        clusters = [c.cluster(provider.port, name=name) for name, provider in providers.items()]
        listeners = [c.http_listener(port, downstream=request.param, name="triple", **listener)]
        return mecha(listeners=listeners, routers=[c.router(routes)], clusters=clusters), port

    return start


def at(port: int) -> dict[str, str]:
    return {"url": f"tri://127.0.0.1:{port}"}


def when(**headers: str) -> c.Json:
    return c.match(headers=[{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()])


def test_every_case_of_the_consumer(before, consumer: Consumer) -> None:
    _, port = before([c.to_cluster("plain")])
    consumer.passes(*(case for case in CASES if case != "heartbeats"), **at(port))


def test_routes_by_service_method_group_and_version(before, consumer: Consumer) -> None:
    _, port = before(
        [
            c.to_cluster("blue", when(service=SERVICE, group="blue", version="1.0.0")),
            c.to_cluster("canary", when(service=SERVICE, rpc_method="attachments")),
            c.to_cluster("canary", when(tenant="acme")),
            c.to_cluster("plain", when(service=SERVICE)),
        ]
    )
    assert consumer.call("id", **at(port)) == "plain"
    assert consumer.call("id", group="blue", version="1.0.0", **at(port)) == "blue"
    assert consumer.call("id", attachments={"tenant": "acme"}, **at(port)) == "canary"
    assert consumer.reply("attachments", **at(port))["attachments"]["provider"] == "canary"


def test_calls_are_counted_and_logged_by_service_and_method(before, consumer: Consumer, tmp_path) -> None:
    log = tmp_path / "access.log"
    access = {"log_path": str(log), "log_format": "%protocol% %rpc_service% %rpc_method% %response_code% %upstream_cluster%"}
    process, port = before([c.to_cluster("plain")], stream_filters=[{"type": "grpc_metric"}], access_logs=[access])
    for _ in range(3):
        consumer.call("id", **at(port))
    consumer.reply("refuse", "no", **at(port))

    def counted(what: str, method: str) -> float:
        return process.metric(f"grpc_{what}", listener="triple", service=SERVICE, method=method)

    eventually(lambda: (counted("request_total", "id"), counted("request_total", "refuse")) == (3, 1), "the calls are counted")
    eventually(lambda: counted("response_succ_total", "id") == 3, "as successes")
    eventually(lambda: log.read_text().count("\n") >= 4, "the calls are in the log")
    assert log.read_text().count(f"Http2 {SERVICE} id 200 plain\n") == 3, log.read_text()


def test_no_route_and_no_provider_are_told_at_once(before, consumer: Consumer) -> None:
    _, port = before([c.to_cluster("plain", when(rpc_method="echoInt"))])
    assert consumer.call("echoInt", 1, **at(port)) == 1
    refused = consumer.reply("id", timeout=10_000, **at(port))
    assert not refused["ok"] and refused["ms"] < 5000, refused
