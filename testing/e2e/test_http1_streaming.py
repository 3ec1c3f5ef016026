"""Bodies stream: memory does not grow with them, and whoever does not read slows down whoever sends."""

import socket
import subprocess
import sys
import threading

import pytest

from kit.backend import Gate
from kit.client import Raw
from kit.ports import free_port
from kit.tools import curl
from kit.wait import eventually

MIB = 1 << 20
GIB = 1 << 30
#: What a gibibyte may add to resident memory.
GROWTH = 8 * MIB


class Growth:
    """How much resident memory grows, at its peak, while the block runs."""

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        # 5 sets the peak (VmHWM) back to what is resident now.
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")
        self.before = self._peak()
        return self

    def __exit__(self, *_):
        self.bytes = self._peak() - self.before

    def _peak(self) -> int:
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


async def counting(request, connection):
    """Answers with how many body bytes came."""
    async for _ in request.pieces():
        pass
    await connection.respond(body=str(request.received))


def sized(total: int):
    """A handler whose response body has so many bytes."""
    block = bytes(4 * MIB)

    async def handler(request, connection):
        await connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n".encode())
        for _ in range(total // len(block)):
            await connection.send(block)

    return handler


@pytest.mark.timeout(150)
def test_a_gibibyte_up_in_little_memory(proxy, backend, tmp_path):
    server = backend(counting)
    process, port = proxy(server.port)
    curl("-T", "-", f"http://127.0.0.1:{port}/warm", stdin=b"x" * MIB)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(GIB)
    with Growth(process) as growth:
        assert curl("-T", tmp_path / "large", f"http://127.0.0.1:{port}/", seconds=120) == str(GIB)
    assert growth.bytes < GROWTH
    assert server.requests[-1].get("content-length") == str(GIB)


@pytest.mark.timeout(150)
def test_a_gibibyte_down_in_little_memory(proxy, backend):
    process, port = proxy(backend(sized(GIB)).port)
    url = f"http://127.0.0.1:{port}/"
    with Growth(process) as growth:
        assert curl("-o", "/dev/null", "-w", "%{size_download}", url, seconds=120) == str(GIB)
    assert growth.bytes < GROWTH


def test_a_chunked_upload_stays_chunked_and_streams(proxy, backend):
    gate = Gate()

    async def handler(request, connection):
        pieces = request.pieces()
        first = await anext(pieces)
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(first), first))
        rest = b"".join([piece async for piece in pieces])
        await gate.passed()
        await connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest))

    server = backend(handler)
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert client.head().get("transfer-encoding") == "chunked"
        # The first bytes have come back before the rest was sent.
        assert client.until(b"first\r\n") == b"5\r\nfirst\r\n"
        client.send("4\r\nrest\r\n0\r\n\r\n")
        gate.open()
        assert client.until(b"0\r\n\r\n") == b"4\r\nrest\r\n0\r\n\r\n"


def test_a_small_body_leaves_with_its_head(proxy):
    """By one write, which is one segment: a system call less here, and one packet less for the host to take up."""
    body = b"a" * 1024
    with socket.create_server(("127.0.0.1", free_port())) as server:
        _, port = proxy(server.getsockname()[1])
        with Raw(port) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n" + body)
            upstream, _ = server.accept()
            with upstream:
                upstream.settimeout(10)
                said = b""
                while not said.endswith(body):
                    said += upstream.recv(65536)
                assert segments(upstream) == 1
                upstream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert client.head().start == "HTTP/1.1 204 No Content"


def segments(received: socket.socket) -> int:
    """How many with data a connection has received: `tcpi_data_segs_in` of Linux's `struct tcp_info`."""
    return int.from_bytes(received.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)[152:156], sys.byteorder)


def test_a_client_that_does_not_read_is_not_buffered_for(proxy, backend):
    process, port = proxy(backend(sized(512 * MIB)).port)
    with Growth(process) as growth:
        with Raw(port, receive_buffer=4096) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.head()
            read = stalled(process, "upstream_connection_bytes_read")
            # What went in is in the buffers of the kernel's sockets, a few MiB each, and nowhere else.
            assert read < 32 * MIB
    assert growth.bytes < GROWTH


def test_a_server_that_does_not_read_is_not_buffered_for(proxy, backend):
    gate = Gate()

    async def stubborn(request, connection):
        connection.writer.transport.pause_reading()
        await gate.passed()
        connection.reset()

    process, port = proxy(backend(stubborn).port)
    with Growth(process) as growth:
        with Raw(port) as client:
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {512 * MIB}\r\n\r\n")
            client.socket.settimeout(1)
            sent, block = 0, bytes(MIB)
            with pytest.raises(TimeoutError):
                while sent < 512 * MIB:
                    sent += client.socket.send(block)
            assert sent < 64 * MIB
            gate.open()
    assert growth.bytes < GROWTH


def stalled(process, name: str) -> float:
    """The value of a counter of bytes once it has stopped moving."""
    last = [-1.0, 0]

    def still() -> bool:
        now = process.upstream(name.removeprefix("upstream_"))
        last[1] = last[1] + 1 if now == last[0] else 0
        last[0] = now
        return last[1] >= 30 and now > 0

    eventually(still, "the transfer stands still")
    return last[0]


def test_many_bodies_at_once_do_not_mix(proxy, backend):
    async def echo(request, connection):
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        async for piece in request.pieces():
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await connection.send(b"0\r\n\r\n")

    _, port = proxy(backend(echo).port)
    command = ["curl", "-sS", "--max-time", "25", "-T", "-", f"http://127.0.0.1:{port}/"]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(8)]
    for number, process in enumerate(running):
        body = bytes([65 + number]) * 3_000_000
        assert process.communicate(body, timeout=30)[0] == body


def test_a_client_that_ends_its_half_is_taken_to_be_gone(proxy, backend):
    """As Envoy, nginx and MOSN do: nothing else tells a client that left from one that only stopped sending."""
    gone = threading.Event()

    async def handler(request, connection):
        await connection.reader.read(1)
        gone.set()

    server = backend(handler)
    _, port = proxy(server.port)
    with Raw(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_requests(1)
        client.socket.shutdown(socket.SHUT_WR)
        assert gone.wait(10)
