"""An HTTP/1 server that does exactly what a scenario says, well-behaved or not, and remembers what it was sent.

A scenario gives a handler: `async def handler(request, connection)`. It runs on an event loop in a thread of its own;
what it records can be read from the scenario's thread at any time.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

from .message import Head, Header
from .wait import eventually

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, name="backends", daemon=True).start()


def on_loop(work: Awaitable, seconds: float = 10):
    """Runs something on the backends' loop and returns what it returns."""
    return asyncio.run_coroutine_threadsafe(work, _loop).result(seconds)


class Gate:
    """Holds handlers until the scenario opens it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def passed(self) -> None:
        await self._event.wait()

    def open(self) -> None:
        _loop.call_soon_threadsafe(self._event.set)


class Request(Head):
    """A request as it arrived; its body is read by the handler, or thrown away after it."""

    connection: "Connection"
    trailers: list[Header]
    #: Body bytes read so far.
    received: int
    #: Whether the body was read to its end.
    complete: bool

    @classmethod
    def received_on(cls, raw: bytes, connection: "Connection") -> "Request":
        self = cls.parse(raw)
        self.connection, self.trailers, self.received, self.complete = connection, [], 0, False
        return self

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        reader = self.connection.reader
        if (self.get("transfer-encoding") or "").lower() == "chunked":
            async for piece in self._chunks(reader):
                yield piece
        else:
            left = int(self.get("content-length", "0"))
            while left:
                piece = await reader.read(min(left, 1 << 18))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(piece)
                self.received += len(piece)
                yield piece
        self.complete = True

    async def _chunks(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            piece = await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n", "a chunk does not end in CRLF"
            self.received += size
            yield piece
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            name, value = line.decode("latin-1").rstrip("\r\n").split(":", 1)
            self.trailers.append((name, value.strip()))

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def drain(self) -> None:
        """Reads what is left of the body and throws it away."""
        if not self.complete:
            async for _ in self.pieces():
                pass


class Connection:
    """One accepted connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.requests = 0

    async def send(self, data: bytes) -> None:
        """Writes bytes as they are, and waits while the peer does not take them."""
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, status: int = 200, body: bytes | str = b"", headers: list[Header] = (), reason: str = "OK") -> None:
        """Writes a whole response with Content-Length."""
        data = body.encode() if isinstance(body, str) else body
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        await self.send(f"HTTP/1.1 {status} {reason}\r\n{lines}Content-Length: {len(data)}\r\n\r\n".encode("latin-1") + data)

    def reset(self) -> None:
        """Ends the connection by RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        """Ends the connection by FIN."""
        self.writer.close()

    @property
    def closing(self) -> bool:
        return self.writer.is_closing()

    async def gone(self) -> None:
        """Returns when the peer has closed or reset its side."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(1 << 16):
                pass


Handler = Callable[[Request, Connection], Awaitable[None]]


class Backend:
    """A listening server. `port=0` takes a free port; `path` makes it a Unix socket."""

    def __init__(self, handler: Handler | None = None, port: int = 0, path: str | None = None):
        self.handler = handler or echo_head
        #: Heads, in order of arrival.
        self.requests: list[Request] = []
        #: Connections accepted so far.
        self.accepted = 0
        #: Connections that are open now.
        self.connections: list[Connection] = []
        #: What went wrong in a handler; reported at the end of the scenario.
        self.faults: list[BaseException] = []
        on_loop(self._listen(port, path))

    async def _listen(self, port: int, path: str | None) -> None:
        if path:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=1 << 20)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=1 << 20, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self.accepted += 1
        self.connections.append(connection)
        try:
            while not connection.closing:
                raw = await reader.readuntil(b"\r\n\r\n")
                request = Request.received_on(raw, connection)
                connection.requests += 1
                self.requests.append(request)
                await self.handler(request, connection)
                if connection.closing:
                    break
                await request.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            self.connections.remove(connection)
            writer.close()

    def close_idle(self) -> None:
        """Closes every open connection from this side."""

        async def close() -> None:
            for connection in list(self.connections):
                connection.close()

        on_loop(close())

    def wait_requests(self, count: int) -> list[Request]:
        """Waits until so many requests have arrived."""
        eventually(lambda: len(self.requests) >= count, f"{count} requests at the backend (there are {len(self.requests)})")
        return self.requests

    def stop(self) -> None:
        """Stops listening and ends every connection."""

        async def stop() -> None:
            self._server.close()
            for connection in list(self.connections):
                connection.writer.transport.abort()

        on_loop(stop())
        assert not self.faults, f"a backend's handler failed: {self.faults!r}"


async def echo_head(request: Request, connection: Connection) -> None:
    """Answers with the exact bytes of the head."""
    await request.drain()
    await connection.respond(body=request.raw, headers=[("Content-Type", "application/octet-stream")])


async def echo_body(request: Request, connection: Connection) -> None:
    """Answers with the body, whole."""
    await connection.respond(body=await request.read())


def answering(body: str | bytes = "ok", status: int = 200, headers: list[Header] = ()) -> Handler:
    """A handler that always gives this answer."""

    async def handler(request: Request, connection: Connection) -> None:
        await request.drain()
        await connection.respond(status, body, headers)

    return handler


def sending(*pieces: bytes, close: bool = False) -> Handler:
    """A handler that answers with these bytes."""

    async def handler(request: Request, connection: Connection) -> None:
        await request.drain()
        for piece in pieces:
            await connection.send(piece)
        if close:
            connection.close()

    return handler


async def silent(request: Request, connection: Connection) -> None:
    """Never answers."""
    await request.drain()
    await connection.gone()
