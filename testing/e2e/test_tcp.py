"""TCP proxying: bytes pass both ways, each direction ends by itself, and nothing waits for ever."""

import hashlib
import os
import socket
import subprocess
import threading

import pytest

from kit import config as c
from kit.client import Raw
from kit.deaf import deaf_port
from kit.ports import free_port
from kit.tools import program
from kit.wait import eventually

MIB = 1 << 20


class Lines:
    """A TCP server; each connection is served by `handler(socket)` in a thread of its own."""

    def __init__(self, handler, family=socket.AF_INET, address=("127.0.0.1", 0)):
        self.handler, self.accepted = handler, 0
        self.listener = socket.socket(family)
        self.listener.bind(address)
        self.listener.listen()
        self.port = self.listener.getsockname()[1] if family == socket.AF_INET else None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(20)
            self.handler(connection)

    def stop(self):
        # A blocked accept() is woken by this alone.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def server():
    started = []

    def start(handler, **where):
        started.append(Lines(handler, **where))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def tcp(mecha):
    """A TCP listener before a cluster: `process, port = tcp(host, ...)`."""

    def start(*hosts, options=None, cluster=None, listener=None):
        port = free_port()
        process = mecha(
            listeners=[c.tcp_listener(port, "backend", options, name="tcp", **(listener or {}))],
            clusters=[c.cluster(*hosts, **(cluster or {}))],
        )
        return process, port

    return start


