"""Applications made with the Node SDK, over both of its protocols: every way of subscribing it has, and invocation."""

import pytest

from kit.node import Client, SdkError, application
from kit.resources import component, subscription
from kit.wait import eventually

METHODS = ["get", "post", "put", "patch", "delete"]


@pytest.fixture(scope="module", params=["http", "grpc"])
def sidecar(request, shared):
    protocol = request.param
    resources = [
        component("pubsub", "pubsub.in-memory"),
        # Paths as the SDK makes them of broker, topic and route.
        subscription("declared", "declared", "/pubsub--declared--filed"),
        subscription("also-declared", "letters-of-others", "/pubsub--letters--default"),
    ]
    started = application(shared, protocol, f"{protocol}-app", resources=resources)
    started.protocol = protocol
    started.app.wait_events(1, "started")
    return started


@pytest.fixture(scope="module")
def client(sidecar):
    with Client(sidecar.protocol, sidecar) as opened:
        yield opened


def publish(client, topic, data, **options):
    assert client.call("pubsub.publish", "pubsub", topic, data, options) == {}


def handed(sidecar, event, count=1):
    """What a handler was given."""
    return [one["data"] for one in sidecar.app.wait_events(count, event)]


# --- subscriptions


def test_all_subscriptions_are_known(sidecar):
    found = {one["topic"]: one for one in sidecar.metadata()["subscriptions"]}
    assert set(found) == {"plain", "retried", "raw", "letters", "dropped", "sorted", "bulk", "declared", "letters-of-others"}
    assert found["plain"]["type"] == "PROGRAMMATIC"
    assert found["plain"]["rules"] == [{"path": "/pubsub--plain--default"}]
    assert found["declared"]["type"] == "DECLARATIVE"
    assert found["dropped"]["deadLetterTopic"] == "letters"
    assert [rule.get("match") for rule in found["sorted"]["rules"]] == ['event.type == "urgent"', "event.data.size > 10", None]


@pytest.mark.parametrize("data", [{"order": 7, "nested": {"list": [1, 2]}}, "a text", [1, "two"]])
def test_a_message_is_handed_over_as_it_was_published(sidecar, client, data):
    publish(client, "plain", data)
    eventually(lambda: data in handed(sidecar, "plain", 0), f"{data} arrives")


def test_a_message_comes_again_until_it_is_done(sidecar, client):
    publish(client, "retried", {"n": 1})
    assert handed(sidecar, "retried", 2)[:2] == [{"n": 1}, {"n": 1}]


def test_a_dropped_message_becomes_a_dead_letter(sidecar, client):
    publish(client, "dropped", {"dead": True})
    handed(sidecar, "dropped")
    eventually(lambda: {"dead": True} in handed(sidecar, "letters"), "the letter arrives")


def test_rules_choose_the_handler(sidecar, client):
    event = {"specversion": "1.0", "source": "e2e", "datacontenttype": "application/json"}
    publish(client, "sorted", event | {"type": "urgent", "id": "1", "data": {"size": 1}})
    publish(client, "sorted", {"size": 11})
    publish(client, "sorted", {"size": 10})
    assert handed(sidecar, "urgent") == [{"size": 1}]
    assert handed(sidecar, "large") == [{"size": 11}]
    assert handed(sidecar, "usual") == [{"size": 10}]


def test_messages_come_in_bulk(sidecar, client):
    messages = [{"n": number} for number in range(25)]
    assert client.call("pubsub.publishBulk", "pubsub", "bulk", messages) == {"failedMessages": []}
    assert sorted(data["n"] for data in handed(sidecar, "bulk", 25)) == list(range(25))


def test_raw_bytes_are_handed_over(sidecar, client):
    publish(client, "raw", {"raw": 1}, metadata={"rawPayload": "true"})
    assert handed(sidecar, "raw") == [{"raw": 1}]


def test_a_resource_file_decides_the_route(sidecar, client):
    publish(client, "declared", {"from": "file"})
    assert handed(sidecar, "filed") == [{"from": "file"}]
    assert handed(sidecar, "coded", 0) == []


# --- invocation


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_the_own_application(sidecar, client, method):
    answer = client.call("invoker.invoke", sidecar.app_id, "echo", method, *([] if method == "get" else [{"say": method}]))
    assert answer["method"] == method
    if method != "get":
        assert answer["body"] == f'{{"say":"{method}"}}'
        assert answer["metadata"]["contentType"] == "application/json"


@pytest.mark.parametrize("from_protocol", ["http", "grpc"])
def test_an_application_beside_another_runtime(sidecar, shared, from_protocol):
    caller = shared.sidecar(f"caller-{from_protocol}-{sidecar.protocol}", resources=[component("pubsub", "pubsub.in-memory")])
    with Client(from_protocol, caller) as client:
        answer = client.call("invoker.invoke", sidecar.app_id, "echo", "post", {"across": True})
    assert answer["method"] == "post"
    assert answer["body"] == '{"across":true}'
    if sidecar.protocol == "http":
        assert answer["headers"]["dapr-caller-app-id"] == caller.app_id


def test_headers_and_query_reach_the_application(sidecar):
    with Client("http", sidecar) as client:
        answer = client.call("invoker.invoke", sidecar.app_id, "echo?size=1&name=a%20b", "get", None, {"headers": {"x-e2e": "yes"}})
    assert answer["query"].removeprefix("/echo?") == "size=1&name=a%20b"
    # The SDK's gRPC server keeps the headers from its handlers.
    assert answer.get("headers", {}).get("x-e2e") == ("yes" if sidecar.protocol == "http" else None)


def test_an_application_that_nobody_knows(client):
    with pytest.raises(SdkError, match="ERR_DIRECT_INVOKE|failed to resolve|couldn't find"):
        client.call("invoker.invoke", "nowhere-at-all", "echo", "post", {})
