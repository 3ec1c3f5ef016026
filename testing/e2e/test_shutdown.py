"""Signals: what SIGTERM finishes, what SIGINT does not, and what is left behind."""

import signal
import socket
import threading
import time
from collections.abc import Callable

import h2.events as ev
import pytest

from kit import config as c
from kit import mecha as binary
from kit.accesslog import AccessLog
from kit.backend import Gate, answering, echo_body, silent
from kit.client import Raw
from kit.h2peer import Client
from kit.mecha import refuses
from kit.ports import free_port
from kit.wait import eventually

#: Until when a process that has nothing to wait for must have ended. The default graceful timeout is three times as long.
SOON = 10


class Patient(Client):
    """A client that goes on with its open streams after GOAWAY; the h2 package itself stops listening then."""

    def __init__(self, port):
        self.unread = b""
        #: The last stream that the server will answer, once it has said so.
        self.last = None
        super().__init__(port)

    def step(self, seconds=10):
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return []
        self.unread += data
        events = [event for frame in self._frames() for event in self.h2.receive_data(frame)]
        for event in events:
            self._take(event)
        self.flush()
        return events or [ev.Event()]

    def _frames(self):
        while len(self.unread) >= 9 and len(self.unread) >= (end := 9 + int.from_bytes(self.unread[:3])):
            frame, self.unread = self.unread[:end], self.unread[end:]
            if frame[3] == 7:
                self.last = int.from_bytes(frame[9:13]) & 0x7FFFFFFF
            else:
                yield frame

    @property
    def leaving(self):
        return self.last is not None


def held_by(gate):
    """A handler that answers once the gate is open."""

    async def handler(request, connection):
        await gate.passed()
        await connection.respond(body="held")

    return handler


def ended(process, seconds=SOON):
    """Its exit status, and how long it took to end."""
    start = time.monotonic()
    return process.wait(seconds), time.monotonic() - start


def request(port, body=b""):
    """A connection with a request on its way."""
    return Raw(port, timeout=30).send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def test_without_traffic_it_ends_at_once(proxy, backend):
    process, port = proxy(backend(answering()).port)
    process.signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    assert refuses(port) and refuses(process.admin_port)


def test_a_request_in_flight_is_finished(proxy, backend):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port)
    with request(port) as client:
        server.wait_requests(1)
        process.signal(signal.SIGTERM)
        eventually(lambda: refuses(port), "the listener is closed")
        assert process.process.poll() is None
        assert "state=8" in process.admin("/api/v1/states")[1]
        gate.open()
        response = client.response()
        assert (response.text, response.get("connection")) == ("held", "close")
        assert client.closed(5)
    assert ended(process)[0] == 0


def test_a_body_in_flight_is_finished_both_ways(proxy, backend):
    server = backend(echo_body)
    process, port = proxy(server.port)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        server.wait_requests(1)
        process.signal(signal.SIGTERM)
        eventually(lambda: refuses(port), "the listener is closed")
        client.send("4\r\nlast\r\n0\r\n\r\n")
        assert client.response().text == "firstlast"
    assert ended(process)[0] == 0


def test_an_unused_connection_does_not_hold_it_up(proxy, backend):
    process, port = proxy(backend(answering()).port)
    with Raw(port) as used, Raw(port) as fresh:
        assert used.get().status == 200
        process.signal(signal.SIGTERM)
        assert used.closed(SOON) and fresh.closed(SOON)
        assert ended(process)[0] == 0


def test_a_request_that_was_on_its_way_is_answered(proxy, backend):
    """On a connection that was idle when the drain began; it is the connection's last."""
    process, port = proxy(backend(answering()).port)
    with Raw(port) as client:
        assert client.get().status == 200
        process.signal(signal.SIGTERM)
        response = client.get()
        eventually(lambda: refuses(port), "the listener is closed")
        assert response.status == 200
    assert ended(process)[0] == 0


def test_http2_says_goaway_and_finishes_its_streams(proxy, backend):
    gate = Gate()
    server = backend(held_by(gate))
    process, port = proxy(server.port, downstream="Http2", upstream="Http1")
    with Patient(port) as client:
        sid = client.start()
        server.wait_requests(1)
        process.signal(signal.SIGTERM)
        client.until(lambda: client.leaving, "GOAWAY")
        assert client.last >= sid
        client.until(lambda: client.last == sid, "GOAWAY with the last stream that counts")
        gate.open()
        stream = client.finish(sid)
        assert (stream.status, bytes(stream.data)) == (200, b"held")
        client.read_to_close()
    assert ended(process)[0] == 0


