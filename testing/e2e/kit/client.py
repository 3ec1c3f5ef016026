"""An HTTP/1 client that sends whatever bytes a scenario wants, and reads responses with strict framing."""

import contextlib
import socket
import struct

from .message import Head, Header, Response


class Raw:
    """A connection to a loopback port."""

    def __init__(self, port: int, timeout: float = 10, receive_buffer: int | None = None):
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes | str) -> "Raw":
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def finish(self) -> None:
        """Closes the sending side."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError(f"the peer closed after {self.buffer[:300]!r}")
        self.buffer += data

    def until(self, mark: bytes) -> bytes:
        """What arrives up to and including `mark`."""
        while mark not in self.buffer:
            self._more()
        end = self.buffer.index(mark) + len(mark)
        found, self.buffer = self.buffer[:end], self.buffer[end:]
        return found

    def exactly(self, count: int) -> bytes:
        """So many bytes."""
        while len(self.buffer) < count:
            self._more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def rest(self) -> bytes:
        """What arrives until the peer closes; a reset counts as one."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self._more()
        found, self.buffer = self.buffer, b""
        return found

    def closed(self, seconds: float = 5) -> bool:
        """Whether the peer closes, without sending anything more, in time."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def quiet(self, seconds: float) -> bool:
        """Whether nothing arrives, not even an end, for that long."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer = self.socket.recv(1)
            return False
        except TimeoutError:
            return True

    def head(self) -> Head:
        """The next head, informational ones included."""
        return Head.parse(self.until(b"\r\n\r\n"))

    def response(self, method: str = "GET") -> Response:
        """The next response whole, with the informational ones before it."""
        interim = []
        while True:
            head = self.head()
            response = Response(head, interim=interim)
            if response.status == 101 or not 100 <= response.status < 200:
                break
            interim.append(head)
        self._body(response, method)
        return response

    def _body(self, response: Response, method: str) -> None:
        if method == "HEAD" or response.status in (101, 204, 304):
            return
        if response.get("transfer-encoding"):
            assert response.get("transfer-encoding") == "chunked" and response.get("content-length") is None, response.head
            self._chunked(response)
        elif (length := response.get("content-length")) is not None:
            response.body = self.exactly(int(length))
        else:
            response.body = self.rest()

    def _chunked(self, response: Response) -> None:
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            response.body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        while (line := self.until(b"\r\n")) != b"\r\n":
            name, value = line.decode("latin-1").rstrip("\r\n").split(":", 1)
            response.trailers.append((name, value.strip()))

    def get(self, target: str = "/", headers: list[Header] = (), method: str = "GET", body: bytes = b"", host: str = "test") -> Response:
        """Sends a request and reads its response; the connection stays open."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{length}\r\n".encode("latin-1") + body)
        return self.response(method)


def get(port: int, target: str = "/", headers: list[Header] = (), method: str = "GET", body: bytes = b"", host: str = "test", timeout: float = 10) -> Response:
    """One request on a connection of its own."""
    with Raw(port, timeout) as client:
        return client.get(target, headers, method, body, host)