def echo(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def named(name):
    """A handler that says its name and waits for the client to leave."""

    def handler(connection):
        connection.sendall(name.encode() + b"\n")
        connection.recv(1)

    return handler


def is_cut(port):
    """Whether a new connection is ended by a reset; that may be seen as early as by connecting."""
    try:
        with Raw(port) as client:
            client.socket.recv(1)
    except ConnectionResetError:
        return True
    return False


def until_closed(connection):
    """Everything that the peer sends before it ends its side."""
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


def test_bytes_pass_both_ways_untouched(tcp, server, aside):
    _, port = tcp(server(echo).port)
    sent = os.urandom(8 * MIB)
    with Raw(port) as client:
        aside(client.send, sent)
        assert hashlib.sha256(client.exactly(len(sent))).digest() == hashlib.sha256(sent).digest()


def test_the_server_may_speak_first(tcp, server):
    _, port = tcp(server(named("banner")).port)
    with Raw(port) as client:
        assert client.until(b"\n") == b"banner\n"


def test_a_client_that_ended_its_side_still_gets_the_answer(tcp, server):
    def answer_at_the_end(connection):
        got = until_closed(connection)
        connection.sendall(b"%d bytes" % len(got))

    _, port = tcp(server(answer_at_the_end).port)
    with Raw(port) as client:
        client.send(b"x" * 100_000).finish()
        assert client.rest() == b"100000 bytes"


def test_a_server_that_ended_its_side_still_gets_the_rest(tcp, server):
    received = []

    def end_first(connection):
        connection.sendall(b"done")
        connection.shutdown(socket.SHUT_WR)
        received.append(until_closed(connection))

    _, port = tcp(server(end_first).port)
    with Raw(port) as client:
        assert client.rest() == b"done"
        client.send(b"still listening?").finish()
        eventually(lambda: received, "the server has read to the end")
    assert received == [b"still listening?"]


def test_netcat_half_closes_through_it(tcp, server):
    def upper_at_the_end(connection):
        connection.sendall(until_closed(connection).upper())

    _, port = tcp(server(upper_at_the_end).port)
    done = subprocess.run([program("nc"), "-N", "-w", "10", "127.0.0.1", str(port)], input=b"whisper", capture_output=True, timeout=20)
    assert done.stdout == b"WHISPER"


def test_a_reset_is_passed_on_in_both_directions(tcp, server):
    seen = []

    def observe(connection):
        try:
            seen.append(connection.recv(1))
            seen.append(connection.recv(1))
        except ConnectionResetError:
            seen.append("reset")

    _, port = tcp(server(observe).port)
    client = Raw(port).send(b"x")
    eventually(lambda: seen, "the byte has arrived")
    client.reset()
    eventually(lambda: len(seen) == 2, "the server has seen an end")
    assert seen == [b"x", "reset"]


def test_a_reset_of_the_server_reaches_the_client(tcp, server):
    def slam(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    _, port = tcp(server(slam).port)
    with Raw(port) as client, pytest.raises(ConnectionResetError):
        client.send(b"x").socket.recv(1)


def test_an_idle_connection_is_closed_and_counted(tcp, server):
    gone = threading.Event()

    def observe(connection):
        until_closed(connection)
        gone.set()

    process, port = tcp(server(observe).port, options={"idle_timeout": 300_000_000})
    with Raw(port) as client:
        assert client.closed(10)
        assert gone.wait(10)
    eventually(lambda: process.downstream("idle_timeout_total") == 1, "the counter")


def test_traffic_in_one_direction_keeps_a_connection_alive(tcp, server):
    more = threading.Event()

    def drip(connection):
        # Longer than the limit altogether, never longer between two bytes.
        for _ in range(5):
            more.wait(0.3)
            connection.sendall(b".")

    _, port = tcp(server(drip).port, options={"idle_timeout": 1_000_000_000})
    with Raw(port) as client:
        assert client.rest() == b"....."


def test_bytes_and_connections_are_counted(tcp, server):
    def answer(connection):
        connection.sendall(b"y" * 3 * len(until_closed(connection)))

    process, port = tcp(server(answer).port)
    with Raw(port) as client:
        client.send(b"x" * 1000).finish()
        assert len(client.rest()) == 3000
    eventually(lambda: process.downstream("connection_active") == 0, "the connection has ended")
    assert process.downstream("bytes_read_total") == 1000
    assert process.downstream("bytes_write_total") == 3000
    assert process.metric("downstream_bytes_read_total", listener="tcp") == 1000
    assert process.upstream("connection_bytes_write") == 1000
    assert process.upstream("connection_bytes_read_total") == 3000
    assert process.upstream("connection_total") == 1
    assert (process.upstream("connection_active"), process.upstream("connection_close")) == (0, 1)


def test_counters_move_while_the_connection_lives(tcp, server):
    process, port = tcp(server(echo).port)
    with Raw(port) as client:
        client.send(b"12345").exactly(5)
        eventually(lambda: process.downstream("bytes_write_total") == 5, "five bytes back")
        assert (process.downstream("connection_active"), process.upstream("connection_active")) == (1, 1)


def route(cluster, source="127.0.0.0", length=8, to="80,1000-65535", sources="1-65535"):
    return {
        "Cluster": cluster,
        "SourceAddrs": [{"Address": source, "Length": length}],
        "DestinationAddrs": [{"Address": "127.0.0.1", "Length": 32}],
        "SourcePort": sources,
        "DestinationPort": to,
    }


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([route("a", source="10.0.0.0"), route("b")], "b"),
        ([route("a"), route("b")], "a"),
        ([route("a", to="80"), route("b", to="1000-65535")], "b"),
        ([route("a", sources="1"), route("b")], "b"),
        ([route("a") | {"SourceAddrs": []}, route("b")], "b"),
        ([route("a", source="10.0.0.0")], None),
    ],
    ids=["source", "first", "port", "source-port", "empty-list", "none"],
)
def test_routes_choose_by_address_and_port(mecha, server, routes, expected):
    port = free_port()
    hosts = {name: server(named(name)).port for name in "ab"}
    mecha(
        listeners=[c.tcp_listener(port, options={"routes": routes})],
        clusters=[c.cluster(at, name=name) for name, at in hosts.items()],
    )
    if expected is None:
        assert is_cut(port)
        return
    with Raw(port) as client:
        assert client.until(b"\n") == f"{expected}\n".encode()


