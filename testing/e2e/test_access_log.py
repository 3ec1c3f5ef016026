"""The access log: formats, what cannot break a line, where lines go, and what happens when they cannot."""

import asyncio
import datetime
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from kit import config as c
from kit.backend import answering, echo_body, silent
from kit.client import Raw, get
from kit.mecha import Mecha
from kit.ports import free_port
from kit.tools import curl
from kit.wait import eventually

#: A duration in Go's notation.
DURATION = r"(?:\d+(?:\.\d+)?(?:ns|\u00b5s|ms|s))+"
ADDRESS = r"127\.0\.0\.1:\d+"
DEFAULT_LINE = re.compile(
    r"(?P<start>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}) (?P<trace>\S+)  (?P<connection>\S+) (?P<upstream_connection>\S+) "
    rf"(?P<received>{DURATION}|-) (?P<response_received>{DURATION}|-) (?P<sent>\d+) (?P<bytes>\d+) (?P<protocol>\S+) (?P<code>\d+) "
    rf"(?P<duration>{DURATION}) (?P<flag>true|false) (?P<code_again>\d+) (?P<upstream_local>\S+) (?P<local>{ADDRESS}) "
    rf"(?P<remote>{ADDRESS}) (?P<upstream>\S+)"
)


def lines(path: Path) -> list[str]:
    """The lines that are complete so far."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait_lines(path: Path, count: int) -> list[str]:
    """Waits for so many lines, and fails when there are more."""
    eventually(lambda: len(lines(path)) >= count, f"{count} lines in {path.name}")
    found = lines(path)
    assert len(found) == count, found
    return found


def parsed(line: str) -> dict[str, str]:
    """A line of the default format."""
    found = DEFAULT_LINE.fullmatch(line)
    assert found, line
    return found.groupdict()


@pytest.fixture
def logged(proxy, tmp_path):
    """A listener with an access log: process, port, the log's file."""

    def start(*hosts, log_format: str | None = None, path: Path | str | None = None, logs: list | None = None, **more):
        # Lines of one worker stand in the order of its requests.
        more.setdefault("processor", 1)
        file = path or tmp_path / "access.log"
        log = {"log_path": str(file)} | ({"log_format": log_format} if log_format is not None else {})
        process, port = proxy(*hosts, listener={"name": "in", "type": "ingress", "access_logs": [log] if logs is None else logs}, **more)
        return process, port, file

    return start


# The default format.


