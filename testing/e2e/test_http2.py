"""HTTP/2 on both sides: streams side by side, windows that reach from end to end, endings that are passed on, and clients that flood."""

import signal
import socket
import threading

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from kit import config as c
from kit import h2raw as raw
from kit.backend import Gate, answering
from kit.backend import silent as silent_http1
from kit.h2peer import Client
from kit.h2raw import Frames, frame
from kit.memory import Growth
from kit.ports import free_port
from kit.tools import h2load, nghttpd
from kit.wait import eventually

MIB = 1 << 20


@pytest.fixture
def relay(proxy, h2backend):
    """HTTP/2 on both sides: `process, port, backend = relay(on_end=..., on_head=...)`."""

    def start(on_end=None, on_head=None, **more):
        server = h2backend(on_end, on_head)
        process, port = proxy(server.port, downstream="Http2", **more)
        return process, port, server

    return start


def never(exchange):
    """Does not answer."""


# --- streams


def test_streams_share_a_connection_and_end_in_any_order(relay):
    waiting, ended = [], []

    def on_end(exchange):
        waiting.append(exchange)
        if len(waiting) == 50:
            for one in reversed(waiting):
                one.respond(body=one.path.encode())

    _, port, server = relay(on_end, processor=1)
    with Client(port) as client:
        sids = [client.start(f"/{number}") for number in range(50)]
        client.until(lambda: ended.extend(sid for sid in sids if client.streams[sid].ended and sid not in ended) or len(ended) == 50, "50 answers")
        assert [client.streams[sid].data for sid in sids] == [f"/{number}".encode() for number in range(50)]
    assert len(server.peers) == 1
    assert [one.path for one in server.requests] == [f"/{number}" for number in range(50)]


def test_a_stream_that_is_not_read_does_not_hold_up_others(relay):
    big = 4 * MIB
    helpers = []

    def on_end(exchange):
        exchange.peer.credit = False
        if exchange.path == "/big":
            # Headers only; the body is sent as far as the window goes.
            exchange.peer.headers(exchange.sid, [(":status", "200")])
            helpers.append(exchange)
            window = exchange.peer.h2.local_flow_control_window(exchange.sid)
            while window > 0:
                step = min(window, exchange.peer.h2.max_outbound_frame_size)
                exchange.peer.h2.send_data(exchange.sid, bytes(step))
                exchange.peer.flush()
                window -= step
        else:
            exchange.respond(body=b"small")

    _, port, _ = relay(on_end, processor=1)
    with Client(port, window=1000) as client:
        client.credit = False
        stuck = client.start("/big")
        client.until(lambda: len(client.streams[stuck].data) == 1000, "as much as the window takes")
        for _ in range(20):
            assert client.get("/small").data == b"small"
        assert len(client.streams[stuck].data) == 1000
        assert big > 1000


def test_streams_past_the_limit_are_refused_and_say_so(relay):
    _, port, server = relay(never, listener={"extend": {"Http2": {"max_concurrent_streams": 3}}})
    with Frames(port) as client:
        client.until(lambda: client.of(SettingsFrame), "settings")
        # 3 is SETTINGS_MAX_CONCURRENT_STREAMS.
        assert client.of(SettingsFrame)[0].settings[3] == 3
        client.send(*[client.request(sid) for sid in (1, 3, 5, 7)])
        client.finish(7)
        assert client.resets(7) == [raw.REFUSED_STREAM]
        assert [client.resets(sid) for sid in (1, 3, 5)] == [[], [], []]
        server.wait_requests(3)
        client.send(RstStreamFrame(1, error_code=raw.CANCEL), client.request(9))
        server.wait_requests(4)
    assert len(server.requests) == 4


def test_more_streams_than_the_server_takes_wait_or_use_another_connection(relay):
    def on_end(exchange):
        exchange.respond(body=b"ok")

    _, port, server = relay(on_end, processor=1)
    with Client(port) as client:
        sids = [client.start() for _ in range(200)]
        assert [client.finish(sid).data for sid in sids] == [b"ok"] * 200
    assert len(server.requests) == 200
    assert 1 <= len(server.peers) <= 3


# --- windows