def test_a_cluster_beside_routes_wins(mecha, server):
    port = free_port()
    a, b = server(named("a")), server(named("b"))
    mecha(listeners=[c.tcp_listener(port, "b", {"routes": [route("a")]})], clusters=[c.cluster(a.port, name="a"), c.cluster(b.port, name="b")])
    with Raw(port) as client:
        assert client.until(b"\n") == b"b\n"


def test_a_dead_host_is_passed_over(tcp, server):
    process, port = tcp(free_port(), server(named("alive")).port)
    for _ in range(6):
        with Raw(port) as client:
            assert client.until(b"\n") == b"alive\n"
    assert process.upstream("connection_con_fail") >= 2


def test_a_host_that_does_not_answer_is_passed_over(tcp, server):
    with deaf_port() as deaf:
        process, port = tcp(deaf, server(named("alive")).port, cluster={"connect_timeout": "300ms"})
        for _ in range(2):
            with Raw(port) as client:
                assert client.until(b"\n") == b"alive\n"
        # The first turn is a random one, and passing over takes a turn too.
        assert process.upstream("connection_con_fail") in (1, 2)


def test_without_any_host_the_client_is_reset(tcp):
    process, port = tcp(free_port(), free_port(), options={"max_connect_attempts": 5})
    assert is_cut(port)
    # Each host once: more attempts than hosts make no sense.
    assert process.upstream("connection_con_fail") == 2


def test_the_attempts_are_limited(tcp, server):
    process, port = tcp(free_port(), free_port(), free_port(), options={"max_connect_attempts": 1})
    assert is_cut(port)
    assert process.upstream("connection_con_fail") == 1


def test_no_more_connections_than_the_breaker_allows(tcp, server):
    process, port = tcp(server(named("in")).port, cluster={"circuit_breakers": [{"max_connections": 1}]})
    with Raw(port) as first:
        assert first.until(b"\n") == b"in\n"
        assert is_cut(port)
        assert process.upstream("connection_overflow_total") == 1
    eventually(lambda: process.upstream("connection_active") == 0, "the place is free again")
    with Raw(port) as third:
        assert third.until(b"\n") == b"in\n"


def test_unix_sockets_on_both_sides(mecha, server, tmp_path):
    up, down = tmp_path / "up.sock", tmp_path / "down.sock"
    server(echo, family=socket.AF_UNIX, address=str(up))
    mecha(listeners=[c.tcp_listener(f"unix:{down}", "backend", name="unix")], clusters=[c.cluster(f"unix:{up}")])
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(down))
        client.sendall(b"through two files")
        client.shutdown(socket.SHUT_WR)
        assert until_closed(client) == b"through two files"


def test_a_connection_is_logged_when_it_ends(tcp, server, tmp_path):
    log = tmp_path / "access.log"
    format = "%protocol% %bytes_received% %bytes_sent% %upstream_cluster% %upstream_host% %response_flags%"
    host = server(lambda connection: connection.sendall(b"xyz" + until_closed(connection)))
    _, port = tcp(host.port, listener={"access_logs": [{"log_path": str(log), "log_format": format}]})
    with Raw(port) as client:
        client.send(b"ab").finish()
        assert client.rest() == b"xyzab"
    eventually(lambda: log.exists() and log.read_text(), "a line")
    assert log.read_text() == f"TCP 2 5 backend 127.0.0.1:{host.port} -\n"


def test_a_reader_that_stops_stops_the_sender(tcp, server):
    """Both ends of the chain of buffers are full long before everything is sent."""
    sent = [0]
    stuck = threading.Event()

    def flood(connection):
        connection.settimeout(1)
        try:
            while sent[0] < 256 * MIB:
                sent[0] += connection.send(bytes(MIB))
        except TimeoutError:
            stuck.set()

    process, port = tcp(server(flood).port)
    with Raw(port, receive_buffer=4096):
        assert stuck.wait(20)
    assert sent[0] < 64 * MIB
    assert process.resident_bytes() < 64 * MIB
