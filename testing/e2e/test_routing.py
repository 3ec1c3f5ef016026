"""Routing as a user sees it: which virtual host, which route, which cluster, and what becomes of the request on the way."""

import pytest

from kit import config as c
from kit.backend import answering
from kit.client import Raw, get
from kit.h2peer import Client
from kit.mecha import Mecha
from kit.message import Head
from kit.ports import free_port


@pytest.fixture
def routed(mecha):
    """Starts a listener with this router: `port = routed(router, cluster, ...)`."""

    def start(router, *clusters, **http):
        port = free_port()
        mecha(listeners=[c.http_listener(port, **http)], routers=[router], clusters=clusters)
        return port

    return start


def saying(name, *domains):
    """A virtual host that answers with its name."""
    return c.virtual_host([c.direct(200, name)], domains, name=name)


def choosing(*matches):
    """A router whose routes answer with their number, from 0."""
    return c.router([c.direct(200, str(number), when) for number, when in enumerate(matches)])


def asked(port, **request):
    """The text of the answer, or its status when it is not 200."""
    response = get(port, **request)
    return response.text if response.status == 200 else response.status


DOMAINS = [
    saying("default", "*"),
    saying("exact", "a.test"),
    saying("exact-8080", "a.test:8080"),
    saying("exact-any-port", "b.test:*"),
    saying("suffix", "*.test"),
    saying("suffix-9090", "*.test:9090"),
    saying("longer", "*.b.test:*"),
    saying("two", "c.example", "D.example"),
]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.test", "exact"),
        ("A.Test", "exact"),
        ("a.test:8080", "exact-8080"),
        ("a.test:9090", "suffix-9090"),
        ("b.test", "exact-any-port"),
        ("b.test:1", "exact-any-port"),
        ("x.test", "suffix"),
        ("x.y.test", "suffix"),
        ("x.test:9090", "suffix-9090"),
        ("x.b.test:1", "longer"),
        # A fitting port counts for more than a longer name, and no port is one as well.
        ("x.b.test", "suffix"),
        ("x.b.test:9090", "suffix-9090"),
        ("c.example", "two"),
        ("d.EXAMPLE", "two"),
        ("test", "default"),
        ("x.test:1", "default"),
        ("127.0.0.1", "default"),
        ("[::1]:80", "default"),
    ],
)
def test_the_most_specific_domain_wins(domains_port, host, expected):
    assert asked(domains_port, host=host) == expected


@pytest.fixture(scope="module")
def domains_port(tmp_path_factory):
    """One process for the whole table."""
    port, admin = free_port(), free_port()
    config = c.mosn(listeners=[c.http_listener(port)], routers=[c.router_of(DOMAINS)], admin=admin)
    process = Mecha(config, tmp_path_factory.mktemp("domains")).ready()
    yield port
    process.stop()


def test_the_authority_of_http2_chooses_too(routed):
    port = routed(c.router_of(DOMAINS), downstream="Http2")
    with Client(port) as client:
        answers = [client.get(authority=host) for host in ("a.test", "x.b.test:1", "elsewhere")]
    assert [bytes(answer.data) for answer in answers] == [b"exact", b"longer", b"default"]


def test_without_a_fitting_domain_there_is_no_route(routed):
    port = routed(c.router_of([saying("one", "one.test"), saying("two", "two.test")]))
    assert asked(port, host="two.test") == "two"
    assert asked(port, host="three.test") == 404


@pytest.mark.parametrize(
    ("match", "hits", "misses"),
    [
        (c.match(prefix="/api"), ["/api", "/apiary", "/api/x?y=/z"], ["/Api", "/ap", "/x/api", "/?x=/api"]),
        (c.match(path="/Exact/Path"), ["/exact/path", "/EXACT/PATH", "/Exact/Path?q=1"], ["/exact/path/", "/exact/pat"]),
        (c.match(regex=r"^/v[0-9]+/(a|b)$"), ["/v1/a", "/v22/b?x"], ["/v1/c", "/v/a", "/v1/a/"]),
        (c.match(regex="mid"), ["/xmidx", "/mid"], ["/", "/x?y=mid"]),
    ],
    ids=["prefix", "path", "regex", "unanchored"],
)
def test_paths_are_compared_as_their_rule_says(routed, match, hits, misses):
    port = routed(choosing(match))
    with Raw(port) as client:
        assert [client.get(path).text for path in hits] == ["0"] * len(hits)
        assert [client.get(path).status for path in misses] == [404] * len(misses)


