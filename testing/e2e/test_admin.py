"""The admin API: every path, its shapes, its methods, and what it never tells."""

import http.client
import json
import re
from urllib.parse import quote, urlencode

import pytest

from kit import config as c
from kit.backend import answering
from kit.client import Raw, get
from kit.mecha import Mecha, refuses
from kit.message import Response
from kit.ports import free_port
from kit.wait import eventually

GET_ONLY = [
    "/",
    "/api/v1/config_dump",
    "/api/v1/env",
    "/api/v1/explain",
    "/api/v1/features",
    "/api/v1/get_loglevel",
    "/api/v1/states",
    "/api/v1/stats",
    "/api/v1/stats_glob",
    "/api/v1/version",
    "/metrics",
]
POST_ONLY = ["/api/v1/update_loglevel", "/api/v1/enable_log", "/api/v1/disable_log", "/api/v1/disbale_log"]
LISTED = sorted([path for path in [*GET_ONLY, *POST_ONLY, "/api/v1/plugin"] if path not in ("/", "/api/v1/disbale_log")])


def raw_admin(process, method: str, path: str, body: bytes = b"") -> Response:
    """An admin call with its headers."""
    with Raw(process.admin_port) as client:
        return client.get(path, method=method, body=body)


def admin_json(process, path: str):
    """The JSON that a path answers."""
    status, body = process.admin(path)
    assert status == 200, body
    return json.loads(body)


@pytest.fixture
def served(proxy, backend):
    """One listener before one backend: process, port, backend."""

    def start(**more):
        server = backend(answering("hello"))
        process, port = proxy(server.port, **more)
        return process, port, server

    return start


# Methods and the list of paths.


def test_each_path_takes_its_methods_and_no_other(served):
    process, _, _ = served()
    for path in GET_ONLY:
        for method in ("POST", "PUT", "DELETE"):
            reply = raw_admin(process, method, path)
            assert (reply.status, reply.get("allow")) == (405, "GET, HEAD"), (method, path)
    for path in POST_ONLY:
        for method in ("GET", "HEAD", "PUT"):
            reply = raw_admin(process, method, path)
            assert (reply.status, reply.get("allow")) == (405, "POST"), (method, path)
    assert raw_admin(process, "DELETE", "/api/v1/plugin").get("allow") == "GET, HEAD, POST"
    assert json.loads(process.admin("/api/v1/states", "POST")[1]) == {"error": "use GET, HEAD"}


@pytest.mark.parametrize("path", ["/", "/api/v1/version", "/metrics", "/api/v1/stats"])
def test_head_is_a_get_without_its_body(served, path):
    process, _, _ = served()
    with Raw(process.admin_port) as client:
        head = client.get(path, method="HEAD")
        assert (head.status, head.body) == (200, b"") and int(head.get("content-length")) > 0
        assert client.get("/api/v1/version").text.startswith("mosn version: "), "no body was left on the connection"


def test_the_root_and_every_unknown_path_list_what_there_is(served):
    process, _, _ = served()
    status, text = process.admin("/")
    assert status == 200 and text.splitlines()[0] == "supported APIs:"
    assert sorted(line.split()[0] for line in text.splitlines()[1:]) == LISTED
    methods = {line.split()[0]: line.split()[1] for line in text.splitlines()[1:]}
    assert {path for path, method in methods.items() if method == "POST"} == set(POST_ONLY) - {"/api/v1/disbale_log"}
    for path in ("/api/v1/nothing", "/api", "/api/v1/version/", "/Metrics"):
        status, text = process.admin(path)
        assert status == 404 and text.splitlines()[0] == f"there is no {path}" and "/api/v1/config_dump" in text
    assert process.admin("/nowhere", "POST")[0] == 404


def test_a_connection_serves_many_calls_and_bad_queries_are_refused(served):
    process, _, _ = served()
    with Raw(process.admin_port) as client:
        for _ in range(20):
            assert client.get("/api/v1/version").status == 200
        bad = client.get("/api/v1/env?key=%zz")
        assert bad.status == 400 and "%zz" in json.loads(bad.text)["error"]
        assert client.get("/api/v1/version").status == 200


# Version, state, features, plugins, environment.


def test_version_and_states(served):
    process, _, _ = served()
    assert re.fullmatch(r"mosn version: \d+\.\d+\.\d+\S*\n", process.admin("/api/v1/version")[1])
    assert process.admin("/api/v1/states") == (200, f"pid={process.pid}&state=6\n")


