"""State by the Python SDK, over every kind of store: sync and asyncio, etags, transactions, TTL, queries, errors."""

import asyncio
import json

import grpc
import pytest
from dapr.clients.exceptions import DaprGrpcError, DaprInternalError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions

from kit.resources import component, redis_metadata
from kit.wait import eventually

FIRST = StateOptions(concurrency=Concurrency.first_write)
LAST = StateOptions(concurrency=Concurrency.last_write, consistency=Consistency.strong)
UPSERT, DELETE = TransactionOperationType.upsert, TransactionOperationType.delete


@pytest.fixture(scope="module")
def sidecar(shared, redis):
    stores = [
        component("memory", "state.in-memory"),
        component("embedded", "state.mecha"),
        component("embedded-by-name", "state.mecha", {"keyPrefix": "name"}),
        component("sqlite", "state.sqlite", {"connectionString": shared.folder / "state.db"}),
    ]
    return shared.sidecar(resources=stores + ([component("redis", "state.redis", redis_metadata(redis))] if redis else []))


@pytest.fixture
def client(sidecar):
    with sidecar.client() as opened:
        yield opened


@pytest.fixture(params=["memory", "embedded", "sqlite", "redis"])
def store(request, need):
    if request.param == "redis":
        need("redis-server")
    return request.param


def op(kind: TransactionOperationType, key: str, data: str | None = None, etag: str | None = None) -> TransactionalStateOperation:
    return TransactionalStateOperation(operation_type=kind, key=key, data=data, etag=etag)


# --- one key


@pytest.mark.parametrize("value", [b"text", b'{"a": [1, 2.50, null]}', b"42", bytes(range(256)), b"x" * 1_000_000], ids=["text", "json", "number", "bytes", "large"])
def test_a_value_comes_back_as_it_was_saved(client, store, value):
    client.save_state(store, "value", value)
    found = client.get_state(store, "value")
    assert (found.data, bool(found.etag)) == (value, True)


def test_a_key_that_was_never_saved_is_empty(client, store):
    found = client.get_state(store, "never")
    assert (found.data, found.etag) == (b"", "")


@pytest.mark.parametrize("key", ["with space", "sl/ash", "ünï", "a:b", "per%cent"])
def test_any_key(client, store, key):
    client.save_state(store, key, "here")
    assert client.get_state(store, key).data == b"here"
    client.delete_state(store, key)
    assert client.get_state(store, key).data == b""


def test_deleting_twice_is_no_error(client, store):
    client.save_state(store, "gone", "x")
    client.delete_state(store, "gone")
    client.delete_state(store, "gone")
    assert client.get_state(store, "gone").etag == ""


# --- etags and concurrency


def test_an_etag_guards_what_it_belongs_to(client, store):
    client.save_state(store, "guarded", "1")
    old = client.get_state(store, "guarded").etag
    client.save_state(store, "guarded", "2", etag=old)
    with pytest.raises(DaprGrpcError) as failed:
        client.save_state(store, "guarded", "3", etag=old)
    assert failed.value.code() is grpc.StatusCode.ABORTED
    with pytest.raises(DaprGrpcError) as failed:
        client.delete_state(store, "guarded", etag=old)
    assert failed.value.code() is grpc.StatusCode.ABORTED
    found = client.get_state(store, "guarded")
    assert found.data == b"2" and found.etag != old
    client.delete_state(store, "guarded", etag=found.etag)
    assert client.get_state(store, "guarded").data == b""


def test_the_first_write_wins_when_asked_for(client, store):
    client.save_state(store, "first", "1", options=FIRST)
    with pytest.raises(DaprGrpcError) as failed:
        client.save_state(store, "first", "2", options=FIRST)
    assert failed.value.code() is grpc.StatusCode.ABORTED
    assert client.get_state(store, "first").data == b"1"
    client.save_state(store, "first", "3", options=LAST)
    assert client.get_state(store, "first").data == b"3"