def test_a_client_that_does_not_read_stops_the_server(relay):
    sent = []
    total = 16 * MIB

    def on_end(exchange):
        peer = exchange.peer
        peer.headers(exchange.sid, [(":status", "200")])
        block = bytes(16384)
        while sum(sent) < total:
            peer.data(exchange.sid, block)
            sent.append(len(block))
        peer.data(exchange.sid, b"", end=True)

    process, port, _ = relay(on_end)
    with Growth(process) as growth, Client(port, window=50_000) as client:
        client.credit = False
        sid = client.start()
        stream = client.streams[sid]
        client.until(lambda: len(stream.data) == 50_000, "the window's worth")
        last = [-1, 0]

        def still():
            last[1] = last[1] + 1 if last[0] == len(sent) else 0
            last[0] = len(sent)
            return last[1] >= 30

        eventually(still, "the server stands still")
        assert sum(sent) < 2 * MIB
        assert len(stream.data) == 50_000
        # Reading on lets it all through.
        client.credit = True
        client.h2.acknowledge_received_data(50_000, sid)
        client.flush()
        assert len(client.finish(sid, 20).data) == total
    assert growth.bytes < 8 * MIB


def test_a_server_that_does_not_read_stops_the_client(relay):
    def on_head(exchange):
        exchange.peer.credit = False

    process, port, server = relay(on_head=on_head)
    body = bytes(16384)
    with Growth(process) as growth, Client(port) as client:
        sid = client.start(method="POST", end=False)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 32 * MIB:
                while client.h2.local_flow_control_window(sid) < len(body):
                    client.step(1)
                client.data(sid, body)
                sent += len(body)
        assert 100_000 < sent < 2 * MIB
        # The server's window is 64 KiB; a little more is granted by what was read together with the head.
        assert len(server.requests[0].received.data) < 200_000
    assert growth.bytes < 8 * MIB


def test_bodies_stream_both_ways_at_once(relay):
    def on_head(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "200")])
        exchange.peer.data(exchange.sid, b"before the request's body, ")

    def on_end(exchange):
        exchange.peer.data(exchange.sid, bytes(exchange.received.data), end=True)

    _, port, _ = relay(on_end, on_head)
    with Client(port) as client:
        sid = client.start(method="POST", end=False)
        client.until(lambda: client.streams[sid].data, "the first piece")
        client.data(sid, b"and ")
        client.data(sid, b"after", end=True)
        assert client.finish(sid).data == b"before the request's body, and after"


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 65_535, 65_536, 3 * MIB + 7])
def test_bodies_of_any_size_return_whole(relay, size):
    _, port, _ = relay(lambda exchange: exchange.respond(body=bytes(exchange.received.data)))
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    with Client(port) as client:
        assert client.post(body).data == body


def test_padding_does_not_use_up_the_windows(relay):
    _, port, server = relay(lambda exchange: exchange.respond(body=b"%d" % len(exchange.received.data)))
    with Frames(port, settings={4: 1 << 20}) as client:
        client.until(lambda: client.of(SettingsFrame), "settings")
        # 2 MiB, most of it padding; that is more than the windows hold.
        client.send(client.request(1, "POST", end=False))
        window = client.of(SettingsFrame)[0].settings[4]
        for _ in range(8000):
            client.send(DataFrame(1, b"x" * 10, pad_length=255, flags=["PADDED"]))
            window -= 266
            while window < 100_000:
                got = client.read()
                if isinstance(got, WindowUpdateFrame) and got.stream_id == 1:
                    window += got.window_increment
        client.send(DataFrame(1, b"", flags=["END_STREAM"]))
        client.finish(1)
        assert client.data(1) == b"80000"
    assert len(server.requests) == 1


# --- heads


def test_trailers_pass_both_ways(relay):
    def on_end(exchange):
        got = exchange.received.trailers
        exchange.respond(body=b"body", trailers=[("x-sum", "42"), ("x-got", got["x-in"])])

    _, port, _ = relay(on_end)
    with Client(port) as client:
        sid = client.start(method="POST", headers=[("te", "trailers")], end=False)
        client.data(sid, b"ab")
        client.trailers(sid, [("x-in", "7")])
        stream = client.finish(sid)
        assert (stream.data, stream.trailers) == (b"body", {"x-sum": "42", "x-got": "7"})


