"""The state API as bytes: every route, its statuses, headers and errors."""

import sqlite3

import pytest

from kit.resources import component
from kit.tools import curl
from kit.wait import eventually

DETAIL = "type.googleapis.com/google.rpc."


@pytest.fixture(scope="module")
def sidecar(shared):
    key = {"secretKeyRef": {"name": "STATE", "key": "STATE"}}
    shared_file = shared.folder / "prefixes.db"
    resources = [
        component("store", "state.in-memory"),
        component("embedded", "state.mecha"),
        component("sqlite", "state.sqlite", {"connectionString": shared.folder / "state.db"}),
        component("by-name", "state.sqlite", {"connectionString": shared_file, "keyPrefix": "name"}),
        component("no-prefix", "state.sqlite", {"connectionString": shared_file, "keyPrefix": "none"}),
        component("literal", "state.sqlite", {"connectionString": shared_file, "keyPrefix": "mine"}),
        component("keys", "secretstores.local.env", {"prefix": "KEY_"}),
        component("secret", "state.sqlite", {"connectionString": shared_file, "primaryEncryptionKey": key, "keyPrefix": "none"})
        | {"auth": {"secretStore": "keys"}},
    ]
    return shared.sidecar(resources=resources, env={"KEY_STATE": "000102030405060708090a0b0c0d0e0f"})


@pytest.fixture(params=["store", "embedded", "sqlite"])
def store(request):
    return request.param


def save(sidecar, store, *items, **options):
    response = sidecar.request("POST", f"state/{store}", json=list(items), **options)
    assert (response.status_code, response.content) == (204, b""), response.text


def details(response):
    """The details of an error of the rich shape, by their type."""
    return {detail["@type"].removeprefix(DETAIL): detail for detail in response.json()["details"]}