def test_features_and_plugins_answer_as_mosn_without_any(served):
    process, _, _ = served()
    gates = admin_json(process, "/api/v1/features")
    assert {"auto_config", "XdsMtlsEnable", "PayLoadLimitEnable", "MultiTenantMode"} <= set(gates)
    assert set(gates.values()) == {False}
    assert process.admin("/api/v1/features?key=auto_config") == (200, "false")
    status, usage = process.admin("/api/v1/plugin")
    assert status == 400 and usage.startswith("Usage:\n") and "enable=" in usage
    assert process.admin("/api/v1/plugin?status=all")[0] == 200
    assert process.admin("/api/v1/plugin?enable=x") == (400, "plugin x no register\n")
    assert process.admin("/api/v1/plugin?disable=x", "POST")[0] == 400


def test_env_tells_variables_but_no_secrets(mecha):
    env = {"E2E_PLAIN": "value", "E2E_EMPTY": "", "E2E_PASSWORD": "hunter2", "E2E_API_TOKEN": "tok-123"}
    process = mecha(listeners=[], env=env)
    answer = admin_json(process, "/api/v1/env?key=E2E_PLAIN&key=E2E_EMPTY&key=E2E_PASSWORD&key=E2E_API_TOKEN&key=E2E_NOT_THERE")
    assert answer["not_found"] == ["E2E_NOT_THERE"]
    assert answer["env"]["E2E_PLAIN"] == "value" and answer["env"]["E2E_EMPTY"] == ""
    assert answer["env"]["E2E_PASSWORD"] == answer["env"]["E2E_API_TOKEN"] == "***REDACTED***"
    assert process.admin("/api/v1/env")[0] == 400


# The configuration.


def test_config_dump_whole_and_in_parts(served):
    process, port, server = served()
    whole = admin_json(process, "/api/v1/config_dump")
    assert set(whole) == {"mosn_config", "listener", "cluster", "routers", "extends"}
    name = f"listener-{port}"
    assert whole["listener"][name]["address"] == f"127.0.0.1:{port}"
    assert whole["cluster"]["backend"]["hosts"][0]["address"] == f"127.0.0.1:{server.port}"
    assert whole["routers"]["router"]["virtual_hosts"][0]["domains"] == ["*"]
    assert whole["mosn_config"]["servers"][0]["listeners"][0]["name"] == name
    for part, key in (("alllisteners", "listener"), ("allclusters", "cluster"), ("allrouters", "routers"), ("mosnconfig", "mosn_config")):
        assert admin_json(process, f"/api/v1/config_dump?{part}") == whole[key]
    assert admin_json(process, f"/api/v1/config_dump?listener={name}") == whole["listener"][name]
    assert admin_json(process, "/api/v1/config_dump?cluster=backend") == whole["cluster"]["backend"]
    assert admin_json(process, "/api/v1/config_dump?router=router") == whole["routers"]["router"]


def test_config_dump_takes_one_known_parameter(served):
    process, _, _ = served()
    assert process.admin("/api/v1/config_dump?allclusters&allrouters") == (400, "only support one parameter")
    for unknown in ("cluster=nobody", "router=nobody", "listener=nobody", "something"):
        status, body = process.admin(f"/api/v1/config_dump?{unknown}")
        assert (status, json.loads(body)) == (500, {"error": "internal error"}), unknown


def test_a_dump_is_a_configuration_that_runs_the_same(mecha, backend):
    server = backend(answering("hello"))
    port = free_port()
    routes = [c.direct(200, "direct", c.match(path="/direct")), c.to_cluster(timeout="3s", prefix_rewrite="/x", when=c.match("/y"))]
    first = mecha(listeners=[c.http_listener(port)], routers=[c.router(routes)], clusters=[c.cluster(server.port)])
    dump = admin_json(first, "/api/v1/config_dump?mosnconfig")
    first.stop()
    first.expected_exit = True
    second = mecha(dump)
    assert get(port, "/direct").text == "direct"
    assert get(port, "/y/z").text == "hello"
    assert server.requests[-1].target == "/x/z"
    assert admin_json(second, "/api/v1/config_dump?mosnconfig") == dump


def test_secrets_never_appear(mecha, backend):
    pem = "-----BEGIN PRIVATE KEY-----VERYSECRET"
    tls = {"status": False, "private_key": pem, "cert_chain": "chain.pem", "ca_cert": "ca.pem"}
    port = free_port()
    listener = c.http_listener(port)
    listener["filter_chains"][0]["tls_context"] = tls
    clusters = [c.cluster(1, tls_context=tls)]
    process = mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=clusters)
    name = quote(listener["name"])
    for path in ("", "?mosnconfig", "?alllisteners", "?allclusters", "?cluster=backend", f"?listener={name}"):
        status, body = process.admin(f"/api/v1/config_dump{path}")
        assert status == 200 and "VERYSECRET" not in body, path
    assert "VERYSECRET" not in process.log()


