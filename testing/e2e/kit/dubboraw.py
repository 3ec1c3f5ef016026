"""Dubbo by the frame: calls as the Java consumer writes them, sent under whatever number over a socket of the scenario."""

import socket
import struct
import time
from typing import Any, Self

from .capture import Relay
from .dubbo import Consumer, Frame, frames

#: Statuses of responses.
GOOD, CLIENT_TIMEOUT, BAD_REQUEST, NO_SERVICE, SERVICE_ERROR, EXHAUSTED = 20, 30, 40, 60, 70, 100
#: The event by which one side takes no more calls, as the body of a frame.
READ_ONLY = b"\x01R"


def at(port: int) -> dict[str, str]:
    """The flag that makes a call of a consumer go to a loopback port."""
    return {"url": f"dubbo://127.0.0.1:{port}"}


def recorded(port: int, consumer: Consumer, method: str, *args: Any, **more: Any) -> bytes:
    """The frame of a call, which goes to the provider on `port`."""
    with Relay(port) as relay:
        consumer.call(method, *args, **at(relay.port), **more)
        return next(frame.raw for frame in calls(bytes(relay.conversations[0].asked)))


def calls(data: bytes) -> list[Frame]:
    """The frames of calls, or of answers to them, that one side has sent."""
    return [frame for frame in frames(data) if not frame.event]


def without_number(frame: Frame) -> bytes:
    """A frame but for the number that each connection gives its own."""
    return frame.raw[:4] + frame.raw[12:]


class Wire:
    """A connection whose frames the scenario writes itself: `with Wire(port) as wire`."""

    def __init__(self, port: int, timeout: float = 10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, frame: bytes, number: int = 1) -> Self:
        """Sends a frame under this number."""
        return self.bytes(frame[:4] + struct.pack(">Q", number) + frame[12:])

    def bytes(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def frame(self) -> Frame:
        """The next frame, events included."""
        while not (found := frames(self.data)):
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise EOFError(f"closed after {self.data!r}")
            self.data += piece
        self.data = self.data[len(found[0].raw) :]
        return found[0]

    def answer(self) -> Frame:
        """The next frame that is no event."""
        while (frame := self.frame()).event:
            pass
        return frame

    def call(self, frame: bytes, number: int = 1) -> tuple[Frame, float]:
        """The answer to a call, and the seconds that it took."""
        begun = time.monotonic()
        answer = self.send(frame, number).answer()
        assert answer.id == number, answer
        return answer, time.monotonic() - begun

    def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for that long."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.data += self.socket.recv(1 << 16)
            return False
        except TimeoutError:
            return not self.data
        finally:
            self.socket.settimeout(before)

    def rest(self) -> bytes:
        """What comes until the other side closes; a reset counts as that. Raises `TimeoutError` when it does not."""
        try:
            while piece := self.socket.recv(1 << 16):
                self.data += piece
        except ConnectionError:
            pass
        return self.data