def test_the_default_line_of_a_request(logged, backend):
    server = backend(answering("hello"))
    before = datetime.datetime.now().replace(microsecond=0)
    process, port, file = logged(server.port)
    with Raw(port) as client:
        own = f"127.0.0.1:{client.socket.getsockname()[1]}"
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        client.get(method="POST", body=b"1234567", headers=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
        client.get()
    first, second = (parsed(line) for line in wait_lines(file, 2))
    started = datetime.datetime.strptime(first["start"], "%Y/%m/%d %H:%M:%S.%f")
    assert before <= started <= datetime.datetime.now(), "local time"
    assert (first["trace"], second["trace"]) == (trace, "-")
    assert first["connection"] == second["connection"] != "-", "both came by one connection"
    assert (first["bytes"], second["bytes"], first["sent"]) == ("7", "0", "5")
    assert (first["protocol"], first["code"], first["code_again"], first["flag"]) == ("Http1", "200", "200", "false")
    assert (first["local"], first["remote"], first["upstream"]) == (f"127.0.0.1:{port}", own, f"127.0.0.1:{server.port}")
    assert re.fullmatch(ADDRESS, first["upstream_local"]) and first["upstream_connection"].isdigit()
    assert first["response_received"] != "-" and first["received"] != "-"


def test_the_default_line_of_a_failure(logged):
    dead = free_port()
    process, port, file = logged(dead, routes=[c.to_cluster(when=c.match("/dead"))])
    assert get(port, "/dead").status == 503
    assert get(port, "/nowhere").status == 404
    lost, failed = sorted((parsed(line) for line in wait_lines(file, 2)), key=lambda line: line["code"])
    assert (failed["code"], failed["flag"], failed["upstream"], failed["response_received"]) == ("503", "true", f"127.0.0.1:{dead}", "-")
    assert (lost["code"], lost["flag"], lost["upstream"], lost["upstream_connection"], lost["upstream_local"]) == ("404", "true", "-", "-", "-")


def test_a_direct_response_has_no_upstream(logged):
    process, port, file = logged(routes=[c.direct(200, "hi")])
    assert get(port).text == "hi"
    (line,) = (parsed(line) for line in wait_lines(file, 1))
    assert (line["code"], line["flag"], line["sent"], line["upstream"]) == ("200", "false", "2", "-")


def test_an_empty_format_is_the_default(logged):
    _, port, file = logged(routes=[c.direct(200)], log_format="")
    get(port)
    parsed(wait_lines(file, 1)[0])


def test_without_a_path_the_log_is_named_after_the_listener(mecha, tmp_path):
    folder = tmp_path / "base" / "conf"
    folder.mkdir(parents=True)
    port, admin = free_port(), free_port()
    config = c.mosn(listeners=[c.http_listener(port, name="in", access_logs=[{}])], routers=[c.router([c.direct(200)])], admin=admin)
    process = Mecha(config, folder)
    try:
        process.ready()
        get(port)
        parsed(wait_lines(tmp_path / "base" / "logs" / "in_access.log", 1)[0])
    finally:
        process.stop()


# Custom formats.


CUSTOM = [
    ("%response_code%|%protocol%|%listener_name%", "200|Http1|in"),
    ("[%request_header_x-tag%] [%request_header_X-TAG%]", "[a b] [a b]"),
    ("%response_header_x-answer%", "42"),
    ("%request_header_absent% %response_header_absent%", "- -"),
    ("%Http1_request_method% %Http1_request_uri%", "GET /a%20b/c?x=1%2B1&y=z"),
    ("%Http1_request_path% %Http1_request_path_original%", "/a b/c /a%20b/c"),
    ("%Http1_request_arg% %Http1_request_arg_x% %Http1_request_arg_none%", "x=1%2B1&y=z 1+1 -"),
    ("%Http1_cookie_session% %Http1_request_header_x-tag%", "s3 a b"),
    ("%Http2_request_method%", "-"),
    ("%x-mosn-host% %x-mosn-path% %x-mosn-method% %x-mosn-querystring% %x-mosn-status%", "shop.test /a b/c GET x=1%2B1&y=z 200"),
    ("%upstream_cluster% %listener_type% %retry_count%", "backend ingress 0"),
    ("%response_flags% %response_flag% %upstream_transport_failure_reason%", "- false -"),
    ("%no_such_variable% %Dubbo_service%", "- -"),
    ("100\\% %response_code%", "100% 200"),
    ("no variable at all", "no variable at all"),
]


@pytest.mark.parametrize(("log_format", "expected"), CUSTOM)
def test_a_custom_format(logged, backend, log_format, expected):
    server = backend(answering("ok", headers=[("X-Answer", "42")]))
    _, port, file = logged(server.port, log_format=log_format)
    headers = [("X-Tag", "a b"), ("Cookie", "other=1; session=s3")]
    assert get(port, "/a%20b/c?x=1%2B1&y=z", headers, host="shop.test").status == 200
    assert wait_lines(file, 1) == [expected]


def test_the_port_of_the_listener(logged):
    _, port, file = logged(routes=[c.direct(200)], log_format="%listener_port%")
    get(port)
    assert wait_lines(file, 1) == [str(port)]


def test_durations_grow_with_what_they_measure(logged, backend):
    async def slow(request, connection):
        await request.read()
        await asyncio.sleep(0.2)
        await connection.respond(body="ok")

    _, port, file = logged(backend(slow).port, log_format="%request_received_duration% %response_received_duration% %duration% %process_time_duration%")
    get(port, method="POST", body=b"x")
    received, response, whole, process = (seconds(text) for text in wait_lines(file, 1)[0].split(" "))
    assert received < response <= whole and 0.2 <= response < 20 and process < 0.2


def seconds(text: str) -> float:
    """A duration in Go's notation as seconds."""
    units = {"ns": 1e-9, "\u00b5s": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ns|\u00b5s|ms|s|m)", text))


FAILURES = [
    ("no_route", "404 NR"),
    ("connect", "503 UF"),
    ("no_host", "503 UH"),
    ("timeout", "504 UT"),
    ("reset", "502 UR"),
]


@pytest.mark.parametrize(("failure", "expected"), FAILURES)
def test_response_flags_name_the_failure(logged, backend, failure, expected):
    async def resets(request, connection):
        connection.reset()

    hosts = {"no_route": [1], "connect": [free_port()], "no_host": [], "timeout": [backend(silent).port], "reset": [backend(resets).port]}[failure]
    routes = [c.to_cluster(when=c.match("/there"))] if failure == "no_route" else [c.to_cluster(timeout="200ms" if failure == "timeout" else "10s")]
    _, port, file = logged(*hosts, routes=routes, log_format="%response_code% %response_flags%")
    get(port)
    assert wait_lines(file, 1) == [expected]


def test_a_client_that_leaves_is_logged_as_499(logged, backend):
    server = backend(silent)
    _, port, file = logged(server.port, log_format="%response_code% %response_flags%")
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(1)
    (line,) = wait_lines(file, 1)
    assert line.startswith("499 ") and line != "499 -"


def test_http2_requests_are_logged(logged, h2backend, need):
    need("curl")
    _, port, file = logged(routes=[c.direct(200, "hi")], downstream="Http2", log_format="%protocol% %Http2_request_method% %Http2_request_uri% %authority%")
    assert curl("--http2-prior-knowledge", f"http://127.0.0.1:{port}/two?x=1") == "hi"
    assert wait_lines(file, 1) == [f"Http2 GET /two?x=1 127.0.0.1:{port}"]


def test_tcp_connections_are_logged(mecha, tmp_path):
    file = tmp_path / "tcp.log"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, upstream_port = free_port(), server.getsockname()[1]
        log = {"log_path": str(file), "log_format": "%protocol% %bytes_received% %bytes_sent% %upstream_host% %response_flag% %Http1_request_method%"}
        mecha(listeners=[c.tcp_listener(port, "backend", access_logs=[log])], clusters=[c.cluster(upstream_port)])
        with Raw(port) as client:
            upstream, _ = server.accept()
            with upstream:
                client.send(b"12345")
                assert upstream.recv(5, socket.MSG_WAITALL) == b"12345"
                upstream.sendall(b"678")
                client.exactly(3)
                assert lines(file) == [], "a connection is logged when it ends"
    (line,) = wait_lines(file, 1)
    assert re.fullmatch(rf"\S+ 5 3 127\.0\.0\.1:{upstream_port} false -", line), line


# What a client sends cannot break a line.


HOSTILE = [
    ("a\tb", "a\\x09b"),
    ('x" 200 "', "x\\x22 200 \\x22"),
    ("back\\slash", "back\\x5Cslash"),
    ("h\xe9llo", "h\\xE9llo"),
    ("\xc2\x85next", "\\xC2\\x85next"),
    ("\xe2\x80\xa8line", "\\xE2\\x80\\xA8line"),
]


@pytest.mark.parametrize(("sent", "logged_as"), HOSTILE)
def test_a_header_cannot_break_a_line(logged, sent, logged_as):
    _, port, file = logged(routes=[c.direct(200)], log_format='"%request_header_x-tag%" %response_code%')
    assert get(port, headers=[("X-Tag", sent)]).status == 200
    assert wait_lines(file, 1) == [f'"{logged_as}" 200']


def test_a_decoded_path_cannot_forge_a_line(logged):
    forged = "/x%0A2026/01/01%20forged%0D%1b[2J"
    _, port, file = logged(routes=[c.direct(200)], log_format="%x-mosn-path% %Http1_request_arg_q%")
    assert get(port, f"{forged}?q=%0A%22").status == 200
    assert wait_lines(file, 1) == ["/x\\x0A2026/01/01 forged\\x0D\\x1B[2J \\x0A\\x22"]


def test_a_response_header_cannot_break_a_line(logged, backend):
    server = backend(answering("", headers=[("X-Answer", 'a" forged "b\tc')]))
    _, port, file = logged(server.port, log_format='"%response_header_x-answer%"')
    get(port)
    assert wait_lines(file, 1) == ['"a\\x22 forged \\x22b\\x09c"']


# Where lines go.


def test_two_logs_of_one_listener_have_formats_of_their_own(logged, tmp_path):
    logs = [
        {"log_path": str(tmp_path / "one.log"), "log_format": "one %request_header_x-tag% %response_code%"},
        {"log_path": str(tmp_path / "two.log"), "log_format": "two %Http1_request_uri%"},
    ]
    _, port, _ = logged(routes=[c.direct(200)], logs=logs)
    for number in range(3):
        get(port, f"/{number}", [("X-Tag", str(number))])
    # Each worker hands its lines over by itself, so those of different connections may change places.
    assert sorted(wait_lines(tmp_path / "one.log", 3)) == [f"one {number} 200" for number in range(3)]
    assert sorted(wait_lines(tmp_path / "two.log", 3)) == [f"two /{number}" for number in range(3)]


def test_two_listeners_may_share_one_file(mecha, tmp_path):
    file, ports = tmp_path / "shared.log", [free_port(), free_port()]
    log = {"log_path": str(file), "log_format": "%listener_name% %Http1_request_uri%"}
    listeners = [c.http_listener(port, name=name, access_logs=[log]) for port, name in zip(ports, ("one", "two"), strict=True)]
    mecha(listeners=listeners, routers=[c.router([c.direct(200)])])
    for number in range(50):
        for port in ports:
            get(port, f"/{number}")
    found = wait_lines(file, 100)
    assert sorted(found) == sorted(f"{name} /{number}" for name in ("one", "two") for number in range(50)), "no line is torn"


def test_stdout_takes_access_lines(logged):
    process, port, _ = logged(routes=[c.direct(200)], path="stdout", log_format="access %Http1_request_uri%")
    get(port, "/seen")
    eventually(lambda: "access /seen\n" in process.log(), "the line on standard output")


def test_every_request_of_many_is_logged_once(logged):
    process, port, file = logged(routes=[c.direct(200)], log_format="%Http1_request_uri%")
    with Raw(port) as client:
        for start in range(0, 2000, 100):
            client.send("".join(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n" for number in range(start, start + 100)))
            for _ in range(100):
                assert client.response().status == 200
    assert wait_lines(file, 2000) == [f"/{number}" for number in range(2000)]
    assert process.metric("access_log_written_total") == 2000
    assert process.metric("access_log_dropped_total") == 0


def test_lines_in_the_queue_are_written_before_the_end(logged):
    process, port, file = logged(routes=[c.direct(200)], log_format="%Http1_request_uri%")
    for number in range(5):
        get(port, f"/{number}")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert sorted(lines(file)) == [f"/{number}" for number in range(5)]


# Rotation and trouble.


def test_sigusr1_opens_the_file_anew(logged, tmp_path):
    process, port, file = logged(routes=[c.direct(200)], log_format="%Http1_request_uri%")
    get(port, "/before")
    wait_lines(file, 1)
    moved = tmp_path / "access.log.1"
    file.rename(moved)
    get(port, "/moved")
    assert wait_lines(moved, 2) == ["/before", "/moved"], "until told, the open file is written to"
    process.signal(signal.SIGUSR1)
    eventually(file.exists, "a new file after SIGUSR1")
    get(port, "/after")
    assert wait_lines(file, 1) == ["/after"]
    assert lines(moved) == ["/before", "/moved"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_does_not_stop_traffic(logged):
    process, port, _ = logged(routes=[c.direct(200, "still here")], path="/dev/full")
    with Raw(port) as client:
        for _ in range(300):
            assert client.get().text == "still here"
    eventually(lambda: process.metric("access_log_dropped_total") == 300, "every lost line is counted")
    assert process.metric("log_dropped_total", log="/dev/full") == 300
    eventually(lambda: "/dev/full" in process.log() and "No space left" in process.log(), "the trouble is told")
    assert process.log().count("No space left") == 1, "once, not for every line"


def test_a_reader_that_stops_does_not_stop_traffic(logged, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        process, port, _ = logged(routes=[c.direct(200, "ok")], path=fifo, log_format="x" * 4000)
        with Raw(port, timeout=20) as client:
            for _ in range(100):
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
                assert all(client.response().text == "ok" for _ in range(10))
        assert get(port).text == "ok"
    finally:
        os.close(reader)


def test_an_access_log_can_be_switched_off_and_on(logged):
    process, port, file = logged(routes=[c.direct(200)], log_format="%Http1_request_uri%")
    get(port, "/one")
    wait_lines(file, 1)
    assert process.admin("/api/v1/disable_log", "POST", str(file)) == (200, "disable logger success\n")
    with Raw(port) as client:
        client.get("/two", [("Connection", "close")])
        assert client.closed(), "the request is over, its record made"
    assert process.admin("/api/v1/enable_log", "POST", str(file)) == (200, "enable logger success\n")
    get(port, "/three")
    assert wait_lines(file, 2) == ["/one", "/three"]
    assert process.metric("access_log_dropped_total") == 0, "what was not wanted is not lost"


def test_bodies_count_without_their_framing(logged, backend):
    _, port, file = logged(backend(echo_body).port, log_format="%bytes_received% %bytes_sent%")
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert client.response().text == "abcde"
    assert wait_lines(file, 1) == ["5 5"]