def test_trailers_without_a_body(relay):
    def on_end(exchange):
        assert exchange.received.trailers == {"x-in": "7"}
        exchange.respond(trailers=[("x-sum", "42")])

    _, port, _ = relay(on_end)
    with Client(port) as client:
        sid = client.start(method="POST", end=False)
        client.trailers(sid, [("x-in", "7")])
        stream = client.finish(sid)
        assert (stream.status, stream.data, stream.trailers) == (200, b"", {"x-sum": "42"})


def test_heads_pass_unchanged(relay):
    given = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-empty", ""), ("x-bytes", "h\xe9"), ("content-length", "0")]
    sent = [("x-a", "1"), ("x-b", " inner  space"), ("x-a", "2"), ("te", "trailers"), ("user-agent", "me"), ("x-long", "v" * 8000)]
    _, port, server = relay(lambda exchange: exchange.respond(headers=given))
    with Client(port) as client:
        stream = client.get("/p%20a?q=%7E", headers=sent[:1] + sent[2:], authority="some.example:81")
        assert [pair for pair in stream.fields if not pair[0].startswith(":")] == given
    head = server.requests[0].received
    assert (head.headers[":path"], head.headers[":authority"], head.headers[":method"], head.headers[":scheme"]) == ("/p%20a?q=%7E", "some.example:81", "GET", "http")
    for pair in [("x-a", "1"), ("x-a", "2"), ("te", "trailers"), ("user-agent", "me"), ("x-long", "v" * 8000)]:
        assert pair in head.fields
    assert "host" not in head.headers and "connection" not in head.headers


def test_informational_responses_pass(relay):
    def on_end(exchange):
        exchange.peer.headers(exchange.sid, [(":status", "103"), ("link", "</a>")])
        exchange.peer.headers(exchange.sid, [(":status", "103"), ("link", "</b>")])
        exchange.respond(body=b"ok")

    _, port, _ = relay(on_end)
    with Client(port) as client:
        stream = client.get()
        assert [one["link"] for one in stream.interim] == ["</a>", "</b>"]
        assert (stream.status, stream.data) == (200, b"ok")


def test_a_head_response_has_the_length_but_no_body(relay):
    _, port, _ = relay(lambda exchange: exchange.respond(headers=[("content-length", "1234")]))
    with Client(port) as client:
        stream = client.get(method="HEAD")
        assert (stream.headers["content-length"], stream.data, stream.ended) == ("1234", b"", True)


