"""HTTP/2 with every frame in the scenario's hands: a client that may misbehave, and a server that records.

The protocol's state is kept by the `h2` package of PyPI; nothing here is shared with the process under test.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events as ev
import h2.exceptions

from .message import Header
from .wait import eventually


@dataclass
class Stream:
    """What one stream has received."""

    headers: dict[str, str] = field(default_factory=dict)
    fields: list[Header] = field(default_factory=list)
    interim: list[dict[str, str]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    trailers: dict[str, str] | None = None
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Peer:
    """One end of a connection."""

    def __init__(self, sock: socket.socket, client: bool, window: int | None = None):
        self.socket = sock
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=client, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self.streams: dict[int, Stream] = {}
        self.goaway: ev.ConnectionTerminated | None = None
        self.pings = 0
        #: Whether received bytes are acknowledged at once, so that the other side may send more.
        self.credit = True
        self.closed = False
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.flush()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Sends what the protocol state wants sent."""
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def headers(self, sid: int, fields: list[Header], end: bool = False) -> None:
        self.h2.send_headers(sid, fields, end_stream=end)
        self.flush()

    def data(self, sid: int, data: bytes, end: bool = False) -> None:
        """Sends data, waiting for the other side's window as long as it takes."""
        view = memoryview(data)
        while view:
            size = min(self.h2.local_flow_control_window(sid), self.h2.max_outbound_frame_size, len(view))
            if size <= 0:
                assert self.step(), "closed while waiting for a window"
                continue
            self.h2.send_data(sid, bytes(view[:size]))
            view = view[size:]
            self.flush()
        if end:
            self.h2.end_stream(sid)
            self.flush()

    def trailers(self, sid: int, fields: list[Header]) -> None:
        self.headers(sid, fields, end=True)

    def reset(self, sid: int, code: int = 8) -> None:
        self.h2.reset_stream(sid, code)
        self.flush()

    def step(self, seconds: float = 10) -> list[ev.Event]:
        """Reads once. Returns the events, or nothing when the other side has closed."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return []
        events = self.h2.receive_data(data)
        for event in events:
            self._take(event)
        with contextlib.suppress(OSError):
            self.flush()
        return events or [ev.Event()]

    def _take(self, event: ev.Event) -> None:
        sid = getattr(event, "stream_id", None)
        stream = self.streams.setdefault(sid, Stream()) if sid else Stream()
        match event:
            case ev.RequestReceived() | ev.ResponseReceived():
                stream.fields, stream.headers = list(event.headers), dict(event.headers)
            case ev.InformationalResponseReceived():
                stream.interim.append(dict(event.headers))
            case ev.DataReceived():
                stream.data += event.data
                if self.credit and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, sid)
            case ev.TrailersReceived():
                stream.trailers = dict(event.headers)
            case ev.StreamEnded():
                stream.ended = True
            case ev.StreamReset():
                stream.reset = event.error_code
            case ev.ConnectionTerminated():
                self.goaway = event
            case ev.PingAckReceived():
                self.pings += 1

    def until(self, done: Callable[[], object], what: str = "", seconds: float = 10) -> None:
        """Reads until something holds."""
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s: {what} ({self.streams}, {self.goaway})"
            try:
                got = self.step(left)
            except TimeoutError:
                got = [None]
            assert got or done(), f"the peer closed before: {what} ({self.streams}, {self.goaway})"


class Client(Peer):
    """A client of a loopback port, cleartext with prior knowledge."""

    def __init__(self, port: int, window: int | None = None):
        super().__init__(socket.create_connection(("127.0.0.1", port), 10), client=True, window=window)

    def start(self, path: str = "/", method: str = "GET", headers: list[Header] = (), end: bool = True, authority: str = "test") -> int:
        """Sends a request head and returns its stream's number."""
        sid = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path), *headers]
        self.streams[sid] = Stream()
        self.headers(sid, fields, end)
        return sid

    def finish(self, sid: int, seconds: float = 10) -> Stream:
        """Reads until the stream is over."""
        stream = self.streams[sid]
        self.until(lambda: stream.over, f"the end of stream {sid}", seconds)
        return stream

    def get(self, path: str = "/", **more) -> Stream:
        return self.finish(self.start(path, **more))

    def post(self, body: bytes, path: str = "/", headers: list[Header] = ()) -> Stream:
        sid = self.start(path, "POST", headers, end=False)
        self.data(sid, body, end=True)
        return self.finish(sid)

    def read_to_close(self, seconds: float = 10) -> None:
        """Reads until the server has closed the connection."""
        deadline = time.monotonic() + seconds
        while not self.closed:
            left = deadline - time.monotonic()
            assert left > 0, f"the server did not close within {seconds} s; GOAWAY: {self.goaway}"
            with contextlib.suppress(TimeoutError, h2.exceptions.ProtocolError):
                self.step(left)


class Exchange:
    """A request on the server's side: what it has received, and the means to answer."""

    def __init__(self, peer: Peer, sid: int):
        self.peer, self.sid, self.received = peer, sid, peer.streams[sid]

    def respond(self, status: int = 200, body: bytes = b"", headers: list[Header] = (), trailers: list[Header] = ()) -> None:
        self.peer.headers(self.sid, [(":status", str(status)), *headers], end=not body and not trailers)
        if body:
            self.peer.data(self.sid, body, end=not trailers)
        if trailers:
            self.peer.trailers(self.sid, trailers)

    @property
    def path(self) -> str:
        return self.received.headers[":path"]


class H2Backend:
    """A server; a thread per connection. `on_end` is called when a request is complete, `on_head` when it begins."""

    def __init__(self, on_end: Callable[[Exchange], None] | None = None, on_head: Callable[[Exchange], None] | None = None):
        self.on_end = on_end if on_end or on_head else (lambda exchange: exchange.respond(body=b"ok"))
        self.on_head = on_head
        self.peers: list[Peer] = []
        self.requests: list[Exchange] = []
        self.faults: list[BaseException] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.socket.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        peer = Peer(sock, client=False)
        self.peers.append(peer)
        try:
            while events := peer.step(60):
                for event in events:
                    self._dispatch(peer, event)
        except OSError:
            peer.closed = True
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            sock.close()

    def _dispatch(self, peer: Peer, event: ev.Event) -> None:
        if isinstance(event, ev.RequestReceived):
            exchange = Exchange(peer, event.stream_id)
            self.requests.append(exchange)
            if self.on_head:
                self.on_head(exchange)
        elif isinstance(event, ev.StreamEnded) and self.on_end:
            self.on_end(next(one for one in self.requests if one.peer is peer and one.sid == event.stream_id))

    def wait_requests(self, count: int) -> list[Exchange]:
        """Waits until so many requests have begun."""
        eventually(lambda: len(self.requests) >= count, f"{count} requests at the backend")
        return self.requests

    def stop(self) -> None:
        self.socket.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        assert not self.faults, f"a backend's handler failed: {self.faults!r}"
