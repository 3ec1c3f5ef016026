"""Metrics move as traffic does, and read as Prometheus text."""

import re
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kit import config as c
from kit.backend import Gate, answering, echo_body, sending, silent
from kit.client import Raw, get
from kit.mecha import Mecha
from kit.ports import free_port
from kit.wait import eventually


def families(process: Mecha) -> dict[str, object]:
    """Every family of /metrics by its name."""
    parsed = list(text_string_to_metric_families(process.admin("/metrics")[1]))
    assert len({family.name for family in parsed}) == len(parsed), "a family stands in more than one place"
    return {family.name: family for family in parsed}


def becomes(read, value: float, what: str) -> None:
    """Waits until a number has this value."""
    eventually(lambda: read() == value, f"{what} is {value}, not {read()}")


def values(process: Mecha, prefix: str) -> dict[tuple, float]:
    """Samples by name and labels."""
    return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in process.samples() if sample.name.startswith(prefix)}


# The format.


def test_every_family_has_help_and_type_and_parses(proxy, backend):
    process, port = proxy(backend(answering()).port)
    get(port)
    with Raw(process.admin_port) as client:
        reply = client.get("/metrics")
    assert reply.get("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    found = families(process)
    for name, family in found.items():
        assert family.documentation, f"{name} has no HELP"
        assert family.type in ("counter", "gauge", "histogram"), f"{name} has no TYPE"
        assert family.samples, name
    kinds = {name: found[name].type for name in ("downstream_request", "downstream_connection_active", "upstream_request_duration_time_seconds")}
    assert list(kinds.values()) == ["counter", "gauge", "histogram"]


def test_labels_with_odd_characters_survive(mecha):
    name = 'in "quotes" \\ and\nlines'
    port = free_port()
    process = mecha(listeners=[c.http_listener(port, name=name)], routers=[c.router([c.direct(200)])])
    get(port)
    becomes(lambda: process.metric("downstream_request_total", listener=name), 1, "the listener's count")


def test_facts_about_the_process_are_shown(proxy, backend):
    process, _ = proxy(backend().port, processor=3)
    assert process.metric("server_workers") == 3
    assert process.metric("server_state_code") == 6
    assert 0 < process.metric("process_resident_memory_bytes") < 1 << 30
    assert process.metric("process_open_fds") > 5
    assert process.metric("process_start_time_seconds") > 1_600_000_000
    version = process.admin("/api/v1/version")[1].split()[-1]
    assert process.metric("server_build_info", version=version) == 1


# Histograms.


def test_histograms_are_cumulative_and_in_seconds(proxy, backend):
    gate = Gate()

    async def slow(request, connection):
        if request.target == "/slow":
            await gate.passed()
        await connection.respond(body="ok")

    process, port = proxy(backend(slow).port)
    for _ in range(4):
        get(port)
    with Raw(port) as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.quiet(0.3), "the request waits at the backend"
        gate.open()
        assert client.response().text == "ok"
    becomes(lambda: process.metric("downstream_request_time_seconds_count", proxy="global"), 5, "the count of the histogram")
    for name, labels in (
        ("downstream_request_time_seconds", {"proxy": "global"}),
        ("downstream_process_time_seconds", {"proxy": "global"}),
        ("upstream_request_duration_time_seconds", {"cluster": "backend"}),
    ):
        samples = [sample for sample in families(process)[name].samples if labels.items() <= sample.labels.items() and "host" not in sample.labels]
        buckets = [(float(sample.labels["le"]), sample.value) for sample in samples if sample.name.endswith("_bucket")]
        assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), 5), "buckets grow, and the last one holds all"
        assert [sample.value for sample in samples if sample.name.endswith("_count")] == [5]
        total = next(sample.value for sample in samples if sample.name.endswith("_sum"))
        if name == "downstream_process_time_seconds":
            assert 0 < total < 0.3, "waiting for the upstream is not the proxy's time"
        else:
            assert 0.3 <= total < 30, f"{name}: seconds, not another unit"
            assert dict(buckets)[0.25] <= 4 and dict(buckets)[30.0] == 5, "the slow request is in its bucket"


# Downstream.


def test_connections_are_counted_open_and_closed(proxy, backend):
    process, port = proxy(backend(answering()).port)
    clients = [Raw(port) for _ in range(3)]
    for client in clients:
        assert client.get().status == 200
    becomes(lambda: process.downstream("connection_active"), 3, "open connections")
    clients[0].socket.close()
    becomes(lambda: process.downstream("connection_active"), 2, "open connections after one has left")
    assert process.downstream("connection_total") == 3
    assert process.downstream("connection_destroy") == 1
    for client in clients[1:]:
        client.socket.close()
    becomes(lambda: process.downstream("connection_active"), 0, "open connections at the end")


