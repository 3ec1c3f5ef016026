"""HTTP/2 from peers that break the protocol or flood: told why, closed, and nothing of them piles up."""

import socket
import threading

import pytest
from hyperframe.frame import ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, PushPromiseFrame, RstStreamFrame, SettingsFrame

from kit import config as c
from kit import h2raw as raw
from kit.h2peer import Client
from kit.h2raw import Frames, frame
from kit.memory import Growth
from kit.wait import eventually

MIB = 1 << 20


def never(exchange):
    """Does not answer."""


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
        "settings of an odd size": (frame(4, 0, 0, b"12345"), raw.FRAME_SIZE_ERROR),
        "a ping of an odd size": (frame(6, 0, 0, b"1234567"), raw.FRAME_SIZE_ERROR),
        "a window that overflows": (frame(8, 0, 0, b"\x7f\xff\xff\xff"), raw.FLOW_CONTROL_ERROR),
        "a window of nothing": (frame(8, 0, 0, bytes(4)), raw.PROTOCOL_ERROR),
        "broken compression": (frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"), raw.COMPRESSION_ERROR),
        "continuation of nothing": (frame(9, 4, 1, b""), raw.PROTOCOL_ERROR),
        "a promise": (frame(5, 4, 1, b"\0\0\0\2"), raw.PROTOCOL_ERROR),
        "a frame inside a header block": (frame(1, 0, 1, b"\x82") + frame(6, 0, 0, bytes(8)), raw.PROTOCOL_ERROR),
        "padding that is longer than its frame": (head + frame(0, 8, 1, b"\xffxx"), raw.PROTOCOL_ERROR),
    }


def test_a_broken_connection_is_told_why_and_closed(relay):
    process, port, _ = relay()
    with Frames(port) as client:
        names = list(broken_frames(client))
    for name in names:
        with Frames(port) as client:
            client.until(lambda: client.of(SettingsFrame), "settings")
            data, code = broken_frames(client)[name]
            client.send(data)
            client.to_close()
            # The general code may stand for the particular one.
            assert client.goaways and client.goaways[-1].error_code in (code, raw.PROTOCOL_ERROR), name
    with Client(port) as client:
        assert client.get().data == b"ok"
    eventually(lambda: process.downstream("connection_active") == 0, "every connection is over")
    assert process.downstream("protocol_error") == len(names)


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


def test_requests_that_are_taken_back_at_leisure_end_their_connection_too(relay):
    """Rapid reset at a pace at which each request has reached the server when it is taken back."""
    process, port, server = relay(never)
    with Frames(port) as client:
        client.until(lambda: client.of(SettingsFrame), "settings")
        for first in range(1, 2000, 20):
            sids = range(first, first + 20, 2)
            if not client.offer(b"".join(client.request(sid).serialize() for sid in sids)):
                break
            arrived = sids[-1] // 2 + 1
            eventually(lambda: len(server.requests) >= arrived or client.ended(), "the requests at the server, or the end")
            if client.ended() or not client.offer(b"".join(RstStreamFrame(sid, error_code=raw.CANCEL).serialize() for sid in sids)):
                break
        client.to_close()
        assert client.goaways[-1].error_code == raw.ENHANCE_YOUR_CALM
    before = len(server.requests)
    assert 500 <= before <= 600
    assert process.downstream("protocol_error") == 1
    with Client(port) as other:
        other.start()
        server.wait_requests(before + 1)


def test_taking_back_a_few_requests_is_no_offence(relay):
    _, port, server = relay(lambda exchange: exchange.path == "/held" or exchange.respond(body=b"ok"))
    with Client(port) as client:
        for number in range(60):
            held = [client.start("/held") for _ in range(10)]
            sids = [client.start() for _ in range(11)]
            server.wait_requests(21 * (number + 1))
            for sid in held:
                client.reset(sid)
            assert all(client.finish(sid).data == b"ok" for sid in sids)
        assert client.goaway is None


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
