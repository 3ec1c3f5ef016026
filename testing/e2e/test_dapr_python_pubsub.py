"""Messages by the Python SDK to an HTTP application (FastAPI): published alone and in bulk, declared subscriptions of both
versions, those of the SDK's extension, answers, dead letters, raw payloads, bulk delivery."""

import asyncio
import base64
import json
import time
import uuid

import grpc
import pytest
from dapr.clients import BulkPublishEntry
from dapr.clients.exceptions import DaprGrpcError

from kit.resources import brokers, component, subscription
from kit.wait import eventually

BROKERS = ["pubsub", "memory", "redis"]
JSON = "application/json"


def subscriptions(broker: str) -> list[dict]:
    """What the application's resources declare, once for each broker."""
    return [
        subscription(f"{broker}-plain", "plain", "/plain", broker),
        subscription(f"{broker}-slash", "a/b/c", "/plain", broker),
        subscription(f"{broker}-dead", "dead", "/dead", broker),
        subscription(f"{broker}-fragile", "fragile", "/fragile", broker, deadLetterTopic="dead"),
        subscription(f"{broker}-raw", "raw", "/raw", broker, metadata={"rawPayload": "true"}),
        subscription(f"{broker}-bulk", "bulk", "/bulk", broker, bulkSubscribe={"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 100}),
        subscription(
            f"{broker}-orders",
            "orders",
            pubsub=broker,
            routes={
                "rules": [
                    {"match": 'event.type == "urgent"', "path": "/urgent"},
                    {"match": 'has(event.data.size) && event.data.size > 10', "path": "/big"},
                ],
                "default": "/other",
            },
        ),
        subscription(f"{broker}-picky", "picky", pubsub=broker, deadLetterTopic="dead", routes={"rules": [{"match": "event.data.wanted == true", "path": "/wanted"}]}),
        subscription(f"{broker}-elsewhere", "elsewhere", "/plain", broker) | {"scopes": ["somebody-else"]},
    ]


@pytest.fixture(scope="module")
def sidecar(shared, redis):
    declared = [one for broker in (BROKERS if redis else BROKERS[:2]) for one in subscriptions(broker)]
    return shared.sidecar("events", app="events.py", resources=brokers(redis) + declared)


@pytest.fixture
def client(sidecar):
    with sidecar.client() as opened:
        yield opened


@pytest.fixture(params=BROKERS)
def broker(request, need):
    if request.param == "redis":
        need("redis-server")
    return request.param


def message(**more) -> dict:
    """Data of a message that can be told from all others."""
    return {"id": uuid.uuid4().hex, **more}


def publish(client, broker: str, topic: str, data: dict, **metadata: str) -> str:
    client.publish_event(broker, topic, json.dumps(data), data_content_type=JSON, publish_metadata=metadata)
    return data["id"]


def settled(client, sidecar, broker: str, topic: str = "plain") -> None:
    """Waits until a message that was published after all others has come: what was to come before it, has."""
    sidecar.app.wait_events(1, "message", id=publish(client, broker, topic, message()))


# --- delivery


def test_a_message_comes_in_its_envelope(client, sidecar, broker):
    data = message(text="hällo", number=1.5, nested={"a": [1, None]})
    name = publish(client, broker, "plain", data)
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    envelope = told["envelope"]
    assert told["route"] == "/plain" and envelope["data"] == data
    expected = {"specversion": "1.0", "type": "com.dapr.event.sent", "source": sidecar.app_id, "topic": "plain", "pubsubname": broker, "datacontenttype": JSON}
    assert expected.items() <= envelope.items()
    assert {"id", "time", "traceid", "traceparent"} <= set(envelope)
    headers = dict(told["headers"])
    assert headers["content-type"].startswith("application/cloudevents+json")


@pytest.mark.parametrize(
    ("payload", "kind", "field", "expected"),
    [
        (b"just text", "text/plain", "data", "just text"),
        (b"<a/>", "application/xml", "data", "<a/>"),
        (b"\x00\xff", "application/octet-stream", "data_base64", "AP8="),
        (b'"quoted"', JSON, "data", "quoted"),
        (b"[1, 2]", JSON, "data", [1, 2]),
        (b'{"a": 1}', "application/vnd.api+json", "data", {"a": 1}),
    ],
)
def test_data_of_every_kind(client, sidecar, broker, payload, kind, field, expected):
    name = uuid.uuid4().hex
    client.publish_event(broker, "plain", payload, data_content_type=kind, publish_metadata={"cloudevent.id": name})
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["envelope"][field] == expected and told["envelope"]["datacontenttype"] == kind


def test_fields_of_the_envelope_can_be_chosen(client, sidecar, broker):
    chosen = {"cloudevent.type": "my.type", "cloudevent.source": "my/source", "cloudevent.subject": "about", "cloudevent.id": uuid.uuid4().hex}
    name = publish(client, broker, "plain", message(), **chosen)
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert {key: told["envelope"][key.removeprefix("cloudevent.")] for key in chosen} == chosen


def test_an_event_that_is_one_already_is_kept(client, sidecar, broker):
    data = message()
    event = {"specversion": "1.0", "id": "mine", "source": "elsewhere", "type": "own", "datacontenttype": JSON, "data": data, "extra": "kept"}
    client.publish_event(broker, "plain", json.dumps(event), data_content_type="application/cloudevents+json")
    (told,) = sidecar.app.wait_events(1, "message", id=data["id"])
    assert event.items() <= told["envelope"].items()
    assert told["envelope"]["topic"] == "plain" and told["envelope"]["pubsubname"] == broker


def test_a_topic_with_slashes(client, sidecar, broker):
    name = publish(client, broker, "a/b/c", message())
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["topic"] == "a/b/c"


def test_the_extension_of_the_sdk_subscribes(client, sidecar, broker):
    name = publish(client, broker, "coded", message())
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["route"] == f"/events/{broker}/coded"


def test_many_come_each_once(client, sidecar, broker):
    names = [publish(client, broker, "plain", message()) for _ in range(200)]
    eventually(lambda: set(names) <= {told["id"] for told in sidecar.app.events("message")}, "all 200 have come", 20)
    settled(client, sidecar, broker)
    come = [told["id"] for told in sidecar.app.events("message")]
    assert all(come.count(name) == 1 for name in names)


def test_metadata_tells_of_subscriptions(sidecar):
    told = {(one["pubsubname"], one["topic"]): one for one in sidecar.metadata()["subscriptions"]}
    assert told["pubsub", "plain"]["type"] == "DECLARATIVE" and told["pubsub", "plain"]["rules"] == [{"path": "/plain"}]
    assert told["memory", "coded"]["type"] == "PROGRAMMATIC" and told["memory", "coded"]["deadLetterTopic"] == "dead"
    assert [rule["path"] for rule in told["pubsub", "orders"]["rules"]] == ["/urgent", "/big", "/other"]
    assert ("pubsub", "elsewhere") not in told, "a subscription of another application"


# --- rules


@pytest.mark.parametrize(
    ("fields", "metadata", "route"),
    [
        ({"size": 5}, {}, "/other"),
        ({"size": 11}, {}, "/big"),
        ({}, {}, "/other"),
        ({"size": 11}, {"cloudevent.type": "urgent"}, "/urgent"),
    ],
)
def test_rules_choose_the_route(client, sidecar, broker, fields, metadata, route):
    name = publish(client, broker, "orders", message(**fields), **metadata)
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["route"] == route


def test_what_no_rule_wants_goes_to_the_dead_letters(client, sidecar, broker):
    wanted = publish(client, broker, "picky", message(wanted=True))
    unwanted = publish(client, broker, "picky", message(wanted=False))
    assert sidecar.app.wait_events(1, "message", id=wanted)[0]["route"] == "/wanted"
    assert sidecar.app.wait_events(1, "message", id=unwanted)[0]["route"] == "/dead"


# --- answers


@pytest.mark.parametrize("answers", [["RETRY"], ["RETRY", "RETRY", "SUCCESS"], [500], ["SURPRISE"], [503, "RETRY", None]], ids=str)
def test_a_message_comes_again_until_it_is_taken(client, sidecar, broker, answers):
    name = publish(client, broker, "plain", message(answers=answers))
    times = len([answer for answer in answers if answer not in ("SUCCESS", None)]) + 1
    told = sidecar.app.wait_events(times, "message", id=name)
    settled(client, sidecar, broker)
    assert [one["attempt"] for one in sidecar.app.events("message", id=name)] == list(range(1, times + 1)), told


@pytest.mark.parametrize("answer", ["DROP", 404, None, "SUCCESS", ""], ids=str)
def test_a_message_does_not_come_again(client, sidecar, broker, answer):
    name = publish(client, broker, "plain", message(answers=[answer]))
    sidecar.app.wait_events(1, "message", id=name)
    settled(client, sidecar, broker)
    assert len(sidecar.app.events("message", id=name)) == 1


@pytest.mark.parametrize("answer", ["DROP", "RETRY", 500, 404], ids=str)
@pytest.mark.parametrize("topic", ["fragile", "coded"])
def test_what_is_not_taken_goes_to_the_dead_letters(client, sidecar, broker, topic, answer):
    name = publish(client, broker, topic, message(answers=[answer]))
    told = sidecar.app.wait_events(2, "message", id=name)
    assert [one["route"] for one in told] == [told[0]["route"], "/dead"]
    assert told[1]["envelope"] == told[0]["envelope"]


# --- raw payloads


def test_a_raw_payload_is_wrapped_for_who_wants_it(client, sidecar, broker):
    payload = json.dumps(message()).encode()
    client.publish_event(broker, "raw", payload, publish_metadata={"rawPayload": "true"}, data_content_type=JSON)
    (told,) = sidecar.app.wait_events(1, "message", route="/raw", pubsub=broker)
    assert base64.b64decode(told["envelope"]["data_base64"]) == payload


def test_a_raw_payload_that_is_no_event_is_a_dead_letter(client, sidecar, broker):
    before = len(sidecar.app.events("message"))
    client.publish_event(broker, "plain", b"no event at all", publish_metadata={"rawPayload": "true"})
    settled(client, sidecar, broker)
    assert len(sidecar.app.events("message")) == before + 1


# --- bulk


def test_several_are_published_at_once(client, sidecar, broker):
    wanted = [message() for _ in range(10)]
    done = client.publish_events(broker, "plain", [json.dumps(one) for one in wanted], data_content_type=JSON)
    assert done.failed_entries == []
    for one in wanted:
        (told,) = sidecar.app.wait_events(1, "message", id=one["id"])
        assert told["envelope"]["data"] == one


def test_entries_have_kinds_and_metadata_of_their_own(client, sidecar, broker):
    names = [uuid.uuid4().hex for _ in range(2)]
    entries = [
        BulkPublishEntry(event=b"text", content_type="text/plain", metadata={"cloudevent.id": names[0], "cloudevent.type": "first"}),
        BulkPublishEntry(event=b"\x01", content_type="application/octet-stream", metadata={"cloudevent.id": names[1]}),
    ]
    assert client.publish_events(broker, "plain", entries).failed_entries == []
    (first,), (second,) = (sidecar.app.wait_events(1, "message", id=name) for name in names)
    assert first["envelope"]["type"] == "first" and first["envelope"]["data"] == "text"
    assert second["envelope"]["data_base64"] == "AQ=="


def test_bulk_delivery_is_answered_one_by_one(client, sidecar, broker):
    wanted = [message(answers=answers) for answers in ([], ["RETRY"], ["DROP"], [None], [], [], [])]
    client.publish_events(broker, "bulk", [json.dumps(one) for one in wanted], data_content_type=JSON)
    times = [1, 2, 1, 2, 1, 1, 1]
    for one, count in zip(wanted, times, strict=True):
        sidecar.app.wait_events(count, "message", id=one["id"])
    last = message()
    publish(client, broker, "bulk", last)
    sidecar.app.wait_events(1, "message", id=last["id"])
    assert [len(sidecar.app.events("message", id=one["id"])) for one in wanted] == times
    deliveries = [told for told in sidecar.app.events("bulk") if told["body"]["pubsubname"] == broker]
    assert all(told["size"] <= 5 for told in deliveries)
    assert deliveries[0]["size"] > 1
    assert deliveries[0]["body"]["type"] == "com.dapr.event.sent.bulk" and deliveries[0]["body"]["topic"] == "bulk"


# --- errors


@pytest.mark.parametrize(
    ("broker_name", "topic", "code", "reason"),
    [
        ("nowhere", "plain", grpc.StatusCode.INVALID_ARGUMENT, "DAPR_PUBSUB_NOT_FOUND"),
        ("", "plain", grpc.StatusCode.INVALID_ARGUMENT, "DAPR_PUBSUB_NAME_EMPTY"),
        ("pubsub", "", grpc.StatusCode.INVALID_ARGUMENT, "DAPR_PUBSUB_TOPIC_NAME_EMPTY"),
    ],
)
def test_publishing_to_what_is_not_there(client, broker_name, topic, code, reason):
    with pytest.raises(DaprGrpcError) as failed:
        client.publish_event(broker_name, topic, "x")
    assert (failed.value.code(), failed.value.error_code()) == (code, reason)


def test_scopes_keep_topics_closed(dapr):
    scopes = {"publishingScopes": "closed=open", "subscriptionScopes": "closed=open", "allowedTopics": "open,other", "protectedTopics": "other"}
    one = dapr.sidecar("closed", app_id="closed", resources=[component("pubsub", "pubsub.in-memory", scopes)])
    with one.client() as opened:
        opened.publish_event("pubsub", "open", "x")
        for topic in ("other", "unheard-of"):
            with pytest.raises(DaprGrpcError) as failed:
                opened.publish_event("pubsub", topic, "x")
            assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED


# --- asyncio, HTTP, and over time


def test_publishing_by_asyncio(sidecar, broker):
    wanted = [message() for _ in range(50)]

    async def work():
        async with sidecar.aclient() as opened:
            await asyncio.gather(*(opened.publish_event(broker, "plain", json.dumps(one), data_content_type=JSON) for one in wanted[:40]))
            done = await opened.publish_events(broker, "plain", [json.dumps(one) for one in wanted[40:]], data_content_type=JSON)
            return done.failed_entries

    assert asyncio.run(work()) == []
    for one in wanted:
        sidecar.app.wait_events(1, "message", id=one["id"])


def test_a_trace_goes_with_the_message(sidecar, broker):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    data = message()
    assert sidecar.request("POST", f"publish/{broker}/plain", json=data, headers={"traceparent": trace}).status_code == 204
    (told,) = sidecar.app.wait_events(1, "message", id=data["id"])
    assert told["envelope"]["traceparent"].split("-")[1] == trace.split("-")[1]


def test_durable_messages_wait_for_an_application_that_is_away(dapr):
    resources = [component("pubsub", "pubsub.mecha", {"redeliverInterval": "20ms"}), subscription("plain", "plain", "/plain")]
    one = dapr.sidecar("away", app="events.py", resources=resources)
    one.app.kill()
    with one.client() as opened:
        names = [publish(opened, "pubsub", "plain", message()) for _ in range(20)]
    one.kill()
    one.app.start().ready()
    one.start().ready()
    eventually(lambda: set(names) <= {told["id"] for told in one.app.events("message")}, "all have come", 20)


def test_a_message_whose_time_is_over_does_not_come(dapr, broker, redis):
    one = dapr.sidecar("late", app="events.py", resources=[*brokers(redis), subscription("plain", "plain", "/plain", broker)])
    one.app.kill()
    with one.client() as opened:
        brief = publish(opened, broker, "plain", message(), ttlInSeconds="1")
        long = publish(opened, broker, "plain", message(), ttlInSeconds="100")
    over = time.monotonic() + 1.2
    eventually(lambda: time.monotonic() > over, "its time is over")
    one.app.start().ready()
    one.app.wait_events(1, "message", id=long)
    assert not one.app.events("message", id=brief)


def test_subscriptions_and_brokers_are_taken_over_while_it_runs(dapr):
    one = dapr.sidecar("changing", "--hot-reload-reconcile-interval=1s", app="events.py", resources=brokers())
    one.write_resources([*brokers(), subscription("late", "late", "/late")])
    eventually(lambda: "late" in {told["topic"] for told in one.metadata().get("subscriptions", [])}, "the subscription is there")
    with one.client() as opened:
        name = publish(opened, "pubsub", "late", message())
    assert one.app.wait_events(1, "message", id=name)[0]["route"] == "/late"
