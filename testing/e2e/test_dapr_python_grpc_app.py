"""Messages by the Python SDK to a gRPC application (dapr.ext.grpc): topics with and without rules, answers, dead letters,
raw payloads, bulk delivery, handlers of the old kind."""

import json
import uuid

import pytest

from kit.resources import brokers, subscription
from kit.wait import eventually

BROKERS = ["pubsub", "memory", "redis"]
JSON = "application/json"


@pytest.fixture(scope="module")
def sidecar(shared, redis):
    bulk = {"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 100}
    declared = [subscription(f"{broker}-bulk", "bulk", "bulk", broker, bulkSubscribe=bulk) for broker in (BROKERS if redis else BROKERS[:2])]
    return shared.sidecar("events", app="events_grpc.py", protocol="grpc", resources=brokers(redis) + declared)


@pytest.fixture
def client(sidecar):
    with sidecar.client() as opened:
        yield opened


@pytest.fixture(params=BROKERS)
def broker(request, need):
    if request.param == "redis":
        need("redis-server")
    return request.param


def publish(client, broker: str, topic: str, fields: dict | None = None, **metadata: str) -> str:
    name = uuid.uuid4().hex
    client.publish_event(broker, topic, json.dumps({"id": name} | (fields or {})), data_content_type=JSON, publish_metadata=metadata)
    return name


def settled(client, sidecar, broker: str, topic: str) -> None:
    """Waits until a message that was published after all others of a topic has come."""
    sidecar.app.wait_events(1, "message", id=publish(client, broker, topic))


def test_a_message_comes_with_the_fields_of_its_envelope(client, sidecar, broker):
    name = publish(client, broker, "coded", {"text": "hällo"}, **{"cloudevent.type": "my.type"})
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["data"] == {"id": name, "text": "hällo"}
    expected = {"route": "coded", "topic": "coded", "pubsub": broker, "type": "my.type", "source": sidecar.app_id, "contentType": JSON}
    assert expected.items() <= told.items()


def test_what_the_envelope_has_beyond_its_own_fields_are_extensions(client, sidecar, broker):
    name = uuid.uuid4().hex
    event = {"specversion": "1.0", "id": "mine", "source": "elsewhere", "type": "own", "datacontenttype": JSON, "data": {"id": name}, "extra": "kept"}
    client.publish_event(broker, "coded", json.dumps(event), data_content_type="application/cloudevents+json")
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["extensions"]["extra"] == "kept" and (told["source"], told["type"]) == ("elsewhere", "own")


def test_text_and_bytes(client, sidecar, broker):
    for payload, kind in ((b"just text", "text/plain"), (b"\x00\xff", "application/octet-stream")):
        name = uuid.uuid4().hex
        client.publish_event(broker, "coded", payload, data_content_type=kind, publish_metadata={"cloudevent.id": name})
        (told,) = sidecar.app.wait_events(1, "message", id=name)
        assert (told["raw"].encode("latin-1"), told["contentType"]) == (payload, kind)


@pytest.mark.parametrize(
    ("fields", "metadata", "route"),
    [({"size": 11}, {}, "big"), ({"size": 11}, {"cloudevent.type": "urgent"}, "urgent"), ({}, {"cloudevent.type": "urgent"}, "urgent")],
)
def test_rules_choose_the_handler(client, sidecar, broker, fields, metadata, route):
    name = publish(client, broker, "orders", fields, **metadata)
    (told,) = sidecar.app.wait_events(1, "message", id=name)
    assert told["route"] == route


def test_what_no_rule_wants_is_gone(client, sidecar, broker):
    unwanted = publish(client, broker, "orders", {"size": 5})
    sidecar.app.wait_events(1, "message", id=publish(client, broker, "orders", {"size": 11}))
    assert not sidecar.app.events("message", id=unwanted)


def test_handlers_of_the_old_kind(client, sidecar, broker):
    name = publish(client, broker, "legacy")
    (told,) = sidecar.app.wait_events(1, "legacy", id=name)
    assert (told["type"], told["source"], told["subject"]) == ("com.dapr.event.sent", sidecar.app_id, "legacy")


@pytest.mark.parametrize("answers", [["RETRY"], ["RETRY", "RETRY"], ["raise"]], ids=str)
def test_a_message_comes_again_until_it_is_taken(client, sidecar, broker, answers):
    name = publish(client, broker, "plain", {"answers": answers})
    sidecar.app.wait_events(len(answers) + 1, "message", id=name)
    sidecar.app.wait_events(1, "message", id=publish(client, broker, "plain"))
    assert len(sidecar.app.events("message", id=name)) == len(answers) + 1


def test_a_message_that_is_dropped_does_not_come_again(client, sidecar, broker):
    name = publish(client, broker, "plain", {"answers": ["DROP"]})
    sidecar.app.wait_events(1, "message", id=name)
    sidecar.app.wait_events(1, "message", id=publish(client, broker, "plain"))
    assert len(sidecar.app.events("message", id=name)) == 1


@pytest.mark.parametrize("answer", ["DROP", "RETRY", "raise"])
def test_what_is_not_taken_goes_to_the_dead_letters(client, sidecar, broker, answer):
    name = publish(client, broker, "coded", {"answers": [answer]})
    told = sidecar.app.wait_events(2, "message", id=name)
    assert [one["route"] for one in told] == ["coded", "dead"]
    assert told[1]["data"]["id"] == name


def test_a_raw_payload(client, sidecar, broker):
    payload = uuid.uuid4().hex.encode()
    client.publish_event(broker, "raw", payload, publish_metadata={"rawPayload": "true"})
    told = eventually(lambda: [one for one in sidecar.app.events("message", route="raw") if one["raw"].encode() == payload], "it comes")
    assert len(told) == 1 and told[0]["contentType"] == "application/octet-stream"


def test_bulk_delivery_is_answered_one_by_one(client, sidecar, broker):
    wanted = [{"id": uuid.uuid4().hex, "answers": answers} for answers in ([], ["RETRY"], ["DROP"], ["raise"], [], [], [])]
    client.publish_events(broker, "bulk", [json.dumps(one) for one in wanted], data_content_type=JSON)
    times = [1, 2, 1, 2, 1, 1, 1]
    for one, count in zip(wanted, times, strict=True):
        sidecar.app.wait_events(count, "message", id=one["id"])
    settled(client, sidecar, broker, "bulk")
    assert [len(sidecar.app.events("message", id=one["id"])) for one in wanted] == times
    assert sidecar.metric("dapr_component_pubsub_ingress_bulk_count", component=broker, topic="bulk") < sum(times) + 1


def test_metadata_tells_of_subscriptions(sidecar):
    told = {(one["pubsubname"], one["topic"]): one for one in sidecar.metadata()["subscriptions"]}
    assert told["pubsub", "coded"]["type"] == "PROGRAMMATIC" and told["pubsub", "coded"]["deadLetterTopic"] == "dead"
    assert told["pubsub", "bulk"]["type"] == "DECLARATIVE"
    assert [rule.get("match") for rule in told["memory", "orders"]["rules"]] == ['event.type == "urgent"', "event.data.size > 10.0"]
    assert sidecar.metadata()["appConnectionProperties"]["protocol"] == "grpc"


def test_an_application_that_is_away_gets_its_messages_later(dapr):
    one = dapr.sidecar("away", app="events_grpc.py", protocol="grpc", resources=brokers())
    one.app.kill()
    with one.client() as opened:
        names = [publish(opened, "pubsub", "plain") for _ in range(20)]
    one.app.start().ready()
    eventually(lambda: set(names) <= {told["id"] for told in one.app.events("message")}, "all have come", 20)