# What was counted, in MOSN's shapes; test_metrics.py has the numbers.


def test_stats_have_mosns_shapes(served):
    process, port, server = served()
    for _ in range(3):
        assert get(port).status == 200
    eventually(lambda: process.downstream("request_active") == 0 and process.downstream("request_total") == 3, "3 requests are counted")
    stats = admin_json(process, "/api/v1/stats")
    assert stats["downstream"]["proxy.global"]["request_total"] == "3"
    assert stats["downstream"][f"listener.listener-{port}"]["request_200_total"] == "3"
    assert stats["upstream"]["cluster.backend"]["request_total"] == "3"
    host = stats["upstream"][f"cluster.backend.host.127.0.0.1:{server.port}"]
    assert host["response_success"] == "3"
    assert 0 < int(host["request_duration_time_min"]) <= int(host["request_duration_time_max"]) < 10_000_000_000
    assert stats["meta"]["mosn.info"]["mosn_state_code"] == "6"
    assert all(isinstance(value, str) for kind in stats.values() for entry in kind.values() for value in entry.values())
    lines = process.admin(f"/api/v1/stats?key=downstream.listener.listener-{port}")[1].splitlines()
    assert "request_total:3" in lines and all(re.fullmatch(r"\w+:-?\d+", line) for line in lines)
    assert "request_total:3" in process.admin("/api/v1/stats_glob")[1].splitlines()
    assert process.admin("/api/v1/stats?key=downstream.listener.nobody")[1] == "no metrics key: downstream.listener.nobody"
    assert process.admin("/api/v1/stats?key=a&other=b")[0] == 400


# Loopback.


