"""From publishing to the application: a subscriber that notes when each message came, beside a publisher at a fixed rate."""

import http.client
import json
import socket
import socketserver
import threading
import time

from proxylib.fault import BenchError
from proxylib.load import quantile
from proxylib.process import Scope
from proxylib.tools import Tools

from . import stand

RATE = 1_000
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Subscriber(socketserver.ThreadingTCPServer):
    """Answers every POST at once and keeps the time that each message was under way."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection)
        self.times: list[float] = []


class Connection(socketserver.BaseRequestHandler):
    """One connection of the runtime."""

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while chunk := self.request.recv(65536):
            data += chunk
            while (end := data.find(b"\r\n\r\n")) >= 0:
                head = data[:end].lower()
                at = head.find(b"content-length:")
                length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                if len(data) < end + 4 + length:
                    break
                body, data = data[end + 4 : end + 4 + length], data[end + 4 + length :]
                came = time.time()
                self.request.sendall(ANSWER)
                if body:
                    self.server.times.append(came - json.loads(body)["data"]["sent"])


def measure(scope: Scope, tools: Tools, name: str, bus: str, seconds: int) -> dict:
    """Publishes at a fixed rate; the quantiles of the time from before the call to the application's handler."""
    subscriber = Subscriber()
    scope.stack.callback(subscriber.server_close)
    scope.stack.callback(subscriber.shutdown)
    threading.Thread(target=subscriber.serve_forever, daemon=True).start()
    files = [bus, stand.SUBSCRIPTION.format(pubsub="bus", topic="bench")]
    sidecar = stand.sidecar(scope, tools, f"delivery-{name}", files, (subscriber.server_address[1], "http"))
    connection = http.client.HTTPConnection("127.0.0.1", sidecar.http)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    before, began, sent = sidecar.cpu(), time.perf_counter(), 0
    while (now := time.perf_counter()) - began < seconds:
        due = began + sent / RATE
        if due > now:
            time.sleep(due - now)
        connection.request("POST", "/v1.0/publish/bus/bench", json.dumps({"sent": time.time()}), {"content-type": "application/json"})
        if connection.getresponse().read() or sent < 0:
            raise BenchError(f"publishing to {name} failed")
        sent += 1
    deadline = time.monotonic() + 10
    while len(subscriber.times) < sent and time.monotonic() < deadline:
        time.sleep(0.01)
    used = sidecar.cpu().since(before)
    times = sorted(subscriber.times)
    if len(times) < sent:
        raise BenchError(f"{name}: {sent} messages were published and {len(times)} delivered")
    return {"messages": sent, "p50_us": quantile(times, 0.5) * 1e6, "p99_us": quantile(times, 0.99) * 1e6, "cpu_us": used / 1e3 / sent, "rate": sent / seconds}