def test_active_requests_are_those_in_flight(proxy, backend):
    gate = Gate()

    async def held(request, connection):
        await gate.passed()
        await connection.respond(body="ok")

    server = backend(held)
    process, port = proxy(server.port)
    with Raw(port) as one, Raw(port) as two:
        for client in (one, two):
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        becomes(lambda: process.downstream("request_active"), 2, "downstream requests in flight")
        becomes(lambda: process.upstream("request_active"), 2, "upstream requests in flight")
        assert process.metric("upstream_request_active", cluster="backend", host=f"127.0.0.1:{server.port}") == 2
        assert process.upstream("connection_active") == 2
        gate.open()
        assert one.response().status == two.response().status == 200
        becomes(lambda: process.downstream("request_active"), 0, "downstream requests in flight, answered")
        becomes(lambda: process.upstream("request_active"), 0, "upstream requests in flight, answered")
        becomes(lambda: process.upstream("connection_idle"), 2, "idle upstream connections")
    assert process.downstream("request_total") == 2


@pytest.mark.parametrize("status", [200, 206, 302, 304, 400, 403, 404, 416, 500, 502, 503, 504, 418])
def test_each_status_has_its_counter(proxy, backend, status):
    process, port = proxy(backend(answering("", status)).port)
    assert get(port).status == status
    key = "request_other_code" if status == 418 else f"request_{status}_total"
    becomes(lambda: process.downstream(key), 1, key)
    codes = {key: value for key, value in values(process, "downstream_request_").items() if key[1] == ("proxy", "global") and re.search(r"_\d{3}_|other", key[0])}
    assert sum(codes.values()) == 1, "counted once"
    assert process.downstream("request_failed") == 0, "the backend's own errors are not the proxy's"
    assert process.upstream("response_failed") == (1 if status >= 500 else 0)
    assert process.upstream("response_success") == (0 if status >= 500 else 1)


def test_bytes_are_counted_both_ways(proxy, backend):
    process, port = proxy(backend(echo_body).port)
    body = b"x" * 100_000
    assert get(port, method="POST", body=body).body == body
    for read in (
        lambda: process.downstream("bytes_read_total"),
        lambda: process.downstream("bytes_write_total"),
        lambda: process.upstream("connection_bytes_read_total"),
        lambda: process.upstream("connection_bytes_write"),
    ):
        eventually(lambda: read() > 100_000, "the body is counted")
        assert read() < 101_000, "and counted once"


def test_a_listener_has_numbers_of_its_own_and_the_process_their_sum(mecha):
    one, two = free_port(), free_port()
    process = mecha(listeners=[c.http_listener(one, name="one"), c.http_listener(two, name="two")], routers=[c.router([c.direct(200)])])
    for port in (one, one, one, two):
        assert get(port).status == 200
    becomes(lambda: process.downstream("request_total"), 4, "requests of the process")
    assert process.metric("downstream_request_total", listener="one") == 3
    assert process.metric("downstream_request_total", listener="two") == 1
    assert process.metric("downstream_request_200_total", listener="one") == 3


def test_a_client_that_leaves_is_a_reset(proxy, backend):
    server = backend(silent)
    process, port = proxy(server.port)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(1)
    becomes(lambda: process.downstream("request_reset"), 1, "resets")
    becomes(lambda: process.upstream("request_local_reset"), 1, "upstream requests given up")
    assert process.downstream("request_499_total") == 1


def test_a_broken_request_is_a_protocol_error(proxy, backend):
    process, port = proxy(backend().port)
    with Raw(port) as client:
        assert client.send("GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n").response().status == 400
    becomes(lambda: process.downstream("protocol_error_total"), 1, "protocol errors")
    becomes(lambda: process.downstream("request_400_total"), 1, "answers of 400")


# Failures, each with its counter.


def test_no_route_and_no_cluster(mecha):
    port = free_port()
    routes = [c.to_cluster("missing", c.match("/missing")), c.direct(200, when=c.match(path="/ok"))]
    process = mecha(listeners=[c.http_listener(port)], routers=[c.router(routes)], clusters=[c.cluster(1, name="other")])
    assert get(port, "/nowhere").status == 404
    becomes(lambda: process.downstream("request_no_route_total"), 1, "requests without a route")
    assert process.downstream("request_failed") == 1
    assert (get(port, "/ok").status, get(port, "/missing").status) == (200, 404)
    becomes(lambda: process.downstream("request_no_cluster_total"), 1, "requests to no cluster")
    assert process.downstream("request_no_route_total") == 1


def test_connections_that_fail_are_counted_with_their_retries(proxy):
    dead = free_port()
    process, port = proxy(dead)
    assert get(port).status == 503
    becomes(lambda: process.downstream("request_503_total"), 1, "answers of 503")
    tries = process.upstream("connection_con_fail")
    assert tries == process.upstream("request_retry") + 1 >= 2
    assert process.metric("upstream_connection_con_fail", cluster="backend", host=f"127.0.0.1:{dead}") == tries
    assert process.downstream("request_failed") == 1


def test_a_cluster_without_hosts_is_counted(proxy):
    process, port = proxy()
    assert get(port).status == 503
    becomes(lambda: process.upstream("request_no_healthy_host_total"), 1, "requests without a host")


def test_a_timeout_is_counted(proxy, backend):
    process, port = proxy(backend(silent).port, route={"timeout": "200ms"})
    assert get(port).status == 504
    becomes(lambda: process.upstream("request_timeout"), 1, "upstream timeouts")
    becomes(lambda: process.downstream("request_504_total"), 1, "answers of 504")