def test_an_unused_http2_connection_is_told_and_closed(proxy, backend):
    process, port = proxy(backend(answering()).port, downstream="Http2", upstream="Http1")
    with Patient(port) as client:
        sid = client.start()
        assert client.finish(sid).status == 200
        process.signal(signal.SIGTERM)
        client.read_to_close()
        assert client.last == sid
    assert ended(process)[0] == 0


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_the_graceful_timeout_ends_waiting(mecha, backend, kind):
    server = backend(silent)
    port = free_port()
    door = c.http_listener(port) if kind == "http" else c.tcp_listener(port, "backend")
    process = mecha(listeners=[door], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(server.port)], graceful_timeout="1s")
    with request(port) as client:
        server.wait_requests(1)
        process.signal(signal.SIGTERM)
        status, seconds = ended(process)
        assert (status, seconds >= 0.9) == (0, True)
        assert client.rest() == b""
    eventually(lambda: not server.connections, "the upstream is told")


def test_a_tcp_connection_goes_on_until_it_ends(mecha, backend):
    gate = Gate()
    server = backend(held_by(gate))
    port = free_port()
    process = mecha(listeners=[c.tcp_listener(port, "backend")], clusters=[c.cluster(server.port)])
    with request(port) as client:
        server.wait_requests(1)
        process.signal(signal.SIGTERM)
        eventually(lambda: refuses(port), "the listener is closed")
        gate.open()
        assert client.response().text == "held"
    assert ended(process)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_it_can_be_ended_at_once(proxy, backend, number):
    server = backend(silent)
    process, port = proxy(server.port, graceful_timeout="60s")
    with request(port) as client:
        server.wait_requests(1)
        process.signal(number)
        assert ended(process)[0] == 0
        assert client.rest() == b""


def test_a_second_signal_ends_the_drain(proxy, backend):
    server = backend(silent)
    process, port = proxy(server.port, graceful_timeout="60s")
    with request(port) as client:
        server.wait_requests(1)
        for _ in range(2):
            # Told twice to do what it does already, it goes on.
            process.signal(signal.SIGTERM)
            eventually(lambda: "state=8" in process.admin("/api/v1/states")[1], "it drains")
        assert process.process.poll() is None
        process.signal(signal.SIGINT)
        assert ended(process)[0] == 0
        assert client.rest() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_pid_file_and_unix_sockets_are_removed(mecha, backend, tmp_path, number):
    pid, http, tcp = tmp_path / "run/mecha.pid", tmp_path / "http.sock", tmp_path / "tcp.sock"
    config = c.mosn(
        listeners=[c.http_listener(f"unix:{http}", name="http"), c.tcp_listener(f"unix:{tcp}", "backend", name="tcp")],
        routers=[c.router([c.to_cluster()])],
        clusters=[c.cluster(backend(answering()).port)],
        admin=free_port(),
    )
    process = mecha(config | {"pid": str(pid)})
    assert pid.read_text().strip() == str(process.pid)
    assert http.is_socket() and tcp.is_socket()
    process.signal(number)
    assert ended(process)[0] == 0
    assert not pid.exists() and not http.exists() and not tcp.exists()