def refused(response, status, code):
    """The message of an error of the plain shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"errorCode", "message"}
    assert body["errorCode"] == code
    return body["message"]


def test_a_value_and_its_etag(sidecar, store):
    save(sidecar, store, {"key": "one", "value": {"a": 1}})
    response = sidecar.request("GET", f"state/{store}/one")
    assert (response.status_code, response.content) == (200, b'{"a":1}')
    assert response.headers["content-type"] == "application/json"
    assert response.headers["etag"]


def test_curl_sees_what_it_wrote(sidecar):
    curl("--fail", "-X", "PUT", sidecar.url("state/store"), "-H", "Content-Type: application/json", "-d", '[{"key": "curl", "value": "said so"}]')
    assert curl("--fail", sidecar.url("state/store/curl")) == '"said so"'


def test_a_key_that_is_not_there(sidecar, store):
    response = sidecar.request("GET", f"state/{store}/nothing")
    assert (response.status_code, response.content) == (204, b"")
    assert "etag" not in response.headers


def test_no_items_are_fine(sidecar, store):
    save(sidecar, store)


def test_old_etags(sidecar, store):
    save(sidecar, store, {"key": "etag", "value": 1})
    old = sidecar.request("GET", f"state/{store}/etag").headers["etag"]
    save(sidecar, store, {"key": "etag", "value": 2, "etag": old})
    written = sidecar.request("POST", f"state/{store}", json=[{"key": "etag", "value": 3, "etag": old}])
    assert "possible etag mismatch" in refused(written, 409, "ERR_STATE_SAVE")
    deleted = sidecar.request("DELETE", f"state/{store}/etag", headers={"If-Match": old})
    assert "possible etag mismatch" in refused(deleted, 409, "ERR_STATE_DELETE")
    new = sidecar.request("GET", f"state/{store}/etag")
    assert new.text == "2"
    assert sidecar.request("DELETE", f"state/{store}/etag", headers={"If-Match": new.headers["etag"]}).status_code == 204
    assert sidecar.request("GET", f"state/{store}/etag").status_code == 204


def test_the_first_write_wins_when_asked(sidecar, store):
    first = {"key": "contended", "value": 1, "options": {"concurrency": "first-write"}}
    save(sidecar, store, first)
    assert "etag mismatch" in refused(sidecar.request("POST", f"state/{store}", json=[first | {"value": 2}]), 409, "ERR_STATE_SAVE")
    save(sidecar, store, {"key": "contended", "value": 3})
    assert sidecar.request("GET", f"state/{store}/contended").text == "3"


def test_several_keys_at_once(sidecar, store):
    save(sidecar, store, {"key": "many1", "value": {"n": 1}}, {"key": "many2", "value": "two"})
    response = sidecar.request("POST", f"state/{store}/bulk", json={"keys": ["many1", "none", "many2"], "parallelism": 2})
    assert response.status_code == 200
    found = {item["key"]: item for item in response.json()}
    assert found["many1"]["data"] == {"n": 1}
    assert found["many2"]["data"] == "two"
    assert found["many1"]["etag"]
    assert "data" not in found["none"]


def test_a_value_expires(sidecar, store):
    # SQLite counts whole seconds: what is to live for one may be gone at once.
    save(sidecar, store, {"key": "short", "value": 1, "metadata": {"ttlInSeconds": "2"}})
    response = sidecar.request("GET", f"state/{store}/short")
    assert response.headers["metadata.ttlexpiretime"].startswith("20")
    eventually(lambda: sidecar.request("GET", f"state/{store}/short").status_code == 204, "it is gone")


def test_metadata_of_the_query_wins(sidecar, store):
    save(sidecar, store, {"key": "query", "value": 1, "metadata": {"ttlInSeconds": "1"}}, params={"metadata.ttlInSeconds": "1000"})
    response = sidecar.request("POST", f"state/{store}/bulk", json={"keys": ["query"]})
    expires = response.json()[0]["metadata"]["ttlExpireTime"]
    save(sidecar, store, {"key": "later", "value": 1, "metadata": {"ttlInSeconds": "500"}})
    assert expires > sidecar.request("GET", f"state/{store}/later").headers["metadata.ttlexpiretime"]


def test_a_transaction(sidecar, store):
    save(sidecar, store, {"key": "gone", "value": 1})
    operations = [
        {"operation": "upsert", "request": {"key": "made", "value": {"in": "transaction"}}},
        {"operation": "delete", "request": {"key": "gone"}},
    ]
    response = sidecar.request("POST", f"state/{store}/transaction", json={"operations": operations})
    assert (response.status_code, response.content) == (204, b"")
    assert sidecar.request("GET", f"state/{store}/made").json() == {"in": "transaction"}
    assert sidecar.request("GET", f"state/{store}/gone").status_code == 204


def test_a_transaction_that_fails_changes_nothing(sidecar, store):
    save(sidecar, store, {"key": "steady", "value": 1})
    operations = [
        {"operation": "upsert", "request": {"key": "half", "value": 1}},
        {"operation": "upsert", "request": {"key": "steady", "value": 2, "etag": "424242"}},
    ]
    response = sidecar.request("POST", f"state/{store}/transaction", json={"operations": operations})
    assert "etag mismatch" in refused(response, 500, "ERR_STATE_TRANSACTION")
    assert sidecar.request("GET", f"state/{store}/steady").text == "1"
    assert sidecar.request("GET", f"state/{store}/half").status_code == 204


def test_an_operation_that_nobody_knows(sidecar):
    body = {"operations": [{"operation": "increment", "request": {"key": "k"}}]}
    message = refused(sidecar.request("POST", "state/store/transaction", json=body), 400, "ERR_NOT_SUPPORTED_STATE_OPERATION")
    assert message == "operation type increment not supported"


def test_a_query(sidecar):
    save(sidecar, "embedded", *({"key": f"q{n}", "value": {"kind": "q", "n": n}} for n in range(5)))
    query = {"filter": {"AND": [{"EQ": {"kind": "q"}}, {"IN": {"n": [1, 3, 4]}}]}, "sort": [{"key": "n", "order": "DESC"}], "page": {"limit": 2}}
    response = sidecar.request("POST", "v1.0-alpha1/state/embedded/query", json=query)
    assert response.status_code == 200
    first = response.json()
    assert [item["key"] for item in first["results"]] == ["q4", "q3"]
    query["page"]["token"] = first["token"]
    second = sidecar.request("PUT", "v1.0-alpha1/state/embedded/query", json=query).json()
    assert [item["data"] for item in second["results"]] == [{"kind": "q", "n": 1}]
    nothing = sidecar.request("POST", "v1.0-alpha1/state/embedded/query", json={"filter": {"EQ": {"kind": "never"}}})
    assert (nothing.status_code, nothing.content) == (204, b"")


def test_bodies_that_make_no_sense(sidecar, store):
    for path in (f"state/{store}", f"state/{store}/bulk", f"state/{store}/transaction"):
        message = refused(sidecar.request("POST", path, data="{no json"), 400, "ERR_MALFORMED_REQUEST")
        assert message.startswith("failed deserializing HTTP body: "), message


def test_a_store_that_is_not_there(sidecar):
    calls = [("GET", "state/nowhere/k"), ("POST", "state/nowhere"), ("DELETE", "state/nowhere/k"), ("POST", "state/nowhere/bulk"), ("POST", "state/nowhere/transaction")]
    for method, path in calls:
        response = sidecar.request(method, path, data="[]")
        assert response.status_code == 400, response.text
        body = response.json()
        assert body["errorCode"] == "ERR_STATE_STORE_NOT_FOUND"
        assert body["message"] == "state store nowhere is not found"
        assert details(response)["ErrorInfo"] == {"@type": DETAIL + "ErrorInfo", "domain": "dapr.io", "reason": "DAPR_STATE_NOT_FOUND", "metadata": {"appID": sidecar.app_id}}


def test_a_key_with_the_separator_is_refused_in_detail(sidecar, store):
    calls = [
        ("POST", f"state/{store}", [{"key": "a||b", "value": 1}]),
        ("GET", f"state/{store}/a||b", None),
        ("DELETE", f"state/{store}/a||b", None),
        ("POST", f"state/{store}/bulk", {"keys": ["a||b"]}),
        ("POST", f"state/{store}/transaction", {"operations": [{"operation": "upsert", "request": {"key": "a||b"}}]}),
    ]
    for method, path, body in calls:
        response = sidecar.request(method, path, json=body)
        assert response.status_code == 400, (method, path, response.text)
        error = response.json()
        assert error["errorCode"] == "ERR_MALFORMED_REQUEST"
        assert error["message"] == "input key/keyPrefix 'a||b' can't contain '||'"
        told = details(response)
        assert told["ErrorInfo"]["reason"] == "DAPR_STATE_ILLEGAL_KEY"
        assert told["ResourceInfo"]["resource_name"] == store
        assert told["ResourceInfo"]["resource_type"] == "state"
        assert told["BadRequest"]["field_violations"][0]["field"] == "a||b"


def test_what_a_store_can_not_do(sidecar):
    response = sidecar.request("POST", "v1.0-alpha1/state/store/query", json={"filter": {"EQ": {"a": 1}}})
    assert response.status_code == 500, response.text
    assert response.json()["errorCode"] == "ERR_STATE_STORE_NOT_SUPPORTED"
    assert details(response)["ErrorInfo"]["reason"] == "DAPR_STATE_QUERYING_NOT_SUPPORTED"


def test_without_any_store(dapr):
    bare = dapr.sidecar("bare", resources=[component("pubsub", "pubsub.in-memory")])
    error = bare.request("GET", "state/store/k")
    assert error.status_code == 500
    assert error.json()["errorCode"] == "ERR_STATE_STORE_NOT_CONFIGURED"
    assert details(error)["ErrorInfo"]["reason"] == "DAPR_STATE_NOT_CONFIGURED"


def test_keys_in_the_store_have_the_prefix_that_was_chosen(sidecar):
    for store in ("by-name", "no-prefix", "literal"):
        save(sidecar, store, {"key": f"{store}-key", "value": store})
    save(sidecar, "sqlite", {"key": "by-app", "value": 1})
    with sqlite3.connect(sidecar.folder / "prefixes.db") as opened:
        keys = {row[0] for row in opened.execute("SELECT key FROM state")}
    assert {"by-name||by-name-key", "no-prefix-key", "mine||literal-key"} <= keys
    with sqlite3.connect(sidecar.folder / "state.db") as opened:
        assert opened.execute("SELECT 1 FROM state WHERE key = ?", [f"{sidecar.app_id}||by-app"]).fetchone()


def test_encrypted_values_are_plain_for_the_application_only(sidecar):
    save(sidecar, "secret", {"key": "hidden", "value": "plain words"})
    assert sidecar.request("GET", "state/secret/hidden").json() == "plain words"
    with sqlite3.connect(sidecar.folder / "prefixes.db") as opened:
        value = opened.execute("SELECT value FROM state WHERE key = 'hidden'").fetchone()[0]
    assert "plain words" not in str(value)
