"""Where Dubbo's calls go and what is done to them on the way: the same rules as for HTTP, by service, method, version, group
and attachments."""

from collections.abc import Callable

import pytest
from kit import config as c
from kit.dubbo import SERVICE, Consumer, Peers, Provider
from kit.dubboraw import NO_SERVICE, SERVICE_ERROR, Wire, at, recorded
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually


@pytest.fixture(scope="module")
def providers(shared_dubbo: Peers) -> dict[str, Provider]:
    """`plain` and `canary` serve the service as it is, `one` and `two` a group and a version of it."""
    kinds = {"plain": {}, "canary": {}, "one": {"group": "blue", "version": "1.0.0"}, "two": {"group": "green", "version": "2.0.0"}}
    started = {name: shared_dubbo.provider(name, ready=False, **kind) for name, kind in kinds.items()}
    return {name: provider.ready() for name, provider in started.items()}


@pytest.fixture(scope="module")
def consumer(shared_dubbo: Peers, providers: dict[str, Provider]) -> Consumer:
    return shared_dubbo.consumer()


@pytest.fixture
def before(mecha: Callable[..., Mecha], providers: dict[str, Provider]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before all providers, each of which is a cluster: `process, port = before([route, ...])`."""

    def start(routes: list[c.Json] | None = None, hosts: list[c.Json] | None = None, listener: c.Json | None = None, **router: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        clusters = [c.cluster(provider.port, name=name) for name, provider in providers.items()]
        routed = c.router_of(hosts or [c.virtual_host(routes, ["*"])], **router)
        return mecha(listeners=[c.http_listener(port, downstream="dubbo", name="dubbo", **(listener or {}))], routers=[routed], clusters=clusters), port

    return start


def when(regex: bool = False, **headers: str) -> c.Json:
    return c.match(headers=[{"name": name, "value": value, "regex": regex} for name, value in headers.items()])


def test_a_virtual_host_is_a_service(before, consumer: Consumer) -> None:
    hosts = [c.virtual_host([c.to_cluster("canary")], [SERVICE]), c.virtual_host([c.to_cluster("plain")], ["*"])]
    _, port = before(hosts=hosts)
    assert consumer.call("id", **at(port)) == "canary"
    hosts[0]["domains"] = ["mecha.peers.Another"]
    _, port = before(hosts=hosts)
    assert consumer.call("id", **at(port)) == "plain"
    hosts[0]["domains"] = ["*.Echo"]
    _, port = before(hosts=hosts)
    assert consumer.call("id", **at(port)) == "canary"


def test_routes_by_what_a_call_says_of_itself(before, consumer: Consumer) -> None:
    routes = [
        c.to_cluster("one", when(service=SERVICE, group="blue")),
        c.to_cluster("two", when(version="2.0.0")),
        c.to_cluster("canary", when(method="attachments")),
        c.to_cluster("canary", when(tenant="acme")),
        c.to_cluster("canary", when(regex=True, user="test-.*")),
        c.to_cluster("plain", when(interface=SERVICE)),
    ]
    _, port = before(routes)
    ids = {
        "one": consumer.call("id", group="blue", version="1.0.0", **at(port)),
        "two": consumer.call("id", group="green", version="2.0.0", **at(port)),
        "plain": consumer.call("id", **at(port)),
    }
    assert ids == {name: name for name in ids}
    assert consumer.reply("attachments", **at(port))["attachments"]["provider"] == "canary"
    for attachments, provider in [
        ({"tenant": "acme"}, "canary"),
        ({"tenant": "other"}, "plain"),
        ({"user": "test-7"}, "canary"),
        ({"user": "live"}, "plain"),
        ({"tenant": "other", "user": "test-"}, "canary"),
    ]:
        assert consumer.call("id", attachments=attachments, **at(port)) == provider, attachments


def test_attachments_are_added_changed_and_removed_and_arguments_stay(before, consumer: Consumer) -> None:
    rules = {
        "request_headers_to_add": c.adding(x_added="by mecha", tenant="changed", echo_lang="日本 ☃"),
        "request_headers_to_remove": ["secret"],
        "response_headers_to_add": c.adding(x_answered="through mecha", echo_two="other"),
        "response_headers_to_remove": ["provider"],
    }
    _, port = before([c.to_cluster("plain", **rules)])
    sent = {"tenant": "acme", "secret": "s3cret", "kept": "as it is", "echo-one": "1", "echo-two": "2"}
    reply = consumer.reply("attachments", attachments=sent, **at(port))
    seen, back = reply["result"], reply["attachments"]
    assert (seen["x-added"], seen["tenant"], seen["kept"], seen["echo-lang"]) == ("by mecha", "changed", "as it is", "日本 ☃")
    assert "secret" not in seen
    assert (back["x-answered"], back["echo-one"], back["echo-two"], back["echo-lang"]) == ("through mecha", "1", "other", "日本 ☃")
    assert "provider" not in back
    # Frames whose attachments are written anew hold the same arguments and results, exceptions and graphs with cycles among them.
    consumer.passes("basic-types", "collections", "enums", "pojo", "exceptions", "generic", "large", **at(port))


def test_a_call_is_made_one_of_another_group_and_version(before, consumer: Consumer) -> None:
    _, port = before([c.to_cluster("two", request_headers_to_add=c.adding(group="green", version="2.0.0"))])
    assert consumer.call("id", **at(port)) == "two"
    assert consumer.call("id", group="blue", version="1.0.0", **at(port)) == "two"


def test_clusters_by_weight(before, consumer: Consumer) -> None:
    _, port = before([c.to_weighted({"plain": 70, "canary": 30, "one": 0})])
    ids = [consumer.call("id", **at(port)) for _ in range(120)]
    assert ids.count("plain") + ids.count("canary") == 120
    # Five standard deviations around 36.
    assert 11 <= ids.count("canary") <= 61


@pytest.mark.parametrize(("status", "code"), [(404, NO_SERVICE), (503, 40), (504, 30), (403, 80), (555, SERVICE_ERROR)])
def test_a_fault_aborts_the_calls_that_are_meant(before, consumer: Consumer, providers, status: int, code: int) -> None:
    fault = {"abort": {"status": status, "percentage": 100}, "headers": [{"name": "method", "value": "id"}, {"name": "x-fail", "value": "yes"}]}
    process, port = before([c.to_cluster("plain")], listener={"stream_filters": [{"type": "fault", "config": fault}]})
    failed = consumer.reply("id", attachments={"x-fail": "yes"}, **at(port))
    assert not failed["ok"] and f"{status}|" in failed["error"]["message"], failed
    assert consumer.call("id", **at(port)) == "plain"
    assert consumer.call("echoInt", 1, attachments={"x-fail": "yes"}, **at(port)) == 1
    assert process.upstream("request_total", "plain") == 2, "the call that was aborted went nowhere"
    call = recorded(providers["plain"].port, consumer, "id", attachments={"x-fail": "yes"})
    with Wire(port) as wire:
        answer, _ = wire.call(call, 0xFFFF_FFFF_0000_0001)
    assert answer.status == code


def test_a_fault_delays_the_calls_that_are_meant(before, consumer: Consumer) -> None:
    fault = {"delay": {"fixed_delay": "600ms", "percentage": 100}, "headers": [{"name": "x-slow", "value": "yes"}]}
    _, port = before([c.to_cluster("plain")], listener={"stream_filters": [{"type": "fault", "config": fault}]})
    consumer.call("id", **at(port))
    assert consumer.reply("id", **at(port))["ms"] < 500
    slow = consumer.reply("id", attachments={"x-slow": "yes"}, **at(port))
    assert slow["ok"] and slow["ms"] >= 600, slow


def test_no_route_is_told_at_once(before, consumer: Consumer, providers) -> None:
    process, port = before([c.to_cluster("plain", when(method="echoInt"))])
    reply = consumer.reply("id", timeout=10_000, **at(port))
    assert not reply["ok"] and reply["ms"] < 5000 and "no route matched" in reply["error"]["message"], reply
    call = recorded(providers["plain"].port, consumer, "id")
    with Wire(port) as wire:
        answer, _ = wire.call(call)
        assert (answer.status, b"404|no route matched" in answer.body) == (NO_SERVICE, True)
        assert wire.call(recorded(providers["plain"].port, consumer, "echoInt", 1))[0].status == 20, "the connection serves on"
    assert process.downstream("request_no_route") == 2


def test_the_access_log_says_what_was_called(before, consumer: Consumer, providers, tmp_path) -> None:
    log = tmp_path / "access.log"
    called = "%protocol% %Dubbo_service% %Dubbo_method% %rpc_service% %rpc_method%"
    form = f"{called} %response_code% %response_flags% %upstream_cluster% %upstream_host% %request_header_tenant% %response_header_provider%"
    routes = [c.to_cluster("plain", when(regex=True, method="id|attachments"))]
    _, port = before(routes, listener={"access_logs": [{"log_path": str(log), "log_format": form}]})
    assert consumer.call("attachments", attachments={"tenant": "acme"}, **at(port))
    assert not consumer.reply("sleep", 1, **at(port))["ok"]
    eventually(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    answered, refused = log.read_text().splitlines()
    host = f"127.0.0.1:{providers['plain'].port}"
    assert answered == f"dubbo {SERVICE} attachments {SERVICE} attachments 200 - plain {host} acme plain"
    assert refused == f"dubbo {SERVICE} sleep {SERVICE} sleep 404 NR - - - -"


def test_calls_are_counted_by_service_and_method(before, consumer: Consumer) -> None:
    filters = {"stream_filters": [{"type": "dubbo_stream"}]}
    process, port = before([c.to_cluster("plain", when(regex=True, method="id|echo.*|refuse"))], listener=filters)
    for _ in range(3):
        consumer.call("id", **at(port))
    consumer.call("echoInt", 1, **at(port))
    assert not consumer.reply("sleep", 1, **at(port))["ok"]

    def counted(what: str, method: str) -> float:
        return process.metric(f"mosn_{what}", listener="dubbo", service=SERVICE, method=method)

    assert [counted("request_total", method) for method in ("id", "echoInt", "sleep")] == [3, 1, 1]
    assert [counted("response_succ_total", method) for method in ("id", "echoInt", "sleep")] == [3, 1, 0]
    assert counted("response_fail_total", "sleep") == 1
    assert (process.downstream("request_200"), process.downstream("request_404")) == (4, 1)
    assert process.upstream("request_total", "plain") == process.upstream("response_success", "plain") == 4