def test_the_first_route_that_matches_is_taken(routed):
    """In the order of the file, whatever their kinds; a longer prefix further down does not win."""
    port = routed(choosing(c.match(prefix="/a/b"), c.match(regex="^/a/c"), c.match(path="/a/d"), c.match(prefix="/a"), c.match(path="/a/e"), c.match("/")))
    with Raw(port) as client:
        paths = ["/a/b/1", "/a/c", "/A/D", "/a/d", "/a/e", "/a/b", "/A/b"]
        assert [client.get(path).text for path in paths] == ["0", "1", "2", "2", "3", "0", "5"]


def test_a_rule_has_one_kind_and_prefix_comes_first(routed):
    port = routed(choosing(c.match(prefix="/p", path="/q", regex="/r"), c.match(path="/q", regex="/r")))
    assert [asked(port, target=path) for path in ("/p1", "/q", "/r")] == ["0", "1", 404]


def header(name, value, regex=False):
    return {"name": name, "value": value, "regex": regex}


def test_every_header_of_a_rule_must_match(routed):
    port = routed(
        choosing(
            c.match("/", headers=[header("x-a", "1"), header("X-B", "^(2|3)$", True)]),
            c.match("/", headers=[header("x-a", ".*", True)]),
            c.match("/", headers=[header("method", "POST")]),
            c.match("/", headers=[header("service", ".*")]),
            c.match(headers=[header("only", "headers")]),
        )
    )
    cases = [
        ([("X-A", "1"), ("x-b", "3")], "0"),
        ([("x-a", "1"), ("x-b", "4")], "1"),
        ([("x-a", "")], "1"),
        ([("x-b", "2")], 404),
        ([("Service", "any")], "3"),
        ([("only", "headers")], "4"),
        ([("only", "Headers")], 404),
    ]
    assert [(headers, asked(port, headers=headers)) for headers, _ in cases] == cases
    assert asked(port, method="POST", body=b"x") == "2"
    assert asked(port, method="PUT", body=b"x") == 404


def counted(port, count):
    """How often each text came back."""
    answers = {}
    with Raw(port) as client:
        for _ in range(count):
            text = client.get().text
            answers[text] = answers.get(text, 0) + 1
    return answers


def test_weights_split_the_traffic(routed, backend):
    clusters = [c.cluster(backend(answering(name)).port, name=name) for name in ("a", "b", "never")]
    port = routed(c.router([c.to_weighted({"never": 0, "a": 20, "b": 80})]), *clusters)
    split = counted(port, 1000)
    # Five standard deviations of the binomial distribution on either side.
    assert 137 <= split["a"] <= 263 and split["a"] + split["b"] == 1000, split


def test_a_cluster_of_full_weight_gets_everything(routed, backend):
    clusters = [c.cluster(backend(answering(name)).port, name=name) for name in ("all", "none")]
    port = routed(c.router([c.to_weighted({"none": 0, "all": 1})]), *clusters)
    assert counted(port, 200) == {"all": 200}


def test_a_direct_response_is_complete(routed):
    port = routed(c.router([c.direct(418, "short and stout", c.match("/tea")), c.direct(204, "", c.match("/nothing"))]))
    with Raw(port) as client:
        response = client.get("/tea")
        assert (response.status, response.text, response.get("content-length")) == (418, "short and stout", "15")
        assert client.get("/tea", method="HEAD").get("content-length") == "15"
        assert client.get("/tea", method="POST", body=b"x" * 1000).status == 418
        assert client.get("/nothing").status == 204
        assert client.get("/tea").text == "short and stout"