def test_the_admin_api_listens_on_its_address_only(served):
    process, port, _ = served()
    other = http.client.HTTPConnection("127.0.0.2", process.admin_port, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        other.request("GET", "/api/v1/version")
    assert get(port, "/api/v1/version").text == "hello", "the data plane does not answer for the admin API"


def test_without_an_admin_section_there_is_no_admin_api(tmp_path):
    port = free_port()
    process = Mecha(c.mosn(listeners=[c.http_listener(port)], routers=[c.router([c.direct(200, "up")])]), tmp_path)
    try:
        eventually(lambda: process.process.poll() is not None or not refuses(port), "it listens")
        assert get(port).text == "up"
        assert "admin on" not in process.log()
    finally:
        process.stop()


# Explain.


def explained(process, url: str, method: str = "GET", headers: list[str] = (), **more: str):
    """The answer for the first listener."""
    query = urlencode([("url", url), ("method", method), *[("header", header) for header in headers], *more.items()])
    return admin_json(process, f"/api/v1/explain?{query}")["listeners"][0]


ROUTES = [
    c.direct(200, "direct", c.match(path="/direct")),
    c.redirect(c.match("/old"), response_code=302, path_redirect="/new"),
    c.to_cluster("first", c.match("/api", headers=[{"name": "x-user", "value": "me"}])),
    c.to_cluster("second", c.match(regex="^/api/v[0-9]+$")),
    c.to_cluster("first", c.match("/post", headers=[{"name": "method", "value": "POST"}]), prefix_rewrite="/rewritten"),
    c.to_cluster("empty", c.match("/empty")),
]
QUESTIONS = [
    ("GET", "http://a.test/direct", []),
    ("GET", "http://a.test/DIRECT", []),
    ("GET", "http://a.test/direct/", []),
    ("GET", "http://a.test/old/x?q=1", []),
    ("GET", "http://a.test/api/v1", ["x-user:me"]),
    ("GET", "http://a.test/api/v1", ["x-user:you"]),
    ("GET", "http://a.test/api/vx", []),
    ("POST", "http://a.test/post/1?a=b", []),
    ("GET", "http://a.test/post/1", []),
    ("GET", "http://a.test/empty", []),
    ("GET", "http://a.test/nothing", []),
    ("GET", "http://a.test:81/direct", []),
    ("GET", "http://A.TEST/direct", []),
    ("GET", "http://x.wild.test/any", []),
    ("GET", "http://wild.test/any", []),
    ("GET", "/direct", ["Host:a.test"]),
]


@pytest.fixture
def labyrinth(mecha, backend):
    """A process with a route of every kind: process, port, backends by the name of their cluster."""
    servers = {"first": backend(answering("first")), "second": backend(answering("second"))}
    hosts = [
        c.virtual_host(ROUTES, ["a.test"]),
        c.virtual_host([c.to_cluster("second")], ["*.wild.test"]),
    ]
    port = free_port()
    clusters = [c.cluster(server.port, name=name) for name, server in servers.items()] + [c.cluster(name="empty")]
    process = mecha(listeners=[c.http_listener(port)], routers=[c.router_of(hosts)], clusters=clusters)
    return process, port, servers


def sent(port: int, method: str, url: str, headers: list[str]) -> Response:
    """What really happens to the request that was asked about."""
    rest = url.removeprefix("http://")
    host, slash, path = rest.partition("/")
    fields = [tuple(header.split(":", 1)) for header in headers]
    named = [value for name, value in fields if name == "Host"]
    others = [(name, value) for name, value in fields if name != "Host"]
    return get(port, slash + path, others, method, host=host or named[0])


@pytest.mark.parametrize(("method", "url", "headers"), QUESTIONS)
def test_explain_says_what_really_happens(labyrinth, method, url, headers):
    process, port, servers = labyrinth
    answer = explained(process, url, method, headers)
    assert all(not server.requests for server in servers.values()), "explaining sends nothing"
    response = sent(port, method, url, headers)
    match answer["action"]:
        case "direct_response":
            assert (response.status, response.text) == (answer["status"], answer["body"])
        case "redirect":
            assert (response.status, response.get("location")) == (answer["status"], answer["location"])
        case "none":
            assert answer["outcome"].startswith(f"answered {response.status}: "), answer["outcome"]
        case "forward" if answer["outcome"].startswith("503"):
            assert response.status == 503 and answer["clusters"][0]["hosts"] == []
        case "forward":
            name = answer["clusters"][0]["cluster"]
            assert (response.text, answer["outcome"]) == (name, f'sent to cluster "{name}"')
            request = servers[name].requests[-1]
            assert request.target == answer["upstream_request"]["target"]
            assert request.get("host") == answer["upstream_request"]["authority"]
            assert [host["address"] for host in answer["clusters"][0]["hosts"]] == [f"127.0.0.1:{servers[name].port}"]
        case other:
            raise AssertionError(other)


def test_explain_covers_every_kind_of_end(labyrinth):
    process, _, _ = labyrinth
    answers = [explained(process, url, method, headers) for method, url, headers in QUESTIONS]
    assert {answer["action"] for answer in answers} == {"direct_response", "redirect", "forward", "none"}


def test_explain_says_why_the_others_did_not_match(labyrinth):
    process, _, _ = labyrinth
    answer = explained(process, "http://a.test/api/v1", headers=["x-user:you"])
    tried = answer["routes_tried"]
    assert [trial["matched"] for trial in tried] == [False, False, False, True] and answer["route"] == 3
    assert "/direct" in tried[0]["condition"] and "path" in tried[0]["why_not"]
    assert "x-user" in tried[2]["why_not"] and "you" in tried[2]["why_not"], tried[2]
    assert answer["virtual_host"]["domain"] == "a.test" and "equal" in answer["virtual_host"]["why"]
    stranger = explained(process, "http://b.test/")
    assert stranger["outcome"] == 'answered 404: no virtual host has a domain for "b.test"'


def test_explain_names_what_it_cannot_answer(labyrinth):
    process, _, _ = labyrinth
    cases = [
        ("", "url"),
        ("?url=/&uri=/", "uri"),
        ("?url=/&header=x", "colon"),
        ("?url=shop", "begins neither"),
        ("?url=/&listener=listner", "there is no listener"),
    ]
    for query, word in cases:
        status, body = process.admin(f"/api/v1/explain{query}")
        assert status == 400 and word in json.loads(body)["error"], (query, body)


def test_explain_shows_weights_timeouts_and_retries(mecha, backend):
    weighted = c.to_weighted(
        {"heavy": 90, "light": 10}, timeout="7s", retry_policy={"retry_on": True, "num_retries": 5, "retry_timeout": "2s", "status_codes": [502]}
    )
    port = free_port()
    clusters = [c.cluster(1, name="heavy"), c.cluster(1, name="light")]
    process = mecha(listeners=[c.http_listener(port)], routers=[c.router([weighted])], clusters=clusters)
    answer = explained(process, "/")
    assert [(entry["cluster"], entry["weight"], entry["of"]) for entry in answer["clusters"]] == [("heavy", 90, 100), ("light", 10, 100)]
    assert answer["timeout"] == {"global": "7s", "per_try": "2s", "covers": "the whole response"}
    assert (answer["retry"]["retries"], answer["retry"]["status_codes"]) == (5, [502])