def test_one_of_many_writers_with_the_same_etag_wins(sidecar, store):
    async def race():
        async with sidecar.aclient() as opened:
            await opened.save_state(store, "race", "0")
            etag = (await opened.get_state(store, "race")).etag
            writers = [opened.save_state(store, "race", str(number), etag=etag) for number in range(20)]
            return await asyncio.gather(*writers, return_exceptions=True)

    results = asyncio.run(race())
    lost = [result for result in results if isinstance(result, Exception)]
    # The SDK's asyncio half wraps what grpcio raises.
    assert len(lost) == 19 and {error.__cause__.code() for error in lost} == {grpc.StatusCode.ABORTED}


# --- several keys


def test_several_at_once(client, store):
    keys = [f"bulk-{number}" for number in range(20)]
    client.save_bulk_state(store, [StateItem(key=key, value=f"value of {key}") for key in keys])
    found = {item.key: item for item in client.get_bulk_state(store, [*keys, "bulk-none"], parallelism=4).items}
    assert {key: found[key].data for key in keys} == {key: f"value of {key}".encode() for key in keys}
    assert all(found[key].etag and not found[key].error for key in keys)
    assert (found["bulk-none"].data, found["bulk-none"].etag) == (b"", "")


def test_several_with_one_etag_that_is_old(client, store):
    client.save_state(store, "bulk-old", "1")
    old = client.get_state(store, "bulk-old").etag
    client.save_state(store, "bulk-old", "2")
    with pytest.raises(DaprGrpcError) as failed:
        client.save_bulk_state(store, [StateItem(key="bulk-old", value="3", etag=old), StateItem(key="bulk-new", value="3")])
    assert failed.value.code() is grpc.StatusCode.ABORTED
    assert client.get_state(store, "bulk-old").data == b"2"


# --- transactions


def test_a_transaction_is_done_whole(client, store):
    client.save_state(store, "tx-gone", "x")
    client.execute_state_transaction(store, [op(UPSERT, "tx-a", "1"), op(UPSERT, "tx-b", "2"), op(DELETE, "tx-gone")])
    found = [client.get_state(store, key).data for key in ("tx-a", "tx-b", "tx-gone")]
    assert found == [b"1", b"2", b""]


def test_a_transaction_with_an_old_etag_changes_nothing(client, store):
    client.save_state(store, "tx-old", "1")
    old = client.get_state(store, "tx-old").etag
    client.save_state(store, "tx-old", "2")
    with pytest.raises(DaprGrpcError) as failed:
        client.execute_state_transaction(store, [op(UPSERT, "tx-other", "new"), op(UPSERT, "tx-old", "3", old)])
    assert failed.value.code() in (grpc.StatusCode.ABORTED, grpc.StatusCode.INTERNAL)
    assert client.get_state(store, "tx-other").data == b""
    assert client.get_state(store, "tx-old").data == b"2"


# --- time to live


def test_a_value_ends_after_its_time(client, store):
    # SQLite counts whole seconds: what is to live for one may be gone at once.
    client.save_state(store, "brief", "x", state_metadata={"ttlInSeconds": "2"})
    client.save_state(store, "long", "x", state_metadata={"ttlInSeconds": "100"})
    assert client.get_state(store, "brief").data == b"x"
    eventually(lambda: client.get_state(store, "brief").data == b"", "it is gone", 5)
    assert client.get_state(store, "long").data == b"x"


def test_a_time_to_live_can_be_taken_back(client, store):
    client.save_state(store, "kept", "x", state_metadata={"ttlInSeconds": "1"})
    client.save_state(store, "kept", "y", state_metadata={"ttlInSeconds": "-1"})
    client.save_state(store, "clock", "x", state_metadata={"ttlInSeconds": "2"})
    eventually(lambda: client.get_state(store, "clock").data == b"", "two seconds have gone", 6)
    assert client.get_state(store, "kept").data == b"y"