@pytest.mark.parametrize(
    ("how", "target", "host", "expected"),
    [
        ({"path_redirect": "/new"}, "/old?q=1&r=%20", "a.test:81", (301, "http://a.test:81/new?q=1&r=%20")),
        ({"host_redirect": "b.test", "response_code": 302}, "/x/y?", "a.test", (302, "http://b.test/x/y?")),
        ({"scheme_redirect": "https", "response_code": 308}, "/x?q", "a.test:80", (308, "https://a.test/x?q")),
        ({"scheme_redirect": "https", "response_code": 307}, "/x", "a.test:8080", (307, "https://a.test:8080/x")),
        ({"host_redirect": "b.test:99", "path_redirect": "/n", "scheme_redirect": "https", "response_code": 303}, "/", "a", (303, "https://b.test:99/n")),
    ],
    ids=["path", "host", "scheme", "port-kept", "all"],
)
def test_a_redirect_keeps_what_it_does_not_replace(routed, how, target, host, expected):
    response = get(routed(c.router([c.redirect(**how)])), target, host=host)
    assert (response.status, response.get("location")) == expected


def seen(response):
    """The head that the echoing backend received."""
    assert response.status == 200, response
    return Head.parse(response.body)


@pytest.mark.parametrize(
    ("when", "rewrite", "target", "expected"),
    [
        (c.match("/api/"), {"prefix_rewrite": "/"}, "/api/users?id=%41", "/users?id=%41"),
        (c.match("/api"), {"prefix_rewrite": "/v2"}, "/api%2Fx", "/v2%2Fx"),
        (c.match(path="/Old"), {"prefix_rewrite": "/new"}, "/old?q", "/new?q"),
        (c.match("/"), {"regex_rewrite": {"pattern": {"regex": "^/u/([0-9]+)/(.*)$"}, "substitution": r"/\2/\1"}}, "/u/7/p?x=/u/8/q", "/p/7?x=/u/8/q"),
        (c.match("/a"), {"prefix_rewrite": "/b", "regex_rewrite": {"pattern": {"regex": "a"}, "substitution": "c"}}, "/aaa", "/baa"),
    ],
    ids=["prefix", "encoded", "path", "regex", "prefix-wins"],
)
def test_paths_are_rewritten_and_the_query_is_not(routed, backend, when, rewrite, target, expected):
    port = routed(c.router([c.to_cluster(when=when, **rewrite)]), c.cluster(backend().port))
    head = seen(get(port, target))
    assert head.start == f"GET {expected} HTTP/1.1"
    assert head.all("x-mosn-original-path") == [target.split("?")[0]]


def test_a_path_that_stays_leaves_no_trace(routed, backend):
    rewrite = {"regex_rewrite": {"pattern": {"regex": "^/never"}, "substitution": "/x"}}
    port = routed(c.router([c.to_cluster(**rewrite)]), c.cluster(backend().port))
    head = seen(get(port, "/a%20b"))
    assert (head.start, head.get("x-mosn-original-path")) == ("GET /a%20b HTTP/1.1", None)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"host_rewrite": "inner.test:81"}, "inner.test:81"),
        ({"auto_host_rewrite_header": "x-target"}, "named.test"),
        ({"auto_host_rewrite": True}, "by-name.test"),
        ({}, "outer.test"),
    ],
    ids=["fixed", "header", "host", "none"],
)
def test_the_host_is_rewritten_in_its_place(routed, backend, how, expected):
    port = routed(c.router([c.to_cluster(**how)]), c.cluster(c.host(backend().port, hostname="by-name.test")))
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nBefore: 1\r\nHOST: outer.test\r\nX-Target: named.test\r\n\r\n")
        head = seen(client.response())
    assert head.all("host") == [expected]
    assert head.names()[:3] == ["Before", "HOST", "X-Target"]


def add(key, value, append=True):
    return {"header": {"key": key, "value": value}, "append": append}


