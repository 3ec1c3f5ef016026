"""What is no Bolt, half of it, too much of it, or never read: a clear end for who sent it, bounded memory, and nobody else
notices."""

import concurrent.futures
import socket
import struct
import zlib
from collections.abc import Callable, Iterator

import pytest
from kit import config as c
from kit.boltraw import GOOD, Stub, Wire, answer, block, build, call
from kit.mecha import Mecha
from kit.memory import Growth
from kit.ports import free_port
from kit.wait import eventually

#: `max_frame_size` of the listener.
LARGEST = 64 << 10


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    started = Stub()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def shared(shared_mecha: Callable[..., Mecha], server: Stub) -> tuple[Mecha, int]:
    port = free_port()
    listener = c.http_listener(port, downstream="bolt", extend={"bolt": {"max_frame_size": LARGEST}}, connection_idle_timeout="1s")
    return shared_mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(server.port)]), port


@pytest.fixture
def door(shared: tuple[Mecha, int]) -> Iterator[tuple[Mecha, int]]:
    """The process and its port, with a client that goes on beside the scenario, and nothing left after it."""
    process, port = shared
    with Wire(port) as other:
        assert other.call(1).timeout_or_status == GOOD
        yield shared
    with Wire(port) as other:
        assert other.call(2).timeout_or_status == GOOD
    eventually(lambda: process.downstream("connection_active") == 0, "every connection is gone")
    eventually(lambda: process.downstream("request_active") == process.upstream("request_active") == 0, "every request is gone")
    assert process.running


def put(at: int, form: str, value: int, frame: bytes) -> bytes:
    """A frame with another number at this place."""
    data = struct.pack(form, value)
    return frame[:at] + data + frame[at + len(data) :]


GOOD_CALL = call(77)
CHECKED = call(77, protocol=2, crc=True)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x03" + GOOD_CALL[1:],
        put(1, ">B", 9, GOOD_CALL),
        bytes(range(256)) * 4,
        b"\xff" * 4096,
        CHECKED[:-4] + struct.pack(">I", zlib.crc32(CHECKED[:-4]) ^ 1),
        CHECKED.replace(b"content", b"c0ntent"),
    ],
    ids=["first byte", "type", "ascending", "ones", "checksum", "content under a checksum"],
)
@pytest.mark.parametrize("after", [0, 3], ids=["at once", "after good calls"])
def test_garbage_ends_its_connection_alone(door: tuple[Mecha, int], sent: bytes, after: int) -> None:
    process, port = door
    errors = process.downstream("protocol_error")
    with Wire(port) as wire:
        for number in range(after):
            assert wire.call(number).timeout_or_status == GOOD
        wire.send(sent)
        assert wire.rest() == b""
    eventually(lambda: process.downstream("protocol_error") == errors + 1, "the error is counted")


@pytest.mark.parametrize("form", [{}, {"protocol": 2}, {"protocol": 2, "crc": True}])
@pytest.mark.parametrize("length", [LARGEST, 1 << 30, 0xFFFF_FFFF])
def test_a_frame_that_is_too_large_is_answered_before_it_came(door: tuple[Mecha, int], form: dict, length: int) -> None:
    """By its head alone, under its number; then the connection is closed, since the rest can't be passed over."""
    process, port = door
    frame = call(0x0102_0304, **form)
    at = 18 if form.get("protocol", 1) == 1 else 20
    with Growth(process) as growth, Wire(port) as wire:
        wire.send(put(at, ">I", length, frame))
        found = wire.frame()
        assert (found.id, found.kind, found.protocol) == (0x0102_0304, 0, form.get("protocol", 1))
        assert found.timeout_or_status != GOOD
        assert wire.rest() == b""
    assert growth.bytes < 4 << 20, growth.bytes


def test_as_large_as_may_be(door: tuple[Mecha, int]) -> None:
    _, port = door
    room = LARGEST - len(call(1, content=b""))
    with Wire(port) as wire:
        assert len(wire.call(1, content=bytes(room)).content) == room
        wire.send(call(2, content=bytes(room + 1)))
        found = wire.frame()
        assert (found.id, found.timeout_or_status != GOOD) == (2, True)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">I", 1 << 31) + b"name",
        struct.pack(">I", 5) + b"name",
        block({"name": "value"}) + struct.pack(">I", 4),
        block({"name": "value"})[:-1],
        b"\xff\xff\xff\xff" * 2 + block({"name": "value"}),
        b"\x00" * 4096,
        b"plain text of an application's own",
        block({"service": "a:" * 2000, "": "", "x" * 9000: "y"}),
    ],
    ids=["huge", "one over", "half a pair", "one short", "null", "empty pairs", "another format", "odd names"],
)
def test_a_header_block_is_the_applications_own(door: tuple[Mecha, int], server: Stub, header: bytes) -> None:
    """What can't be read as fields travels as it came, and no length in it is believed."""
    _, port = door
    with Wire(port) as wire:
        wire.send(build(1, 1, 5, 3000, header, b"content", class_name=b"a.Class"))
        found = wire.frame()
        assert (found.id, found.timeout_or_status, found.content) == (5, GOOD, b"content")
    assert header in [frame.header for frame in server.calls]


