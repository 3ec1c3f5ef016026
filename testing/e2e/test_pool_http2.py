"""HTTP/2 upstream connections: shared by requests, opened up to a limit, waited for at it."""

from kit import config as c
from kit.ports import free_port
from kit.tools import h2load, nghttpd


def test_requests_wait_for_a_stream_when_every_connection_is_full(mecha, tmp_path):
    """Two workers share the one connection that the cluster allows, and its two streams."""
    (tmp_path / "hello.txt").write_text("hello")
    port, at = free_port(), free_port()
    process = mecha(
        listeners=[c.http_listener(port, downstream="Http2")],
        routers=[c.router([c.to_cluster()])],
        clusters=[c.cluster(at, max_connection_per_host=1)],
        processor=2,
    )
    with nghttpd(at, tmp_path, streams=2):
        outcome = h2load("-n", "400", "-c", "4", "-m", "10", f"http://127.0.0.1:{port}/hello.txt")
    assert outcome["succeeded"] == 400, outcome
    assert process.upstream("connection_overflow_total") > 0
    assert process.upstream("request_pending") == 0


def test_no_more_wait_than_may(mecha, tmp_path):
    (tmp_path / "hello.txt").write_text("hello")
    port, at = free_port(), free_port()
    process = mecha(
        listeners=[c.http_listener(port, downstream="Http2")],
        routers=[c.router([c.to_cluster()])],
        clusters=[c.cluster(at, max_connection_per_host=1, circuit_breakers=[{"max_pending_requests": 1}])],
        processor=1,
    )
    with nghttpd(at, tmp_path, streams=1):
        outcome = h2load("-n", "200", "-c", "1", "-m", "50", f"http://127.0.0.1:{port}/hello.txt")
    assert outcome["failed"] > 0 and outcome["succeeded"] > 0, outcome
    assert process.upstream("request_pending_overflow") >= outcome["failed"]
