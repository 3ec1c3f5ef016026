"""SOFA Bolt by the frame: calls that a scenario writes itself, and a server that answers as the scenario says."""

import itertools
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any, Self

from .bolt import Frame, frames
from .ports import free_port
from .wait import eventually

#: Statuses of responses.
GOOD, SERVER_EXCEPTION, UNKNOWN, BUSY, NO_PROCESSOR, TIMEOUT = 0, 2, 3, 4, 6, 7
#: Kinds and commands of frames.
RESPONSE, REQUEST, ONE_WAY = 0, 1, 2
HEARTBEAT, GO_AWAY = 0, 100
SERVICE = "mecha.peers.Orders"


def block(headers: dict[str, str]) -> bytes:
    """The header block of a frame."""
    parts = [part.encode() for pair in headers.items() for part in pair]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def headers(frame: Frame) -> dict[str, str]:
    """What the header block of a frame holds."""
    parts, rest = [], frame.header
    while rest:
        (length,) = struct.unpack_from(">I", rest)
        parts.append(rest[4 : 4 + length].decode())
        rest = rest[4 + length :]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def build(
    kind: int, command: int, number: int, word: int, header: bytes = b"", content: bytes = b"", protocol: int = 1, crc: bool = False, class_name: bytes = b""
) -> bytes:
    """A frame; `word` is the timeout of a request, the status of a response."""
    second = protocol == 2
    head = bytes([protocol, 2 if crc else 1]) if second else bytes([protocol])
    head += struct.pack(">BHBIB", kind, command, 1, number, 1) + (bytes([crc]) if second else b"")
    form = ">hHHI" if kind == RESPONSE else ">iHHI"
    frame = head + struct.pack(form, word, len(class_name), len(header), len(content)) + class_name + header + content
    return frame + struct.pack(">I", zlib.crc32(frame)) if crc else frame


def call(
    number: int = 1,
    service: str | None = f"{SERVICE}:1.0",
    method: str = "list",
    content: bytes = b"content",
    timeout: int = 5000,
    kind: int = REQUEST,
    more: dict[str, str] | None = None,
    **form: Any,
) -> bytes:
    """A call as SOFARPC's Java clients write it; `more` are further headers."""
    told = {"sofa_head_target_service": service, "sofa_head_method_name": method} if service else {}
    return build(kind, 1, number, timeout, block(told | (more or {})), content, class_name=b"a.Request", **form)


def answer(to: Frame, status: int = GOOD, content: bytes | None = None, more: dict[str, str] | None = None) -> bytes:
    """A response; without other content that of the request comes back."""
    header = block(more or {})
    return build(RESPONSE, 2, to.id, status, header, to.content if content is None else content, to.protocol, to.crc is not None, b"an.Answer")


def heartbeat(number: int = 1, protocol: int = 1) -> bytes:
    return build(REQUEST, HEARTBEAT, number, 3000, protocol=protocol)


def alike(frame: Frame) -> bytes:
    """A frame but for the number that each connection gives its own, and for the checksum over it, which must be right."""
    assert frame.crc is None or frame.crc == zlib.crc32(frame.raw[:-4]), frame
    at = 5 if frame.protocol == 1 else 6
    return frame.raw[:at] + frame.raw[at + 4 : None if frame.crc is None else -4]


def calls(data: bytes | bytearray) -> list[Frame]:
    """The frames of one side that are no heartbeats."""
    return [frame for frame in frames(bytes(data)) if frame.command != HEARTBEAT]


class Wire:
    """A connection whose frames the scenario writes itself: `with Wire(port) as wire`."""

    def __init__(self, port: int, timeout: float = 10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *data: bytes) -> Self:
        self.socket.sendall(b"".join(data))
        return self

    def frame(self) -> Frame:
        """The next frame."""
        while (found := first(self.data)) is None:
            piece = self.socket.recv(1 << 18)
            if not piece:
                raise EOFError(f"closed after {self.data[:100]!r}")
            self.data += piece
        self.data = self.data[len(found.raw) :]
        return found

    def frames(self, count: int) -> list[Frame]:
        return [self.frame() for _ in range(count)]

    def call(self, *args: Any, **how: Any) -> Frame:
        """The answer to a call of this form; see `call`."""
        asked = call(*args, **how)
        self.send(asked)
        found = self.frame()
        assert (found.kind, found.id) == (RESPONSE, first(asked).id), found
        return found

    def rest(self) -> bytes:
        """What comes until the other side closes; a reset counts as that. Raises `TimeoutError` when it does not."""
        try:
            while piece := self.socket.recv(1 << 18):
                self.data += piece
        except ConnectionError:
            pass
        return self.data


def first(data: bytes) -> Frame | None:
    """The frame that these bytes begin with, once it is whole."""
    if len(data) < 2:
        return None
    after = 10 + 2 * (data[0] - 1)
    kind = data[data[0]]
    form = ">hHHI" if kind == RESPONSE else ">iHHI"
    end = after + struct.calcsize(form)
    if len(data) < end:
        return None
    crc = 4 if data[0] == 2 and data[1] == 2 and data[11] & 1 else 0
    length = end + sum(struct.unpack_from(form, data, after)[1:]) + crc
    return frames(data[:length])[0] if len(data) >= length else None


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What something returns, and the seconds that it took."""
    begun = time.monotonic()
    return work(), time.monotonic() - begun


class Link:
    """A connection to a `Stub`."""

    def __init__(self, peer: socket.socket):
        self.wire = Wire.__new__(Wire)
        self.wire.socket, self.wire.data = peer, b""
        #: Everything but heartbeats that came, in order; the heartbeats.
        self.calls: list[Frame] = []
        self.beats: list[Frame] = []
        self.open = True

    def send(self, data: bytes) -> None:
        try:
            self.wire.send(data)
        except OSError:
            self.open = False

    def close(self) -> None:
        # Wakes the thread that reads.
        try:
            self.wire.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Stub:
    """A server of Bolt. `handler(frame, link)` returns the bytes of the answer, or None; without one, what is asked comes
    back. Heartbeats are answered unless `deaf`."""

    def __init__(self, handler: Callable[[Frame, Link], bytes | None] | None = None, deaf: bool = False, port: int | None = None):
        self.handler, self.deaf, self.port = handler or (lambda frame, _: answer(frame)), deaf, port or free_port()
        self.links: list[Link] = []
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    @property
    def calls(self) -> list[Frame]:
        """Every call that came, over whichever connection."""
        return list(itertools.chain.from_iterable(link.calls for link in self.links))

    @property
    def open(self) -> list[Link]:
        return [link for link in self.links if link.open]

    def wait_calls(self, count: int) -> list[Frame]:
        """So many calls, once they came."""
        eventually(lambda: len(self.calls) >= count, f"{count} calls came")
        return self.calls

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            link.close()
        for thread in self.threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            link = Link(peer)
            self.links.append(link)
            self.threads.append(threading.Thread(target=self._serve, args=[link], daemon=True))
            self.threads[-1].start()

    def _serve(self, link: Link) -> None:
        try:
            while True:
                frame = link.wire.frame()
                if frame.command != HEARTBEAT:
                    link.calls.append(frame)
                    if reply := self.handler(frame, link):
                        link.send(reply)
                    continue
                link.beats.append(frame)
                if not self.deaf:
                    link.send(build(RESPONSE, HEARTBEAT, frame.id, GOOD, protocol=frame.protocol))
        except (EOFError, OSError):
            pass
        finally:
            link.open = False
            link.wire.socket.close()