@pytest.mark.parametrize("ttl", ["soon", "1.5"])
def test_a_time_to_live_that_is_no_number(client, store, ttl):
    with pytest.raises(DaprGrpcError):
        client.save_state(store, "odd", "x", state_metadata={"ttlInSeconds": ttl})
    assert client.get_state(store, "odd").data == b""


# --- queries


PEOPLE = {
    "p1": {"name": "Ada", "city": "London", "age": 36, "team": {"id": 1}},
    "p2": {"name": "Alan", "city": "London", "age": 41, "team": {"id": 2}},
    "p3": {"name": "Grace", "city": "New York", "age": 85, "team": {"id": 1}},
    "p4": {"name": "Edsger", "city": "Austin", "age": 72, "team": {"id": 3}},
}


@pytest.fixture(scope="module")
def people(sidecar):
    """A store that can be asked for values."""
    with sidecar.client() as opened:
        for key, value in PEOPLE.items():
            opened.save_state("embedded-by-name", key, json.dumps(value), state_metadata={"contentType": "application/json"})
    return "embedded-by-name"


def query(client, store: str, **parts) -> list[str]:
    return [item.key for item in client.query_state(store, json.dumps(parts)).results]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"EQ": {"city": "London"}}, {"p1", "p2"}),
        ({"NEQ": {"city": "London"}}, {"p3", "p4"}),
        ({"GT": {"age": 41}}, {"p3", "p4"}),
        ({"LTE": {"age": 41}}, {"p1", "p2"}),
        ({"IN": {"city": ["Austin", "New York"]}}, {"p3", "p4"}),
        ({"AND": [{"EQ": {"team.id": 1}}, {"EQ": {"city": "London"}}]}, {"p1"}),
        ({"OR": [{"EQ": {"team.id": 3}}, {"EQ": {"name": "Ada"}}]}, {"p1", "p4"}),
        ({"EQ": {"city": "Paris"}}, set()),
    ],
)
def test_values_are_found_by_what_is_in_them(client, people, condition, expected):
    assert set(query(client, people, filter=condition)) == expected


def test_what_is_found_can_be_sorted_and_comes_in_pages(client, people):
    by_age = {"filter": {}, "sort": [{"key": "age", "order": "DESC"}]}
    assert query(client, people, **by_age) == ["p3", "p4", "p2", "p1"]
    first = client.query_state(people, json.dumps(by_age | {"page": {"limit": 3}}))
    assert [item.key for item in first.results] == ["p3", "p4", "p2"] and first.token
    second = client.query_state(people, json.dumps(by_age | {"page": {"limit": 3, "token": first.token}}))
    assert [item.key for item in second.results] == ["p1"]
    assert json.loads(second.results[0].value) == PEOPLE["p1"] and second.results[0].etag


def test_a_query_that_makes_no_sense(client, people):
    with pytest.raises(DaprGrpcError) as failed:
        client.query_state(people, '{"filter": {"ALMOST": {"a": 1}}}')
    assert failed.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)


# --- errors and metadata


def test_a_store_that_is_not_there(client):
    with pytest.raises(DaprGrpcError) as failed:
        client.get_state("nowhere", "key")
    error = failed.value
    assert (error.code(), error.error_code()) == (grpc.StatusCode.INVALID_ARGUMENT, "DAPR_STATE_NOT_FOUND")
    assert "nowhere" in error.details()
    assert error.status_details().error_info["domain"] == "dapr.io"


def test_a_key_with_the_separator_is_refused(client, store):
    with pytest.raises(DaprGrpcError) as failed:
        client.save_state(store, "a||b", "x")
    error = failed.value
    assert (error.code(), error.error_code()) == (grpc.StatusCode.INVALID_ARGUMENT, "DAPR_STATE_ILLEGAL_KEY")
    assert error.status_details().resource_info["resource_name"] == store
    assert error.status_details().bad_request["field_violations"][0]["field"] == "a||b"


