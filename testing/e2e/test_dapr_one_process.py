"""Both halves in one process: `mecha start` with MOSN's configuration and the runtime's flags. What is configured for a
listener, a fault, a header rule, an access log, holds for what the application invokes as for what clients send."""

import json
import time

import pytest

from kit import config as c
from kit.accesslog import AccessLog
from kit.both import Both
from kit.client import get
from kit.dapr import unique
from kit.ports import free_port
from kit.resources import component
from kit.wait import eventually

#: The header that names the cluster of a call through the runtime's door.
TO_ITS_CLUSTER = {"route": {"cluster_header": "x-mecha-cluster"}}


def door(name, log=None, faults=(), routes=None):
    """The listener of one of the runtime's doors, without a socket, and its router."""
    listener = c.http_listener("127.0.0.1:0", router=name, downstream="Auto", name=name, bind_port=False)
    listener |= {"stream_filters": [{"type": "fault", "config": fault} for fault in faults]} | (log.config if log else {})
    return listener, c.router(routes or [{"match": {"prefix": "/"}, **TO_ITS_CLUSTER}], name=name)


@pytest.fixture
def both(dapr, application):
    """A process whose runtime is beside an application, and a second application beside a runtime of its own:
    `process, own, callee, other = both(mosn=...)`."""

    def start(listeners=(), routers=(), clusters=(), **more):
        own, other = application(), application()
        callee = dapr.sidecar("callee", port=other.port)
        mosn = c.mosn(listeners=list(listeners), routers=list(routers), clusters=list(clusters), admin=free_port())
        process = Both(dapr.folder, "both", mosn, app_id=unique("both"), port=own.port, resources=[component("store", "state.in-memory")], **more)
        dapr.started.append(process.start())
        return process.ready(), own, callee, other

    return start


def test_one_process_proxies_and_serves_the_apis(both, backend):
    """A listener of the configuration before a server, and the building blocks, side by side."""
    server, port = backend(), free_port()
    process, own, *_ = both([c.http_listener(port)], [c.router([c.to_cluster()])], [c.cluster(server.port)])
    assert get(port, "/proxied").status == 200
    assert server.requests[0].target == "/proxied"
    assert process.request("POST", "state/store", json=[{"key": "k", "value": 1}]).status_code == 204
    assert process.request("GET", "state/store/k").text == "1"
    assert process.request("GET", f"invoke/{process.app_id}/method/x").status_code == 200
    assert own.at("/x")


def test_an_invoked_call_is_aborted(both, tmp_path):
    log = AccessLog(tmp_path)
    fault = {"abort": {"status": 555, "percentage": 100}, "headers": [{"name": "x-fail", "value": "yes"}]}
    listener, router = door("dapr.invoke", log, [fault])
    process, _, callee, other = both([listener], [router])

    path = f"invoke/{callee.app_id}/method/called"
    assert process.request("GET", path).status_code == 200
    assert log.last(1)[0] == "200"
    response = process.request("GET", path, headers={"x-fail": "yes"})
    assert response.status_code == 555
    assert log.last(2) == ("555", "FI")
    assert len(other.at("/called")) == 1, "the call that was aborted went nowhere"


def test_an_invoked_call_is_delayed(both, tmp_path):
    log = AccessLog(tmp_path)
    fault = {"delay": {"fixed_delay": "600ms", "percentage": 100}, "headers": [{"name": "x-slow", "value": "yes"}]}
    listener, router = door("dapr.invoke", log, [fault])
    process, _, callee, other = both([listener], [router])
    path = f"invoke/{callee.app_id}/method/called"

    def timed(**headers):
        begun = time.monotonic()
        assert process.request("GET", path, headers=headers).status_code == 200
        return time.monotonic() - begun

    timed()
    assert timed(**{"x-slow": "yes"}) >= 0.6
    assert log.last(2) == ("200", "DI")
    assert len(other.at("/called")) == 2


def test_route_headers_reach_what_is_invoked(both, tmp_path):
    log = AccessLog(tmp_path)
    route = TO_ITS_CLUSTER["route"] | {
        "request_headers_to_add": c.adding(x_route="added"),
        "request_headers_to_remove": ["x-private"],
        "response_headers_to_add": c.adding(x_answered="through the door"),
    }
    listener, router = door("dapr.invoke", log, routes=[{"match": {"prefix": "/"}, "route": route}])
    process, _, callee, other = both([listener], [router])
    response = process.request("POST", f"invoke/{callee.app_id}/method/called", data=b"body", headers={"x-private": "1", "x-open": "2"})
    assert response.status_code == 200
    assert response.headers["x-answered"] == "through the door"
    call = other.wait("/called")[0]
    assert call.get("x-route") == "added"
    assert call.get("x-private") is None
    assert call.get("x-open") == "2"
    assert call.body == b"body"
    line = log.wait()[0]
    assert line["upstream_cluster"] == f"dapr.invoke/{callee.app_id}"
    assert line["upstream_host"].endswith(str(callee.internal))


def test_the_way_to_the_own_application_has_a_door_too(both, tmp_path):
    """What is set for `dapr.app` holds for calls from anywhere and for messages."""
    log = AccessLog(tmp_path)
    fault = {"abort": {"status": 503, "percentage": 100}, "headers": [{"name": "x-fail", "value": "yes"}]}
    listener, router = door("dapr.app", log, [fault], routes=[c.to_cluster("dapr.app", request_headers_to_add=c.adding(x_door="app"))])
    process, own, callee, _ = both([listener], [router])
    assert callee.request("GET", f"invoke/{process.app_id}/method/called").status_code == 200
    assert own.wait("/called")[0].get("x-door") == "app"
    eventually(lambda: "/called" in [line["x-mosn-path"] for line in log.lines()], "the call is in the log")
    assert callee.request("GET", f"invoke/{process.app_id}/method/called", headers={"x-fail": "yes"}).status_code == 503
    assert len(own.at("/called")) == 1


def test_some_calls_go_elsewhere(both, backend):
    """A route of the door may send calls to a cluster of the configuration instead."""
    server = backend()
    listener, router = door("dapr.app", routes=[c.to_cluster(when=c.match(prefix="/v2/")), c.to_cluster("dapr.app")])
    process, own, *_ = both([listener], [router], [c.cluster(server.port)])
    assert process.request("GET", f"invoke/{process.app_id}/method/v2/x").status_code == 200
    assert process.request("GET", f"invoke/{process.app_id}/method/v1/x").status_code == 200
    assert [request.target for request in server.requests] == ["/v2/x"]
    assert [call.target for call in own.calls] == ["/v1/x"]


def test_the_admin_api_shows_both(both):
    process, *_ = both()
    process.request("GET", f"invoke/{process.app_id}/method/x")
    admin = json.loads((process.folder / "both.json").read_text())["admin"]["address"]["socket_address"]["port_value"]
    assert "state=6" in get(admin, "/api/v1/states").text
    assert "dapr.app" in get(admin, "/api/v1/config_dump").text