def test_crumbs_of_a_cookie_are_joined(relay):
    _, port, server = relay()
    with Client(port) as client:
        client.get(headers=[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")])
    assert [value for name, value in server.requests[0].received.fields if name == "cookie"] in (["a=1; b=2; c=3"], ["a=1", "b=2", "c=3"])


# --- endings


def test_the_connection_is_told_to_end_and_streams_finish_on_drain(relay):
    held = []
    process, port, _ = relay(held.append)
    with Frames(port) as client:
        client.send(client.request(1))
        eventually(lambda: held, "the request at the server")
        process.signal(signal.SIGTERM)
        client.until(lambda: client.goaways, "GOAWAY")
        # A request that had left before the client could know of the end is served as well.
        client.send(client.request(3))
        eventually(lambda: len(held) == 2, "the late request")
        for exchange in list(held):
            exchange.respond(body=b"done")
        for sid in (1, 3):
            assert client.finish(sid)[":status"] == "200"
            assert client.data(sid) == b"done"
        client.to_close()
        assert all(one.error_code == raw.NO_ERROR for one in client.goaways)
        assert client.goaways[-1].last_stream_id == 3
    assert process.wait() == 0


def test_an_idle_connection_is_told_to_end_on_drain(relay):
    process, port, _ = relay()
    with Client(port) as client:
        assert client.get().data == b"ok"
        process.signal(signal.SIGTERM)
        client.read_to_close()
        assert client.goaway.error_code == raw.NO_ERROR
    assert process.wait() == 0


def test_an_idle_connection_is_told_to_end_after_its_timeout(relay):
    process, port, _ = relay(listener={"connection_idle_timeout": "300ms"})
    with Client(port) as client:
        assert client.get().data == b"ok"
        client.read_to_close()
        assert client.goaway.error_code == raw.NO_ERROR
    assert process.downstream("idle_timeout") == 1


@pytest.mark.parametrize("code", [raw.CANCEL, raw.INTERNAL_ERROR, raw.ENHANCE_YOUR_CALM])
@pytest.mark.parametrize("phase", ["awaiting", "sending", "receiving"])
def test_a_client_that_resets_a_stream_resets_it_at_the_server(relay, code, phase):
    def on_head(exchange):
        if phase == "receiving":
            exchange.peer.headers(exchange.sid, [(":status", "200")])
            exchange.peer.data(exchange.sid, b"begin")

    process, port, server = relay(never, on_head)
    with Client(port) as client:
        sid = client.start(method="POST" if phase == "sending" else "GET", end=phase != "sending")
        if phase == "receiving":
            client.until(lambda: client.streams[sid].data, "the beginning of the answer")
        if phase == "sending":
            client.data(sid, b"beginning")
        received = server.wait_requests(1)[0].received
        client.reset(sid, code)
        eventually(lambda: received.reset is not None, "RST_STREAM at the server")
        assert received.reset == code
        # The connections live on.
        assert len(server.peers) == 1
        again = client.start()
        server.wait_requests(2)
        client.reset(again)
    eventually(lambda: process.upstream("request_active") == 0, "no request is left")


def test_a_client_that_goes_away_resets_its_streams_at_the_server(relay):
    process, port, server = relay(never)
    with Client(port) as client:
        for _ in range(5):
            client.start()
        requests = server.wait_requests(5)
    eventually(lambda: all(one.received.reset is not None for one in requests), "every stream is reset")
    assert {one.received.reset for one in requests} == {raw.CANCEL}
    eventually(lambda: process.downstream("request_active") == 0, "no request is left")


@pytest.mark.parametrize("code", [raw.INTERNAL_ERROR, raw.CANCEL, raw.ENHANCE_YOUR_CALM, 0xABCD])
def test_a_server_that_resets_a_response_resets_it_at_the_client(relay, code):
    def on_end(exchange):
        if exchange.path == "/fine":
            return exchange.respond(body=b"ok")
        exchange.peer.headers(exchange.sid, [(":status", "200")])
        exchange.peer.data(exchange.sid, b"begin")

    _, port, server = relay(on_end)
    with Client(port) as client:
        sid = client.start()
        stream = client.streams[sid]
        client.until(lambda: stream.data, "the beginning of the answer")
        begun = server.requests[0]
        begun.peer.reset(begun.sid, code)
        client.finish(sid)
        assert (stream.status, stream.data, stream.ended, stream.reset) == (200, b"begin", False, code)
        assert client.get("/fine").data == b"ok"


def test_a_server_that_resets_before_its_answer_is_a_bad_gateway(relay):
    process, port, _ = relay(lambda exchange: exchange.peer.reset(exchange.sid, raw.INTERNAL_ERROR))
    with Client(port) as client:
        assert client.get().status == 502
    assert process.upstream("request_remote_reset") == 1


def test_a_refused_stream_is_sent_again(relay):
    def on_end(exchange):
        if len(exchange_list()) == 1:
            return exchange.peer.reset(exchange.sid, raw.REFUSED_STREAM)
        return exchange.respond(body=bytes(exchange.received.data))

    exchange_list = lambda: server.requests
    _, port, server = relay(on_end)
    with Client(port) as client:
        assert client.post(b"once").data == b"once"
    assert len(server.requests) == 2


def test_a_server_that_goes_away_gets_no_new_streams(relay):
    held = []

    def on_end(exchange):
        if exchange.path == "/held":
            return held.append(exchange)
        return exchange.respond(body=b"ok")

    _, port, server = relay(on_end, processor=1)
    with Client(port) as client:
        first = client.start("/held")
        eventually(lambda: held, "the held request")
        peer = held[0].peer
        peer.raw(GoAwayFrame(0, last_stream_id=held[0].sid, error_code=0).serialize())
        # It is a matter of moments until that has been read; from then on another connection is used.
        eventually(lambda: client.get().data == b"ok" and len(server.peers) == 2, "a second connection")
        held[0].respond(body=b"held")
        assert client.finish(first).data == b"held"
        connections = {id(one.peer) for one in server.requests[-1:]}
        assert connections == {id(server.peers[1])}


def test_a_server_that_dies_is_found_again(relay):
    _, port, server = relay(processor=1)
    with Client(port) as client:
        for round_ in range(1, 4):
            assert client.get().data == b"ok"
            assert len(server.peers) == round_
            server.peers[-1].socket.shutdown(socket.SHUT_RDWR)
            eventually(lambda: server.peers[-1].closed, "the connection is over")


# --- servers that break the protocol


def scripted(answer: bytes):
    """A listening socket that greets in HTTP/2 and then sends these bytes to whoever has sent a request."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        try:
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                connection.sendall(SettingsFrame(0).serialize())
                seen = b""
                # HEADERS on stream 1, whose type stands in the fourth byte of its head.
                while b"\x01\x05\x00\x00\x00\x01" not in seen and b"\x01\x04\x00\x00\x00\x01" not in seen:
                    got = connection.recv(65536)
                    if not got:
                        break
                    seen += got
                connection.sendall(answer)
                threading.Thread(target=hold, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def hold(connection):
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


HOSTILE_ANSWERS = {
    "no frame": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no status": frame(1, 5, 1, b"\x00\x03x-a\x011"),
    "broken compression": frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
    "a frame that is too large": frame(0, 0, 1, b"", length=(1 << 24) - 1) + bytes(40_000),
    "data before the head": frame(0, 1, 1, b"early"),
    "push": PushPromiseFrame(1, promised_stream_id=2, data=b"\x82\x84\x86", flags=["END_HEADERS"]).serialize(),
    "a window that overflows": frame(8, 0, 0, b"\x7f\xff\xff\xff"),
    "the end": GoAwayFrame(0, last_stream_id=0, error_code=2).serialize(),
    "endless continuation": frame(1, 0, 1, b"\x88") + b"".join(frame(9, 0, 1, b"\x00\x01a" + b"\x7f\x81\x7e" + b"b" * 16_000) for _ in range(200)),
}


@pytest.mark.parametrize("what", HOSTILE_ANSWERS)
def test_a_server_that_breaks_the_protocol_is_an_error_of_the_gateway(proxy, what):
    listener = scripted(HOSTILE_ANSWERS[what])
    routes = [c.direct(204, when=c.match(path="/alive")), c.to_cluster()]
    process, port = proxy(listener.getsockname()[1], downstream="Http2", routes=routes)
    with Growth(process) as growth, Client(port) as client:
        assert client.get().status in (502, 503)
        # The client's own connection is not to blame.
        assert client.get("/alive").status == 204
        assert client.goaway is None
    assert growth.bytes < 8 * MIB
    listener.close()


def test_a_server_that_speaks_http_1_is_an_error_of_the_gateway(proxy, backend):
    async def old(request, connection):
        await connection.send(b"HTTP/1.1 505 Version Not Supported\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    _, port = proxy(backend(old).port, downstream="Http2")
    with Client(port) as client:
        assert client.get().status in (502, 503)


# --- clients that break the protocol


def broken_frames(client: Frames) -> dict[str, tuple[bytes, int]]:
    """What a client must not send, each with the code that it is told."""
    head = client.request(1, "POST", end=False).serialize()
    return {
        "an even stream": (frame(1, 5, 2, client.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])), raw.PROTOCOL_ERROR),
        "data on no stream": (frame(0, 0, 0, b"x"), raw.PROTOCOL_ERROR),
        "data on an idle stream": (frame(0, 0, 7, b"x"), raw.PROTOCOL_ERROR),
        "a frame that is too large": (frame(0, 0, 1, bytes(16_385)), raw.FRAME_SIZE_ERROR),
        "settings of a stream": (frame(4, 0, 1, b""), raw.PROTOCOL_ERROR),
        "a ping of a stream": (frame(6, 0, 1, bytes(8)), raw.PROTOCOL_ERROR),
        "a window that overflows": (frame(8, 0, 0, b"\x7f\xff\xff\xff"), raw.FLOW_CONTROL_ERROR),
        "a window of nothing": (frame(8, 0, 0, bytes(4)), raw.PROTOCOL_ERROR),
        "broken compression": (frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"), raw.COMPRESSION_ERROR),
        "continuation of nothing": (frame(9, 4, 1, b""), raw.PROTOCOL_ERROR),
        "a promise": (frame(5, 4, 1, b"\0\0\0\2"), raw.PROTOCOL_ERROR),
        "a frame inside a header block": (frame(1, 0, 1, b"\x82") + frame(6, 0, 0, bytes(8)), raw.PROTOCOL_ERROR),
        "padding that is longer than its frame": (head + frame(0, 8, 1, b"\xffxx"), raw.PROTOCOL_ERROR),
    }


BROKEN = """an even stream|data on no stream|data on an idle stream|a frame that is too large|settings of a stream|a ping of a stream
a window that overflows|a window of nothing|broken compression|continuation of nothing|a promise|a frame inside a header block
padding that is longer than its frame""".replace("\n", "|").split("|")


def test_a_broken_connection_is_told_why_and_closed(relay):
    process, port, _ = relay()
    for name in BROKEN:
        with Frames(port) as client:
            client.until(lambda: client.of(SettingsFrame), "settings")
            data, code = broken_frames(client)[name]
            client.send(data)
            client.to_close()
            assert [one.error_code for one in client.goaways][-1:] == [code], name
    with Client(port) as client:
        assert client.get().data == b"ok"
    eventually(lambda: process.downstream("connection_active") == 0, "every connection is over")
    assert process.downstream("protocol_error") >= 1


#: Heads that are malformed (RFC 9113 sections 8.2 and 8.3).
MALFORMED = [
    [("X-Upper", "1")],
    [("connection", "keep-alive")],
    [("transfer-encoding", "chunked")],
    [("upgrade", "h2c")],
    [("keep-alive", "1")],
    [("proxy-connection", "x")],
    [("te", "gzip")],
    [(":late", "1")],
    [(":status", "200")],
    [("content-length", "1"), ("content-length", "2")],
    [("x-nul", "a\0b")],
    [("x-line", "a\r\nb: c")],
    [("bad name", "1")],
    [("", "1")],
]


@pytest.mark.parametrize("fields", MALFORMED, ids=lambda fields: "+".join(name for name, _ in fields) or "empty")
def test_a_malformed_head_is_no_request(relay, fields):
    _, port, server = relay()
    with Frames(port) as client:
        client.send(client.request(1, headers=fields))
        head = client.finish_or_close(1)
        # An error of a stream may be taken for one of the connection (RFC 9113 section 5.4.1).
        refused = client.resets(1) or [one.error_code for one in client.goaways]
        assert refused == [raw.PROTOCOL_ERROR] or head.get(":status") == "400", client.frames
    with Client(port) as client:
        assert client.get().status == 200
    assert len(server.requests) == 1


def test_a_body_that_is_not_as_long_as_announced_is_no_request(relay):
    _, port, server = relay(lambda exchange: exchange.respond(body=b"ok"))
    with Frames(port) as client:
        client.send(client.request(1, "POST", headers=[("content-length", "5")], end=False), DataFrame(1, b"four", flags=["END_STREAM"]))
        client.finish(1)
        assert client.resets(1) == [raw.PROTOCOL_ERROR]
        client.send(client.request(3))
        assert client.finish(3)[":status"] == "200"
    # Either the server never heard of it, or it was told that it did not end well.
    assert all(not one.received.ended for one in server.requests[:-1])


def test_a_connection_that_opens_otherwise_is_closed(relay):
    process, port, server = relay()
    for opening in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00", raw.PREFACE[:-2] + b"xx", bytes(64)):
        with Frames(port, greet=False) as client:
            client.send(opening)
            client.to_close()
    assert process.downstream("protocol_error") == 4
    assert server.requests == []


# --- floods


def flood(port: int, pieces) -> list[GoAwayFrame]:
    """Sends pieces until the other side has enough or there are no more. Returns what it said at the end, if anything."""
    with Frames(port) as client:
        client.until(lambda: client.of(SettingsFrame), "settings")
        # An acknowledgement in the midst of a header block would be an error of its own.
        client.polite = False
        reader = threading.Thread(target=read_on, args=(client,), daemon=True)
        reader.start()
        for piece in pieces(client):
            if client.closed or not client.offer(piece):
                break
        reader.join(10)
        assert not reader.is_alive(), "the connection was not closed"
        return client.goaways


def read_on(client: Frames) -> None:
    try:
        while client.read(10) is not None:
            pass
    except (OSError, ValueError):
        client.closed = True


def heads_and_resets(client: Frames):
    sid = 1
    for _ in range(200):
        pairs = []
        for _ in range(100):
            pairs += [client.request(sid).serialize(), RstStreamFrame(sid, error_code=raw.CANCEL).serialize()]
            sid += 2
        yield b"".join(pairs)


def endless_head(client: Frames):
    block = client.block([("x-a", "b" * 1000)])
    yield HeadersFrame(1, client.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])).serialize()
    for _ in range(10_000):
        yield ContinuationFrame(1, block).serialize()


def empty_continuation(client: Frames):
    yield HeadersFrame(1, client.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])).serialize()
    for _ in range(100):
        yield ContinuationFrame(1, b"").serialize() * 1000


def empty_data(client: Frames):
    yield client.request(1, "POST", end=False).serialize()
    for _ in range(100):
        yield DataFrame(1, b"").serialize() * 1000


@pytest.mark.parametrize("pieces", [heads_and_resets, endless_head, empty_continuation, empty_data])
def test_a_flood_ends_its_connection(relay, pieces):
    process, port, server = relay(never)
    with Client(port) as bystander:
        open_stream = bystander.start("/bystander")
        server.wait_requests(1)
        with Growth(process) as growth:
            goaways = flood(port, pieces)
        assert [one.error_code for one in goaways][-1:] == [raw.ENHANCE_YOUR_CALM]
        assert growth.bytes < 8 * MIB
        # Others are not touched, and little of the flood has reached the server.
        assert not bystander.streams[open_stream].over
        server.requests[0].respond(body=b"ok")
        assert bystander.finish(open_stream).data == b"ok"
    assert len(server.requests) < 1000
    eventually(lambda: process.downstream("request_active") == 0, "nothing of it is left")


def pings(client: Frames):
    for number in range(400):
        yield PingFrame(0, number.to_bytes(8, "big")).serialize() * 1000


def settings(client: Frames):
    for _ in range(400):
        yield SettingsFrame(0, settings={4: 65_535}).serialize() * 1000


def bad_requests(client: Frames):
    # Each is answered by RST_STREAM, which the client does not read.
    for first in range(1, 400_000, 2000):
        yield b"".join(client.request(sid, headers=[("te", "x")]).serialize() for sid in range(first, first + 2000, 2))


@pytest.mark.parametrize("pieces", [pings, settings, bad_requests])
def test_answers_that_nobody_reads_do_not_pile_up(relay, pieces):
    process, port, _ = relay()
    with Growth(process) as growth, Frames(port) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for piece in pieces(client):
                if not client.offer(piece, seconds=1):
                    break
        except TimeoutError:
            pass
        with Client(port) as other:
            assert other.get().data == b"ok"
    assert growth.bytes < 8 * MIB


# --- limits of heads


def test_a_head_that_is_too_large_is_refused_and_the_connection_lives_on(relay):
    _, port, server = relay()
    with Frames(port) as client:
        client.until(lambda: client.of(SettingsFrame), "settings")
        # 6 is SETTINGS_MAX_HEADER_LIST_SIZE.
        limit = client.of(SettingsFrame)[0].settings[6]
        assert limit == 60 << 10
        whole = client.block([(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), *[(f"x-{number}", "v" * 1000) for number in range(70)]])
        parts = [whole[at : at + 16_000] for at in range(0, len(whole), 16_000)]
        client.send(frame(1, 1, 1, parts[0]), *[frame(9, 4 if part is parts[-1] else 0, 1, part) for part in parts[1:]])
        assert client.finish(1)[":status"] == "431"
        client.send(client.request(3, headers=[(f"y-{number}", "v" * 1000) for number in range(10)]))
        assert client.finish(3)[":status"] == "200"
    assert len(server.requests) == 1


def test_the_limit_of_heads_is_configured(relay):
    _, port, server = relay(listener={"extend": {"Http2": {"max_header_list_size": 2000}}})
    with Client(port) as client:
        assert client.get(headers=[("x-a", "v" * 1500)]).status == 200
        assert client.get(headers=[("x-a", "v" * 2000)]).status == 431
        # What a small block unfolds to counts: the same field again is one byte on the wire.
        assert client.get(headers=[("x-a", "v" * 300)] * 10).status == 431
        assert client.get().status == 200
    assert len(server.requests) == 2


def test_a_compression_bomb_unfolds_nowhere(relay):
    process, port, server = relay()
    with Growth(process) as growth, Frames(port) as client:
        # A field of 4,000 bytes is put into the table once, then named 15,000 times by one byte each.
        fields = client.block([(":method", "GET"), (":scheme", "http"), (":path", "/")])
        bomb = fields + b"\x40" + b"\x01a" + b"\x7f" + b"\xa1\x1e" + b"b" * 4000 + b"\xbe" * 10_000
        client.send(frame(1, 5, 1, bomb))
        head = client.finish_or_close(1)
        assert head.get(":status") == "431" or client.goaways
    assert growth.bytes < 8 * MIB
    assert server.requests == []


def test_trailers_have_the_limit_of_heads(relay):
    _, port, server = relay(lambda exchange: exchange.respond(body=b"ok"))
    with Frames(port) as client:
        client.send(client.request(1, "POST", end=False))
        big = client.block([(f"x-{number}", "v" * 1000) for number in range(70)])
        parts = [big[at : at + 16_000] for at in range(0, len(big), 16_000)]
        client.send(frame(1, 1, 1, parts[0]), *[frame(9, 4 if part is parts[-1] else 0, 1, part) for part in parts[1:]])
        client.finish_or_close(1)
    trailers = [one.received.trailers or {} for one in server.requests]
    assert all(sum(len(name) + len(value) + 32 for name, value in one.items()) <= 60 << 10 for one in trailers)


# --- with clients and servers nobody here wrote


def test_h2load_through_nghttpd(mecha, tmp_path):
    (tmp_path / "file").write_bytes(bytes(5000))
    at, port = free_port(), free_port()
    with nghttpd(at, tmp_path):
        process = mecha(
            listeners=[c.http_listener(port, downstream="Http2")], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(at)]
        )
        done = h2load("-n", "4000", "-c", "8", "-m", "20", f"http://127.0.0.1:{port}/file")
        assert (done["succeeded"], done["failed"], done["errored"]) == (4000, 0, 0)
        eventually(lambda: process.upstream("request_active") == 0, "no request is left")
        assert process.upstream("response_success") == 4000


def test_a_request_over_http_2_that_the_http_1_server_never_answers_is_cancelled(proxy, backend):
    server = backend(silent_http1)
    process, port = proxy(server.port, downstream="Http2", upstream="Http1")
    with Client(port) as client:
        sid = client.start()
        server.wait_requests(1)
        client.reset(sid)
        eventually(lambda: not server.connections, "the upstream connection is closed")
        assert client.goaway is None
    assert process.upstream("request_active") == 0


def test_slow_requests_of_one_connection_do_not_wait_for_each_other(proxy, backend):
    gate = Gate()

    async def handler(request, connection):
        if request.target == "/slow":
            await gate.passed()
        await connection.respond(body=request.target)

    _, port = proxy(backend(handler).port, downstream="Http2", upstream="Http1")
    with Client(port) as client:
        slow = client.start("/slow")
        assert client.get("/fast").data == b"/fast"
        assert not client.streams[slow].over
        gate.open()
        assert client.finish(slow).data == b"/slow"


def test_a_direct_answer_leaves_the_connection_to_others(proxy, backend):
    _, port = proxy(backend(answering()).port, downstream="Http2", routes=[c.direct(403, "no")])
    with Client(port) as client:
        sid = client.start(method="POST", end=False)
        stream = client.finish(sid)
        assert (stream.status, stream.data) == (403, b"no")
        assert client.get().status == 403
