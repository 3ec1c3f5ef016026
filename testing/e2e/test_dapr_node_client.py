"""The Node SDK's client over both of its protocols: state, secrets, publishing, what the runtime tells about itself."""

import json

import pytest

from kit.node import Client, SdkError
from kit.resources import component

FIRST_WRITE = {"concurrency": 1, "consistency": 2}


@pytest.fixture(scope="module")
def sidecar(shared):
    file = shared.folder / "secrets.json"
    file.write_text(json.dumps({"password": "p4ss", "db": {"user": "me"}}))
    resources = [
        component("embedded", "state.mecha"),
        component("memory", "state.in-memory"),
        component("pubsub", "pubsub.in-memory"),
        component("vault", "secretstores.local.file", {"secretsFile": file}),
    ]
    return shared.sidecar(resources=resources)


@pytest.fixture(scope="module", params=["http", "grpc"])
def client(request, sidecar):
    with Client(request.param, sidecar) as opened:
        opened.protocol = request.param
        yield opened


@pytest.fixture(params=["embedded", "memory"])
def store(request):
    return request.param


def refusal(client, method, *args):
    """What the SDK says when a call is refused: some of its HTTP methods return it, others throw."""
    try:
        result = client.call(method, *args)
    except SdkError as error:
        return str(error)
    return result["error"]["message"]


def key(client, name):
    """A key of this scenario and protocol."""
    return f"{client.protocol}-{name}"


# --- state


def test_values_of_every_kind_come_back(client, store):
    values = {"object": {"a": [1, {"b": None}]}, "list": [1, 2], "text": "two words", "number": 7, "umlaut": "grün ✓"}
    items = [{"key": key(client, name), "value": value} for name, value in values.items()]
    assert client.call("state.save", store, items) == {}
    assert {name: client.call("state.get", store, key(client, name)) for name in values} == values


def test_a_key_that_is_not_there_is_empty(client, store):
    assert client.call("state.get", store, key(client, "nowhere")) == ""


def test_several_keys_at_once_with_their_etags(client, store):
    client.call("state.save", store, [{"key": key(client, "one"), "value": 1}, {"key": key(client, "two"), "value": "2"}])
    wanted = [key(client, name) for name in ("one", "two", "none")]
    found = {item["key"]: item for item in client.call("state.getBulk", store, wanted)}
    assert [found[name].get("data") or None for name in wanted] == [1, 2 if client.protocol == "grpc" else "2", None]
    assert found[wanted[0]]["etag"] and not found[wanted[2]].get("etag")


def test_an_old_etag_neither_writes_nor_deletes(client, store):
    name = key(client, "contended")
    client.call("state.save", store, [{"key": name, "value": "first"}])
    etag = client.call("state.getBulk", store, [name])[0]["etag"]
    assert client.call("state.save", store, [{"key": name, "value": "second", "etag": etag, "options": FIRST_WRITE}]) == {}

    stale = {"key": name, "value": "third", "etag": etag, "options": FIRST_WRITE}
    assert "etag mismatch" in refusal(client, "state.save", store, [stale])
    assert "etag mismatch" in refusal(client, "state.delete", store, name, {"etag": etag} | FIRST_WRITE)
    assert client.call("state.get", store, name) == "second"


def test_a_deleted_key_is_gone(client, store):
    client.call("state.save", store, [{"key": key(client, "short"), "value": 1}])
    assert client.call("state.delete", store, key(client, "short")) == {}
    assert client.call("state.get", store, key(client, "short")) == ""


def test_a_transaction_happens_whole_or_not_at_all(client, store):
    kept, made = key(client, "kept"), key(client, "made")
    client.call("state.save", store, [{"key": kept, "value": "old"}])
    operations = [{"operation": "upsert", "request": {"key": made, "value": "new"}}, {"operation": "delete", "request": {"key": kept}}]
    assert client.call("state.transaction", store, operations) is None
    assert client.call("state.get", store, made) == "new"
    assert client.call("state.get", store, kept) == ""

    operations = [
        {"operation": "upsert", "request": {"key": kept, "value": "again"}},
        {"operation": "upsert", "request": {"key": made, "value": "x", "etag": "999999", "options": FIRST_WRITE}},
    ]
    assert "etag" in refusal(client, "state.transaction", store, operations)
    assert client.call("state.get", store, made) == "new"
    assert client.call("state.get", store, kept) == ""


def test_a_query_finds_by_content(client):
    people = [{"key": key(client, f"person{age}"), "value": {"kind": client.protocol, "age": age}} for age in (30, 20, 40)]
    client.call("state.save", "embedded", people)
    query = {
        "filter": {"AND": [{"EQ": {"kind": client.protocol}}, {"GT": {"age": 25}}]},
        "sort": [{"key": "age", "order": "DESC"}],
        "page": {"limit": 10},
    }
    results = client.call("state.query", "embedded", query)["results"]
    assert [result["key"] for result in results] == [key(client, "person40"), key(client, "person30")]


def test_a_store_that_is_not_there(client):
    assert "state store nowhere is not found" in refusal(client, "state.save", "nowhere", [{"key": "k", "value": 1}])


# --- publishing


def test_a_message_is_taken(client):
    for data in ({"order": 1}, "text", ["list"]):
        assert client.call("pubsub.publish", "pubsub", "topic", data) == {}


def test_several_messages_are_taken_at_once(client):
    messages = ["text", {"order": 1}, {"event": {"order": 2}, "entryID": "mine", "contentType": "application/json"}]
    assert client.call("pubsub.publishBulk", "pubsub", "topic", messages) == {"failedMessages": []}


def test_a_broker_that_is_not_there(client):
    assert "pubsub nowhere is not found" in refusal(client, "pubsub.publish", "nowhere", "topic", {"order": 1})
    failed = client.call("pubsub.publishBulk", "nowhere", "topic", ["text"])["failedMessages"]
    assert [entry["message"]["event"] for entry in failed] == ["text"]


# --- the rest


def test_secrets(client):
    assert client.call("secret.get", "vault", "password") == {"password": "p4ss"}
    every = client.call("secret.getBulk", "vault")
    assert every["db:user"] in ("me", {"db:user": "me"})
    with pytest.raises(SdkError, match="failed finding secret store"):
        client.call("secret.get", "nowhere", "password")


def test_what_the_runtime_tells_about_itself(client, sidecar):
    assert client.call("health.isHealthy") is True
    assert client.call("metadata.set", "colour", client.protocol) is True
    told = client.call("metadata.get")
    assert told["id"] == sidecar.app_id
    assert told["extended"]["colour"] == client.protocol
    types = {one["name"]: one["type"] for one in told["components"]}
    assert types == {"embedded": "state.mecha", "memory": "state.in-memory", "pubsub": "pubsub.in-memory", "vault": "secretstores.local.file"}


def test_what_comes_later_says_so(client):
    with pytest.raises(SdkError, match="not available in this version of Mecha"):
        client.call("lock.lock", "store", "resource", "owner", 10)


def test_the_runtime_ends_when_the_sdk_asks(dapr):
    ended = dapr.sidecar("ended", resources=[component("memory", "state.in-memory")])
    with Client("grpc", ended) as client:
        ended.expected_exit = True
        client.call("sidecar.shutdown")
    assert ended.wait() == 0
