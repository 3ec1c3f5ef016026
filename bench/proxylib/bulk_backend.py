"""The backend of the bulk measurement, a program of its own: bulk_backend.py PORT SIZE STALL_AFTER STALL_SECONDS.

GET /source answers SIZE zero bytes; PUT reads its whole body, pausing once on the way, and answers how much came; any other GET answers 200.
The pause is what makes the test mean something: a proxy that does not hold back its client would fill its memory meanwhile.
"""

import socketserver
import sys
import time

BLOCK = 1 << 20
HEAD_AT_MOST = 64 * 1024


class Exchange(socketserver.BaseRequestHandler):
    """One request on one connection, which then closes."""

    def handle(self) -> None:
        received = bytearray()
        while b"\r\n\r\n" not in received:
            data = self.request.recv(BLOCK)
            if not data or len(received) > HEAD_AT_MOST:
                return
            received += data
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        if head.startswith(b"PUT "):
            self.sink(head, len(body))
        elif head.startswith(b"GET /source "):
            self.source()
        else:
            self.answer(b"200 OK", b"ready")

    def sink(self, head: bytes, got: int) -> None:
        """Reads the body the Content-Length promises."""
        lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if len(lengths) != 1:
            self.answer(b"411 Length Required", b"")
            return
        expected, stalled, block = int(lengths[0]), False, bytearray(BLOCK)
        while got < expected:
            count = self.request.recv_into(block)
            if count == 0:
                return
            got += count
            if not stalled and got >= self.server.stall_after:
                stalled = True
                time.sleep(self.server.stall_seconds)
        self.answer(b"200 OK", str(got).encode())

    def source(self) -> None:
        """Writes zeros."""
        self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % self.server.size)
        left, block = self.server.size, memoryview(bytes(BLOCK))
        while left > 0:
            self.request.sendall(block[: min(BLOCK, left)])
            left -= BLOCK

    def answer(self, status: bytes, body: bytes) -> None:
        """A short response."""
        self.request.sendall(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(body), body))


class Backend(socketserver.ThreadingTCPServer):
    """Listens on a loopback port."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, size: int, stall_after: int, stall_seconds: float):
        super().__init__(("127.0.0.1", port), Exchange)
        self.size, self.stall_after, self.stall_seconds = size, stall_after, stall_seconds


if __name__ == "__main__":
    Backend(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])).serve_forever()
