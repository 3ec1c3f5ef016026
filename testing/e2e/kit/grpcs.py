"""A gRPC service without generated code: messages are bytes."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc

from .ports import free_port

#: Larger than any message sent here; grpcio's own default is 4 MiB for what it receives.
LIMITS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


class Echo(grpc.GenericRpcHandler):
    """`/e2e.Echo/*`: one method for each streaming shape, and some that fail."""

    def __init__(self) -> None:
        #: Set when a call was cancelled before its handler was done.
        self.cancelled = threading.Event()
        #: Calls that have begun.
        self.begun = threading.Semaphore(0)
        #: Seconds that the last call had left when it began.
        self.time_left: float | None = None

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        kinds = {
            "Unary": (grpc.unary_unary_rpc_method_handler, self.unary),
            "Server": (grpc.unary_stream_rpc_method_handler, self.server),
            "Client": (grpc.stream_unary_rpc_method_handler, self.client),
            "Both": (grpc.stream_stream_rpc_method_handler, self.both),
            "Fail": (grpc.unary_unary_rpc_method_handler, self.fail),
            "Hang": (grpc.unary_unary_rpc_method_handler, self.hang),
            "Meta": (grpc.unary_unary_rpc_method_handler, self.meta),
        }
        make, method = kinds.get(details.method.removeprefix("/e2e.Echo/"), (None, None))
        return make(method) if make else None

    def unary(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        return message

    def server(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        for number in range(int(message)):
            yield b"%d" % number

    def client(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return b",".join(messages)

    def both(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for message in messages:
            yield b"got " + message

    def fail(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata([("reason", "asked to"), ("detail-bin", b"\x00\xff")])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no: \u00fc 100%")

    def hang(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self.time_left = context.time_remaining()
        done = threading.Event()
        context.add_callback(lambda: (self.cancelled.set(), done.set()))
        self.begun.release()
        done.wait(30)
        return b"too late"

    def meta(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        context.send_initial_metadata([("first", "1")])
        context.set_trailing_metadata([("last", "9")])
        return repr(sorted((key, value) for key, value in context.invocation_metadata() if key.startswith("x-"))).encode()


@contextlib.contextmanager
def echo_server() -> Iterator[tuple[Echo, int]]:
    """The service on a loopback port."""
    service, port = Echo(), free_port()
    server = grpc.server(futures.ThreadPoolExecutor(16), [service], options=LIMITS)
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    try:
        yield service, port
    finally:
        server.stop(None).wait(5)


@contextlib.contextmanager
def channel(port: int) -> Iterator[grpc.Channel]:
    """A channel with a connection of its own; grpcio would share one between channels to the same address."""
    options = [*LIMITS, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as opened:
        yield opened


def method(opened: grpc.Channel, name: str):
    """A method of the service by its name; its shape goes with it."""
    path = f"/e2e.Echo/{name}"
    match name:
        case "Server":
            return opened.unary_stream(path)
        case "Client":
            return opened.stream_unary(path)
        case "Both":
            return opened.stream_stream(path)
    return opened.unary_unary(path)
