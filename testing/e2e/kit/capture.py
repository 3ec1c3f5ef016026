"""A relay between a client and a server that keeps what each of them sent: for reading what real peers put on the wire."""

import socket
import threading
from typing import Self

from .ports import free_port


class Conversation:
    """One connection through the relay."""

    def __init__(self) -> None:
        #: Every byte that the client, and the server, has sent so far.
        self.asked, self.answered = bytearray(), bytearray()


def end(opened: socket.socket) -> None:
    """Ends a connection in both directions, whether or not the other side has already."""
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Relay:
    """Listens on `port`, connects every client on to `upstream`, and passes everything on as it comes.

    Use it by `with Relay(port) as relay`; what was said is in `relay.conversations`, in the order of the connections.
    """

    def __init__(self, upstream: int):
        self.upstream, self.port = upstream, free_port()
        self.conversations: list[Conversation] = []
        self.sockets: list[socket.socket] = []
        self.threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # `shutdown` wakes a thread that waits in `accept` or `recv`; `close` would not.
        for opened in (self.listener, *self.sockets):
            end(opened)
            opened.close()
        for thread in self.threads:
            thread.join(5)

    def cut(self, conversation: int) -> None:
        """Ends both connections of one conversation, the oldest being 0."""
        for opened in self.sockets[2 * conversation : 2 * conversation + 2]:
            end(opened)

    def _run(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.upstream))
            self.sockets += [client, server]
            said = Conversation()
            self.conversations.append(said)
            self._run(self._pass_on, client, server, said.asked)
            self._run(self._pass_on, server, client, said.answered)

    def _pass_on(self, source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        try:
            while data := source.recv(65536):
                kept += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
