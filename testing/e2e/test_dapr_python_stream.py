"""Messages by the Python SDK's streamed subscriptions: read one by one or by a handler, threads or asyncio; answers, dead
letters, several streams, the end of a stream and of the runtime."""

import asyncio
import json
import queue
import uuid

import grpc
import pytest
from dapr.clients.exceptions import DaprInternalError
from dapr.clients.grpc._response import TopicEventResponse
from dapr.common.pubsub.subscription import StreamCancelledError, StreamInactiveError

from kit.resources import brokers
from kit.wait import eventually

BROKERS = ["pubsub", "memory", "redis"]
JSON = "application/json"
SUCCESS, RETRY, DROP = (TopicEventResponse(status) for status in ("success", "retry", "drop"))


@pytest.fixture(scope="module")
def sidecar(shared, redis):
    return shared.sidecar("streams", resources=brokers(redis))


@pytest.fixture
def client(sidecar):
    with sidecar.client() as opened:
        yield opened


@pytest.fixture(params=BROKERS)
def broker(request, need):
    if request.param == "redis":
        need("redis-server")
    return request.param


@pytest.fixture
def topic():
    return uuid.uuid4().hex


@pytest.fixture
def handled(client):
    """Subscribes by a handler: `messages = handled(broker, topic, answers)`, a queue of what came."""
    closers = []

    def subscribe(broker, topic, *answers, **more):
        messages, left = queue.Queue(), list(answers)

        def take(message):
            messages.put(message)
            return left.pop(0) if left else SUCCESS

        closers.append(client.subscribe_with_handler(broker, topic, take, **more))
        return messages

    yield subscribe
    for close in closers:
        close()


def test_messages_are_read_one_by_one(client, sidecar, broker, topic):
    stream = client.subscribe(broker, topic)
    for number in range(10):
        client.publish_event(broker, topic, json.dumps({"n": number}), data_content_type=JSON)
    for number in range(10):
        message = next(stream)
        assert message.data() == {"n": number}
        assert (message.topic(), message.pubsub_name(), message.source()) == (topic, broker, sidecar.app_id)
        assert (message.type(), message.data_content_type(), message.spec_version()) == ("com.dapr.event.sent", JSON, "1.0")
        stream.respond_success(message)
    stream.close()


def test_messages_come_to_a_handler(client, handled, broker, topic):
    messages = handled(broker, topic)
    client.publish_event(broker, topic, "text", data_content_type="text/plain")
    message = messages.get(timeout=10)
    assert (message.data(), message.raw_data()) == ("text", b"text")


def test_a_message_comes_again_when_that_is_asked_for(client, handled, broker, topic):
    messages = handled(broker, topic, RETRY, RETRY)
    client.publish_event(broker, topic, "x")
    assert len({messages.get(timeout=10).id() for _ in range(3)}) == 1
    client.publish_event(broker, topic, "last")
    assert messages.get(timeout=10).raw_data() == b"last"


def test_a_message_that_is_dropped_is_a_dead_letter(client, handled, broker, topic):
    dead = handled(broker, f"{topic}-dead")
    messages = handled(broker, topic, DROP, dead_letter_topic=f"{topic}-dead")
    client.publish_event(broker, topic, "x")
    assert dead.get(timeout=10).id() == messages.get(timeout=10).id()
    client.publish_event(broker, topic, "last")
    assert messages.get(timeout=10).raw_data() == b"last"


def test_a_raw_payload(client, handled, broker, topic):
    messages = handled(broker, topic, metadata={"rawPayload": "true"})
    client.publish_event(broker, topic, b"\x01\x02", publish_metadata={"rawPayload": "true"})
    assert messages.get(timeout=10).raw_data() == b"\x01\x02"


def test_streams_are_seen_in_metadata_while_they_last(client, sidecar, broker, topic):
    def told():
        return [one for one in sidecar.metadata().get("subscriptions", []) if one["topic"] == topic]

    stream = client.subscribe(broker, topic, dead_letter_topic="dead")
    (one,) = eventually(told, "the subscription is there")
    assert (one["type"], one["pubsubname"], one["deadLetterTopic"]) == ("STREAMING", broker, "dead")
    stream.close()
    eventually(lambda: not told(), "the subscription is gone")


def test_several_streams_of_a_topic(client, handled, broker, topic):
    """Brokers with consumer groups share messages out among the streams of an application; the other gives all to each."""
    first, second = handled(broker, topic), handled(broker, topic)
    for number in range(20):
        client.publish_event(broker, topic, str(number))
    whole = 40 if broker == "memory" else 20
    eventually(lambda: first.qsize() + second.qsize() >= whole, f"{whole} messages have come")
    assert first.qsize() + second.qsize() == whole