def test_header_operations_run_from_the_route_outwards(routed, backend):
    """Route, virtual host, router; on each level what is added comes before what is removed."""
    server = backend(answering(headers=[("X-Upstream", "u"), ("X-Leak", "secret"), ("X-Last", "upstream")]))

    def level(name):
        both = [add("x-order", name), add("x-last", name, append=False), add("x-own", f"{name} %x-mosn-path%") if name == "route" else add(f"x-{name}", "1")]
        return {"request_headers_to_add": both, "response_headers_to_add": both}

    route = c.to_cluster(**level("route"), request_headers_to_remove=["X-Drop"], response_headers_to_remove=["x-leak"])
    # A level further out removes what an inner one has added, not the other way round.
    host = c.virtual_host([route], ["*"], **level("host"), request_headers_to_remove=["x-own"])
    port = routed(c.router_of([host], **level("router"), response_headers_to_remove=["x-host"]), c.cluster(server.port))
    response = get(port, "/here", headers=[("x-drop", "1"), ("X-Order", "client"), ("X-DROP", "2")])
    sent, back = server.requests[0], response.head
    assert sent.all("x-order") == ["client", "route", "host", "router"]
    assert sent.all("x-last") == ["router"]
    assert (sent.all("x-drop"), sent.all("x-own"), sent.all("x-host"), sent.all("x-router")) == ([], [], ["1"], ["1"])
    assert back.all("x-order") == ["route", "host", "router"]
    assert back.all("x-last") == ["router"]
    assert (back.all("x-leak"), back.all("x-own"), back.all("x-host"), back.all("x-upstream")) == ([], ["route /here"], [], ["u"])


def test_a_level_removes_what_it_has_added_itself(routed, backend):
    rules = {"request_headers_to_add": [add("x-both", "1")], "request_headers_to_remove": ["x-both"]}
    port = routed(c.router([c.to_cluster(**rules)]), c.cluster(backend().port))
    assert seen(get(port)).get("x-both") is None


def test_replies_of_the_proxy_get_the_outer_headers_too(routed):
    host = c.virtual_host([c.direct(200, "ok", c.match("/direct")), c.redirect(path_redirect="/x")], ["*"], response_headers_to_add=[add("x-host", "1")])
    port = routed(c.router_of([host], response_headers_to_add=[add("x-router", "1")]))
    for target in ("/direct", "/redirect"):
        response = get(port, target)
        assert (response.get("x-host"), response.get("x-router")) == ("1", "1")


def test_framing_cannot_be_broken_by_header_rules(routed, backend):
    rules = {"request_headers_to_add": [add("Content-Length", "999", append=False), add("Transfer-Encoding", "chunked")], "response_headers_to_remove": ["content-length"]}
    server = backend(answering("whole"))
    port = routed(c.router([c.to_cluster(**rules)]), c.cluster(server.port))
    with Raw(port) as client:
        for _ in range(2):
            assert client.get(method="POST", body=b"abc").text == "whole"
    assert [request.all("content-length") + request.all("transfer-encoding") for request in server.requests] == [["3"], ["3"]]


def test_the_upstream_sees_the_exact_bytes_of_the_head(routed, backend):
    """Nothing is reordered, renamed, folded or normalised on the way; what is added stands behind."""
    fields = "Host: a.test\r\nuser-AGENT: x\r\nX-Z: 1\r\nAccept: */*\r\nx-a: 2\r\nX-z: 3\r\nCookie: b=1; a=2\r\nX-Empty: \r\n"
    target = "/%7Ea/../b//c;d=e?q=%e4+%20&&=;"
    port = routed(c.router([c.to_cluster(request_headers_to_add=[add("x-added", "1")])]), c.cluster(backend().port))
    with Raw(port) as client:
        client.send(f"GET {target} HTTP/1.1\r\n{fields}\r\n")
        raw = client.response().body.decode()
    assert raw == f"GET {target} HTTP/1.1\r\n{fields}x-added: 1\r\n\r\n"