def test_stop_ends_the_process_of_the_pid_file(mecha, backend, tmp_path):
    pid = tmp_path / "mecha.pid"
    config = c.mosn(listeners=[c.http_listener(free_port())], routers=[c.router([c.direct(200)])], admin=free_port())
    process = mecha(config | {"pid": str(pid)})
    process.expected_exit = True
    # Its end must be waited for by its parent, or it stays a zombie that still has a process id.
    waiting = threading.Thread(target=process.wait, daemon=True)
    waiting.start()
    done = binary.run("stop", "-c", process.config_file)
    assert done.returncode == 0, done.stdout + done.stderr
    waiting.join(SOON)
    assert process.process.returncode == 0
    assert not pid.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_access_log_is_complete(proxy, backend, tmp_path, number):
    """A line for every request that was answered, however soon the end came after it."""
    log = AccessLog(tmp_path)
    process, port = proxy(backend(answering()).port, listener=log.config)
    with Raw(port) as client:
        client.send("".join(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n" for number in range(200)))
        for _ in range(200):
            assert client.response().status == 200
    process.signal(number)
    assert ended(process)[0] == 0
    assert [line["x-mosn-path"] for line in log.lines()] == [f"/{number}" for number in range(200)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_was_cut_is_logged_too(proxy, backend, tmp_path, number):
    log = AccessLog(tmp_path)
    server = backend(silent)
    process, port = proxy(server.port, listener=log.config, graceful_timeout="300ms")
    with request(port) as client:
        server.wait_requests(1)
        process.signal(number)
        assert ended(process)[0] == 0
        assert client.rest() == b""
    assert len(log.lines()) == 1


class Load:
    """Clients that call one process until it refuses connections, and the other one from then on."""

    def __init__(self, client: Callable, ports: tuple[int, int], count: int):
        self.ports, self.stop = ports, threading.Event()
        #: Answers by port, and everything that was not one.
        self.answered = dict.fromkeys(ports, 0)
        self.failed: list[str] = []
        self.threads = [threading.Thread(target=self._run, args=(client, number), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, client: Callable, number: int) -> None:
        while not self.stop.is_set() and not self.failed:
            port = self.ports[1] if refuses_now(self.ports[0]) else self.ports[0]
            try:
                client(self, port, number)
            except ConnectionRefusedError:
                # Between asking and calling, the listener has closed: nothing was sent.
                continue
            except Exception as fault:
                self.failed.append(f"{type(fault).__name__}: {fault}")

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive(), "a client hangs"
        assert self.failed == []


def refuses_now(port):
    """Whether a listener is gone, as the kernel sees it without connecting."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def http1(load, port, number):
    """Keeps its connection as long as it may, then returns."""
    with Raw(port) as client:
        turn = 0
        while not load.stop.is_set():
            turn += 1
            body = f"{number}.{turn}"
            response = client.get(method="POST", body=body.encode())
            assert (response.status, response.text) == (200, body), response
            load.answered[port] += 1
            if response.get("connection") == "close":
                assert client.closed(5)
                return


def http2(load, port, number):
    """Keeps ten streams open as long as it may, then returns."""
    with Patient(port) as client:
        open_streams = set()
        while open_streams or not (client.leaving or load.stop.is_set()):
            while len(open_streams) < 10 and not client.leaving and not load.stop.is_set():
                open_streams.add(client.start())
            assert client.step(20), f"closed with {len(open_streams)} open streams, GOAWAY {client.last}"
            for sid in list(open_streams):
                stream = client.streams[sid]
                if client.leaving and sid > client.last:
                    # The server says that it has not looked at it; it would be called again elsewhere.
                    open_streams.remove(sid)
                elif stream.over:
                    assert stream.reset is None, f"stream {sid} was reset: {stream.reset}"
                    assert (stream.status, bytes(stream.data)) == (200, b"ok")
                    open_streams.remove(sid)
                    load.answered[port] += 1


@pytest.mark.parametrize("hops", ["one hop", "two hops in one process"])
@pytest.mark.parametrize("kind", ["Http1", "Http2"])
def test_no_request_fails_when_a_loaded_proxy_is_drained(mecha, backend, tmp_path, kind, hops):
    """Twice: the second drain meets the connections that came over from the first."""
    server = backend(echo_body if kind == "Http1" else answering())
    ports = [free_port() for _ in range(3)]

    def start(number):
        door = c.http_listener(ports[number], downstream=kind, **AccessLog(tmp_path, f"{number}.log").config)
        listeners, routers = [door], [c.router([c.to_cluster(upstream_protocol="Http1")])]
        clusters = [c.cluster(server.port)]
        if hops != "one hop":
            inner = free_port()
            listeners.append(c.http_listener(inner, router="inner", downstream=kind))
            routers = [c.router([c.to_cluster("inner")]), c.router([c.to_cluster(upstream_protocol="Http1")], "inner")]
            clusters.append(c.cluster(inner, name="inner"))
        return mecha(listeners=listeners, routers=routers, clusters=clusters)

    processes = [start(number) for number in range(3)]
    for number in range(2):
        here, there = ports[number : number + 2]
        load = Load(http1 if kind == "Http1" else http2, (here, there), 8)
        eventually(lambda: load.answered[here] > 300 or load.failed, "traffic flows")
        processes[number].signal(signal.SIGTERM)
        status, _ = ended(processes[number])
        assert status == 0
        eventually(lambda: load.answered[there] > 300 or load.failed, "traffic has moved")
        load.end()
        lines = AccessLog(tmp_path, f"{number}.log").lines()
        assert {line["response_code"] for line in lines} == {"200"}
        assert len(lines) >= load.answered[here]