def test_what_was_not_answered_comes_to_the_next_stream(client, topic):
    stream = client.subscribe("pubsub", topic)
    client.publish_event("pubsub", topic, "important")
    assert next(stream).raw_data() == b"important"
    stream.close()
    again = client.subscribe("pubsub", topic)
    message = next(again)
    assert message.raw_data() == b"important"
    again.respond_success(message)
    again.close()


def test_messages_published_before_the_stream_wait_for_it(client, handled, topic):
    for number in range(5):
        client.publish_event("pubsub", topic, str(number))
    messages = handled("pubsub", topic)
    assert {messages.get(timeout=10).raw_data() for _ in range(5)} == {b"%d" % number for number in range(5)}


def test_a_closed_stream_ends_its_reader(client, broker, topic, aside):
    stream = client.subscribe(broker, topic)
    ended = queue.Queue()

    def read():
        try:
            next(stream)
        except (StreamCancelledError, StreamInactiveError) as end:
            ended.put(end)

    aside(read)
    stream.close()
    ended.get(timeout=10)


@pytest.mark.parametrize(("name", "title"), [("nowhere", "topic"), ("pubsub", "")])
def test_a_stream_that_makes_no_sense(client, name, title):
    with pytest.raises(Exception) as failed:
        client.subscribe(name, title)
    assert "not found" in str(failed.value) or "topic" in str(failed.value), failed.value


def test_many_messages_through_one_stream(client, handled, broker, topic):
    messages = handled(broker, topic)
    for start in range(0, 500, 50):
        events = [str(number) for number in range(start, start + 50)]
        assert client.publish_events(broker, topic, events, data_content_type="text/plain").failed_entries == []
    found = {messages.get(timeout=20).data() for _ in range(500)}
    assert found == {str(number) for number in range(500)} and messages.empty()


def test_streams_by_asyncio(sidecar, broker, topic):
    async def work():
        async with sidecar.aclient() as opened:
            stream = await opened.subscribe(broker, topic)
            await opened.publish_event(broker, topic, "one")
            await opened.publish_event(broker, topic, "two")
            found = []
            async for message in stream:
                found.append(message.raw_data())
                await stream.respond_success(message)
                if len(found) == 2:
                    break
            await stream.close()
            return found

    assert asyncio.run(asyncio.wait_for(work(), 20)) == [b"one", b"two"]


def test_handlers_by_asyncio(sidecar, broker, topic):
    async def work():
        async with sidecar.aclient() as opened:
            found, left = asyncio.Queue(), [RETRY, DROP]

            async def take(message):
                found.put_nowait(message.raw_data())
                return left.pop(0) if left else SUCCESS

            close = await opened.subscribe_with_handler(broker, topic, take)
            await opened.publish_event(broker, topic, "one")
            first = [await found.get() for _ in range(2)]
            await opened.publish_event(broker, topic, "two")
            first.append(await found.get())
            await close()
            return first

    assert asyncio.run(asyncio.wait_for(work(), 20)) == [b"one", b"one", b"two"]


def test_a_stream_survives_the_death_of_the_runtime(dapr):
    """The SDK opens it again by itself; nothing that was acknowledged is lost."""
    one = dapr.sidecar("mortal", resources=brokers())
    messages = queue.Queue()
    with one.client() as opened:
        close = opened.subscribe_with_handler("pubsub", "t", lambda message: (messages.put(message.raw_data()), SUCCESS)[1])
        opened.publish_event("pubsub", "t", "before")
        assert messages.get(timeout=10) == b"before"
        one.kill()
        one.start().ready()
        eventually(lambda: one.metadata().get("subscriptions"), "the stream is open again", 20)
        # The client's channel waits a little before it connects again.
        eventually(lambda: published(opened, "after"), "the client is connected again", 20)
        found = eventually(lambda: [message for message in iter_queue(messages) if message == b"after"], "the message comes", 20)
        assert found
        close()


def published(client, text: str) -> bool:
    try:
        client.publish_event("pubsub", "t", text)
        return True
    except (grpc.RpcError, DaprInternalError):
        return False


def iter_queue(messages: queue.Queue) -> list[bytes]:
    found = []
    while not messages.empty():
        found.append(messages.get())
    return found


def test_the_runtime_ends_in_order_with_a_stream_open(dapr):
    one = dapr.sidecar("brief", resources=brokers())
    with one.client() as opened:
        stream = opened.subscribe("pubsub", "t")
        opened.publish_event("pubsub", "t", "x")
        stream.respond_success(next(stream))
        opened.shutdown()
        one.expected_exit = True
        assert one.wait() == 0
        stream.close()
