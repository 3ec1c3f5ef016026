"""A Dubbo provider of the scenario's own, for what a real one would not do: it watches how its connections are used, answers
late, or is deaf."""

import contextlib
import select
import socket
import struct
import threading
import time
from typing import Self

from .dubbo import Frame, frames

#: The body of a response that says null.
NULL = b"\x92"


class Connection:
    """A connection that somebody made to the host."""

    def __init__(self, peer: socket.socket):
        self.socket = peer
        #: Frames that came, events included.
        self.frames: list[Frame] = []
        #: Whether a call came while another one was not answered.
        self.crowded = False
        self.closed = False

    @property
    def heartbeats(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.event]


class Host:
    """Answers every call with null, one after the other; used by `with Host() as host`."""

    def __init__(self, pause: float = 0, deaf: bool = False):
        """`pause`: seconds before an answer, in which nothing else is read. `deaf`: it reads and says nothing."""
        self.pause, self.deaf = pause, deaf
        self.connections: list[Connection] = []

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for opened in (self.listener, *(connection.socket for connection in self.connections)):
            # `shutdown` wakes a thread that waits in `accept` or `recv`.
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    @property
    def open(self) -> list[Connection]:
        """The connections that are still there."""
        return [connection for connection in self.connections if not connection.closed]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = Connection(self.listener.accept()[0])
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        data = b""
        with contextlib.suppress(OSError):
            while piece := connection.socket.recv(1 << 16):
                data += piece
                found = frames(data)
                connection.crowded |= sum(not frame.event for frame in found) > 1
                for frame in found:
                    data = data[len(frame.raw) :]
                    self._answer(connection, frame)
        connection.closed = True

    def _answer(self, connection: Connection, frame: Frame) -> None:
        connection.frames.append(frame)
        if self.deaf:
            return
        if frame.event:
            connection.socket.sendall(struct.pack(">HBBQI", 0xDABB, 0x22, 20, frame.id, 1) + b"N")
            return
        time.sleep(self.pause)
        connection.crowded |= bool(select.select([connection.socket], [], [], 0)[0])
        connection.socket.sendall(struct.pack(">HBBQI", 0xDABB, 0x02, 20, frame.id, len(NULL)) + NULL)
