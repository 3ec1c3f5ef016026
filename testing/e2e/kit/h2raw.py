"""An HTTP/2 client that writes frames one by one and judges nothing: what no protocol library would send can be sent."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable

import hpack
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from .message import Header

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Error codes (RFC 9113 section 7).
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11


def frame(kind: int, flags: int, sid: int, body: bytes = b"", length: int | None = None) -> bytes:
    """Any frame; `length` overrides what its head says of the body."""
    size = len(body) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", sid) + body


class Frames:
    """A connection to a loopback port. Frames that came are kept in `frames`; SETTINGS and PING are acknowledged."""

    def __init__(self, port: int, greet: bool = True, settings: dict[int, int] | None = None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.frames: list[Frame] = []
        #: Decoded header blocks by stream, in order.
        self.blocks: dict[int, list[dict[str, str]]] = {}
        self.closed = False
        #: Whether frames that want an acknowledgement get one.
        self.polite = True
        self._buffer = b""
        if greet:
            self.send(PREFACE, SettingsFrame(0, settings=settings or {}))

    def __enter__(self) -> "Frames":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *frames: Frame | bytes) -> None:
        """Sends frames, or bytes, in one go."""
        self.socket.sendall(b"".join(one if isinstance(one, bytes) else one.serialize() for one in frames))

    def offer(self, data: bytes, seconds: float = 10) -> bool:
        """Sends bytes that the other side may refuse; false when it has closed instead of taking them all."""
        self.socket.settimeout(seconds)
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def block(self, fields: Iterable[Header]) -> bytes:
        """A header block; fields come as they are."""
        return self.encoder.encode(list(fields))

    def request(self, sid: int, method: str = "GET", path: str = "/", headers: Iterable[Header] = (), end: bool = True) -> HeadersFrame:
        """The head of a request."""
        fields = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path), *headers]
        return HeadersFrame(sid, self.block(fields), flags=["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"])

    def read(self, seconds: float = 10) -> Frame | None:
        """The next frame; nothing when the connection is over."""
        self.socket.settimeout(seconds)
        head = self._take(9)
        if head is None:
            return None
        got, length = Frame.parse_frame_header(memoryview(head))
        try:
            body = self._take(length)
        except TimeoutError:
            self._buffer = head + self._buffer
            raise
        if body is None:
            return None
        got.parse_body(memoryview(body))
        self.frames.append(got)
        if isinstance(got, HeadersFrame):
            self.blocks.setdefault(got.stream_id, []).append(dict(self.decoder.decode(got.data)))
        if self.polite and isinstance(got, SettingsFrame | PingFrame) and "ACK" not in got.flags:
            body = got.opaque_data if isinstance(got, PingFrame) else b""
            with contextlib.suppress(ConnectionError):
                self.send(frame(got.type, 1, 0, body))
        return got

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                self.closed = True
                return None
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def until(self, done: Callable[[], object], what: str, seconds: float = 10) -> None:
        """Reads frames until something holds."""
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s: {what} ({self.frames})"
            try:
                got = self.read(left)
            except TimeoutError:
                continue
            assert got is not None or done(), f"the peer closed before: {what} ({self.frames})"

    def to_close(self, seconds: float = 10) -> None:
        """Reads until the other side has closed."""
        self.until(lambda: self.closed, "the end of the connection", seconds)

    def ended(self) -> bool:
        """Whether the other side has said that it ends the connection, or has; does not wait for it."""
        with contextlib.suppress(TimeoutError):
            self.read(0.001)
        return bool(self.goaways) or self.closed

    def finish(self, sid: int, seconds: float = 10) -> dict[str, str]:
        """Reads until a stream has ended. Returns its first header block."""
        ends = (HeadersFrame, DataFrame, RstStreamFrame)
        over = lambda one: one.stream_id == sid and isinstance(one, ends) and (isinstance(one, RstStreamFrame) or "END_STREAM" in one.flags)
        self.until(lambda: any(map(over, self.frames)), f"the end of stream {sid}", seconds)
        return self.blocks.get(sid, [{}])[0]

    def finish_or_close(self, sid: int) -> dict[str, str]:
        """As `finish`, for when the connection may end instead."""
        with contextlib.suppress(AssertionError):
            self.finish(sid)
        return self.blocks.get(sid, [{}])[0]

    def data(self, sid: int) -> bytes:
        """The body of a stream so far."""
        return b"".join(one.data for one in self.of(DataFrame) if one.stream_id == sid)

    def of(self, kind: type) -> list:
        """The frames of one kind that came."""
        return [one for one in self.frames if isinstance(one, kind)]

    @property
    def goaways(self) -> list[GoAwayFrame]:
        return self.of(GoAwayFrame)

    def resets(self, sid: int) -> list[int]:
        """The codes with which a stream was reset."""
        return [one.error_code for one in self.of(RstStreamFrame) if one.stream_id == sid]

    def credit(self, sid: int, bytes_more: int) -> None:
        """Opens the windows of a stream and of the connection."""
        self.send(WindowUpdateFrame(0, window_increment=bytes_more), WindowUpdateFrame(sid, window_increment=bytes_more))