@pytest.mark.parametrize("cut", [1, 5, 21, 30, -1])
def test_half_a_frame_and_silence_ends_by_the_idle_timeout(door: tuple[Mecha, int], cut: int) -> None:
    process, port = door
    with Wire(port) as wire:
        assert wire.call(1).id == 1
        wire.send(GOOD_CALL[:cut])
        assert wire.rest() == b""
    with Wire(port) as wire:
        wire.send(GOOD_CALL[:cut])
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_frames_that_only_a_server_sends_are_passed_over(door: tuple[Mecha, int]) -> None:
    _, port = door
    with Wire(port) as wire:
        for kind, command in ((0, 2), (0, 0), (1, 100)):
            wire.send(build(kind, command, 9, 0))
        assert wire.call(3).timeout_or_status == GOOD


def test_a_thousand_calls_in_one_write(door: tuple[Mecha, int]) -> None:
    _, port = door
    with Wire(port) as wire:
        wire.send(*(call(number, content=b"%d" % number) for number in range(5000)))
        found = wire.frames(5000)
    assert [frame.content for frame in sorted(found, key=lambda frame: frame.id)] == [b"%d" % number for number in range(5000)]


def test_frames_in_pieces_of_any_size(door: tuple[Mecha, int]) -> None:
    _, port = door
    data = b"".join(call(number, content=bytes(number * 37 % 900), protocol=1 + number % 2) for number in range(1, 41))
    with Wire(port) as wire:
        for size in (1, 7, 64, 1000):
            for at in range(0, len(data), size):
                wire.send(data[at : at + size])
            assert sorted(frame.id for frame in wire.frames(40)) == list(range(1, 41))


def test_a_client_that_reads_nothing_is_not_listened_to(door: tuple[Mecha, int], server: Stub) -> None:
    """It waits, its server's answers are bounded, and who shares the upstream connection goes on."""
    process, port = door
    before = len(server.calls)
    with Growth(process) as growth, Wire(port) as deaf:
        deaf.socket.setblocking(False)
        sent, frame = 0, call(1, content=bytes(60_000))
        try:
            for _ in range(4000):
                sent += deaf.socket.send(frame * 4)
        except BlockingIOError:
            pass
        eventually(lambda: process.downstream("request_active") > 0 or len(server.calls) > before, "calls came")
        for number in range(20):
            with Wire(port) as other:
                assert other.call(number).timeout_or_status == GOOD
        assert sent < 100 << 20
    assert growth.bytes < 48 << 20, growth.bytes


def test_connections_that_are_cut_in_the_middle_of_a_frame(door: tuple[Mecha, int]) -> None:
    process, port = door

    def cut(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as peer:
            peer.sendall(GOOD_CALL + GOOD_CALL[: number % len(GOOD_CALL)])
            if number % 2:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(cut, range(200)))
        eventually(lambda: process.downstream("connection_active") <= 1, "they are gone", 20)
        with Growth(process) as growth:
            list(pool.map(cut, range(3000)))
            eventually(lambda: process.downstream("connection_active") <= 1, "they are gone", 20)
    assert growth.bytes < 16 << 20, growth.bytes


def test_a_server_that_sends_garbage_fails_its_calls_alone(proxy, stub: Callable[..., Stub]) -> None:
    """Of answers that nobody waits for, of garbage, and of too much: the client's connection lasts."""
    replies = iter([b"\xff" * 64, build(0, 2, 999_999, 0), None, None])

    def handler(frame, link):
        if frame.content != b"bad":
            return answer(frame)
        reply = next(replies)
        return put(16, ">I", 1 << 30, answer(frame)) if reply is None else reply + (answer(frame) if reply[:1] == b"\0" or reply[0] == 1 else b"")

    server = stub(handler)
    process, port = proxy(server.port, downstream="bolt")
    with Wire(port) as wire:
        assert wire.call(1, content=b"bad").timeout_or_status != GOOD
        assert wire.call(2).timeout_or_status == GOOD, "a new connection is made"
        assert wire.call(3, content=b"bad").timeout_or_status == GOOD, "the answer to nobody is passed over"
        with Growth(process) as growth:
            assert wire.call(4, content=b"bad").timeout_or_status != GOOD
        assert growth.bytes < 4 << 20
        assert wire.call(5).timeout_or_status == GOOD
    assert len(server.links) == 3


def test_an_answer_of_another_version_reaches_its_client(proxy, stub: Callable[..., Stub]) -> None:
    """As a Java server gives it to a connection that began with the other: it is passed on, for the client to judge."""
    server = stub(lambda frame, _: build(0, 2, frame.id, GOOD, content=b"other", protocol=3 - frame.protocol))
    _, port = proxy(server.port, downstream="bolt")
    with Wire(port) as wire:
        found = wire.call(1)
        assert (found.protocol, found.content) == (2, b"other")