def test_a_reset_by_the_host_is_counted(proxy, backend):
    async def resets(request, connection):
        connection.reset()

    process, port = proxy(backend(resets).port)
    assert get(port).status == 502
    eventually(lambda: process.upstream("request_remote_reset") >= 1, "resets by the host")
    assert process.upstream("response_failed") >= 1


def test_an_overflow_is_counted(proxy, backend):
    server = backend(silent)
    process, port = proxy(server.port, cluster={"circuit_breakers": [{"max_requests": 1}]})
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(1)
        assert get(port).status == 503
        becomes(lambda: process.upstream("request_pending_overflow"), 1, "overflows")


def test_retries_are_counted_with_their_success(proxy, backend):
    good, bad = backend(answering("good")), backend(answering("bad", 500))
    process, port = proxy(good.port, bad.port, route={"retry_policy": {"retry_on": True, "num_retries": 3}}, processor=1)
    for _ in range(4):
        assert get(port).text == "good"
    eventually(lambda: process.upstream("request_retry") >= 1, "retries")
    assert process.upstream("request_retry") == len(bad.requests) == process.upstream("request_retry_success_total")
    assert process.upstream("request_total") == len(good.requests) + len(bad.requests)


# Upstream connections.


def test_upstream_connections_are_counted_by_who_closed_them(proxy, backend):
    server = backend(answering())
    process, port = proxy(server.port, processor=1)
    assert get(port).status == 200
    becomes(lambda: process.upstream("connection_idle"), 1, "idle connections")
    server.close_idle()
    becomes(lambda: process.upstream("connection_remote_close"), 1, "connections closed by the host")
    becomes(lambda: process.upstream("connection_active"), 0, "open connections")
    assert process.upstream("connection_total") == 1
    assert process.upstream("connection_close") == 1
    assert process.upstream("connection_local_close") == 0


def test_connections_that_end_under_a_request_are_counted_by_who_ended_them(proxy, backend):
    async def cuts(request, connection):
        if request.target == "/cut":
            connection.reset()
        else:
            await silent(request, connection)

    server = backend(cuts)
    process, port = proxy(server.port)
    assert get(port, "/cut").status == 502
    becomes(lambda: process.upstream("connection_remote_close_with_active_request"), 1, "connections cut by the host")
    with Raw(port) as client:
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(2)
    becomes(lambda: process.upstream("connection_local_close_with_active_request"), 1, "connections cut by the proxy")
    assert process.upstream("connection_remote_close") == process.upstream("connection_local_close") == 1
    assert process.upstream("connection_close") == 2


def test_connect_time_has_a_histogram(proxy, backend):
    process, port = proxy(backend(answering()).port)
    assert get(port).status == 200
    becomes(lambda: process.metric("upstream_connect_time_seconds_count", cluster="backend"), 1, "connects")


def test_a_host_that_announces_its_end_is_counted(proxy, backend):
    process, port = proxy(backend(sending(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", close=True)).port)
    assert get(port).status == 200
    becomes(lambda: process.upstream("connection_close_notify"), 1, "announced ends")


# TCP and upgrades.


def test_tcp_connections_and_bytes_are_counted(mecha):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = free_port()
        process = mecha(listeners=[c.tcp_listener(port, "backend", name="tcp")], clusters=[c.cluster(server.getsockname()[1])])
        with Raw(port) as client:
            upstream, _ = server.accept()
            with upstream:
                client.send(b"x" * 1000)
                received = b""
                while len(received) < 1000:
                    received += upstream.recv(4096)
                upstream.sendall(b"y" * 500)
                client.exactly(500)
                becomes(lambda: process.metric("downstream_connection_active", listener="tcp"), 1, "open connections")
                becomes(lambda: process.upstream("connection_active"), 1, "open upstream connections")
    becomes(lambda: process.metric("downstream_bytes_read_total", listener="tcp"), 1000, "bytes from the client")
    becomes(lambda: process.metric("downstream_bytes_write_total", listener="tcp"), 500, "bytes to the client")
    becomes(lambda: process.upstream("connection_bytes_write"), 1000, "bytes to the host")
    becomes(lambda: process.metric("downstream_connection_active", listener="tcp"), 0, "open connections at the end")
    assert process.metric("downstream_connection_total", listener="tcp") == 1


def test_an_upgrade_is_counted(proxy, backend):
    process, port = proxy(backend(sending(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")).port)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        assert client.response().status == 101
        becomes(lambda: process.downstream("upgrade_total"), 1, "upgrades")


# Quiet.


def test_counters_never_go_back_and_rest_without_traffic(proxy, backend):
    process, port = proxy(backend(answering()).port)
    before = values(process, "downstream_")
    for _ in range(10):
        get(port)
    becomes(lambda: process.downstream("connection_active"), 0, "open connections")
    after = values(process, "downstream_")
    counters = {name for name, family in families(process).items() if family.type == "counter"}
    for key, value in before.items():
        if key[0].removesuffix("_total") in counters:
            assert after[key] >= value, key
    assert values(process, "downstream_") == after, "the admin API's own calls are not traffic"