def test_a_store_without_queries_says_so(client):
    with pytest.raises(DaprGrpcError) as failed:
        client.query_state("sqlite", "{}")
    error = failed.value
    assert (error.code(), error.error_code()) == (grpc.StatusCode.INTERNAL, "DAPR_STATE_QUERYING_NOT_SUPPORTED")


def test_a_message_larger_than_the_limit_is_refused(client, store):
    with pytest.raises(DaprGrpcError) as failed:
        client.save_state(store, "huge", b"x" * (5 << 20))
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    client.save_state(store, "huge", b"x" * (3 << 20))
    assert len(client.get_state(store, "huge").data) == 3 << 20


def test_values_are_those_of_the_http_api(client, sidecar, store):
    client.save_state(store, "both", json.dumps({"n": 1}))
    response = sidecar.request("GET", f"state/{store}/both")
    assert response.json() == {"n": 1} and response.headers["etag"] == client.get_state(store, "both").etag
    assert sidecar.request("POST", f"state/{store}", json=[{"key": "both", "value": "text"}]).status_code == 204
    assert json.loads(client.get_state(store, "both").data) == "text"


# --- asyncio


def test_everything_by_asyncio(sidecar, store):
    async def work():
        async with sidecar.aclient() as opened:
            await opened.save_state(store, "async", "1")
            first = await opened.get_state(store, "async")
            await opened.save_state(store, "async", "2", etag=first.etag)
            await opened.save_bulk_state(store, [StateItem(key="async-a", value="a"), StateItem(key="async-b", value="b")])
            await opened.execute_state_transaction(store, [op(UPSERT, "async-c", "c"), op(DELETE, "async-a")])
            await opened.delete_state(store, "async-b")
            many = await opened.get_bulk_state(store, ["async", "async-a", "async-b", "async-c"])
            with pytest.raises(DaprInternalError) as failed:
                await opened.save_state(store, "async", "3", etag=first.etag)
            return {item.key: item.data for item in many.items}, failed.value.__cause__.code()

    found, code = asyncio.run(work())
    assert found == {"async": b"2", "async-a": b"", "async-b": b"", "async-c": b"c"}
    assert code is grpc.StatusCode.ABORTED


def test_many_calls_at_once(sidecar, store):
    async def work():
        async with sidecar.aclient() as opened:
            await asyncio.gather(*(opened.save_state(store, f"many-{number}", str(number)) for number in range(200)))
            found = await asyncio.gather(*(opened.get_state(store, f"many-{number}") for number in range(200)))
            return [item.data for item in found]

    assert asyncio.run(work()) == [str(number).encode() for number in range(200)]


# --- across the life of a runtime


def test_what_is_embedded_survives_a_kill(dapr):
    one = dapr.sidecar("durable")
    with one.client() as opened:
        for number in range(50):
            opened.save_state("statestore", f"k{number}", str(number))
        etag = opened.get_state("statestore", "k7").etag
    one.kill()
    one.start().ready()
    with one.client() as opened:
        assert [opened.get_state("statestore", f"k{number}").data for number in range(50)] == [str(number).encode() for number in range(50)]
        assert opened.get_state("statestore", "k7").etag == etag


def test_two_applications_do_not_see_each_others_keys(dapr):
    file = dapr.folder / "shared.db"
    resources = [component("shared", "state.sqlite", {"connectionString": file}), component("common", "state.sqlite", {"connectionString": file, "keyPrefix": "none"})]
    one, two = dapr.sidecars(("one", (), {"resources": resources}), ("two", (), {"resources": resources}))
    with one.client() as opened:
        opened.save_state("shared", "key", "of one")
        opened.save_state("common", "key", "of all")
    with two.client() as opened:
        assert opened.get_state("shared", "key").data == b""
        assert opened.get_state("common", "key").data == b"of all"
