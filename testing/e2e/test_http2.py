"""HTTP/2 on both sides: streams side by side, windows that reach from end to end, and endings that are passed on."""

import signal
import socket

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from kit import config as c
from kit import h2raw as raw
from kit.backend import Gate, answering
from kit.backend import silent as silent_http1
from kit.h2peer import Client
from kit.h2raw import Frames
from kit.memory import Growth
from kit.ports import free_port
from kit.tools import h2load, nghttpd
from kit.wait import eventually

MIB = 1 << 20


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
