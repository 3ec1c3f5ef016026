"""Publishing and delivery over HTTP as bytes: the envelope, every verdict an application can give, scopes, errors."""

import base64
import json

import pytest

from kit.application import Answer
from kit.resources import component, subscription
from kit.wait import eventually

DETAIL = "type.googleapis.com/google.rpc."
CLOUD_EVENT = {"specversion": "1.0", "type": "com.example.mine", "source": "e2e", "id": "42", "datacontenttype": "application/json", "data": {"n": 1}}


def wish(topic, **more):
    return {"pubsubname": "pubsub", "topic": topic, **({"route": f"/{topic}"} if "routes" not in more else {})} | more


@pytest.fixture(scope="module")
def app(shared_application):
    rules = {"rules": [{"match": 'event.type == "important"', "path": "/ruled/important"}, {"match": "event.data.size > 10", "path": "/ruled/large"}], "default": "/ruled/other"}
    only = {"rules": [{"match": "event.data.size > 10", "path": "/only/large"}]}
    return shared_application(
        *(wish(topic) for topic in ("plain", "bytes", "text", "cloud", "verdicts", "letters", "in/depth", "traced", "expiring")),
        wish("raw", metadata={"rawPayload": "true"}),
        wish("ruled", routes=rules),
        wish("only", routes=only),
        wish("dead", deadLetterTopic="letters"),
        wish("bulk", bulkSubscribe={"enabled": True, "maxMessagesCount": 5, "maxAwaitDurationMs": 100}),
        {"pubsubname": "scoped", "topic": "allowed", "route": "/scoped"},
    )


@pytest.fixture(scope="module")
def sidecar(shared, app):
    broker = component("pubsub", "pubsub.in-memory")
    scopes = {"publishingScopes": "orders=allowed", "allowedTopics": "allowed,other", "protectedTopics": ""}
    resources = [
        broker,
        component("durable", "pubsub.mecha"),
        component("scoped", "pubsub.in-memory", scopes),
        subscription("first", "declared-v1", "/declared/v1"),
        subscription("second", "declared-v2", routes={"rules": [{"match": "event.data.n == 1", "path": "/declared/one"}], "default": "/declared/rest"}),
        subscription("durable", "lasting", "/lasting", pubsub="durable"),
        subscription("elsewhere", "plain-elsewhere", "/elsewhere") | {"scopes": ["another-app"]},
    ]
    return shared.sidecar("orders", app_id="orders", port=app.port, resources=resources)


def publish(sidecar, topic, data=b"", kind="application/json", broker="pubsub", **params):
    data = json.dumps(data) if isinstance(data, (dict, list)) else data
    response = sidecar.request("POST", f"publish/{broker}/{topic}", data=data, headers={"content-type": kind}, params=params)
    assert (response.status_code, response.content) == (204, b""), response.text


def details(response):
    return {detail["@type"].removeprefix(DETAIL): detail for detail in response.json()["details"]}


# --- the envelope


def test_json_is_embedded(sidecar, app):
    publish(sidecar, "plain", {"order": 1})
    call = app.wait("/plain")[-1]
    event = call.json()
    assert call.method == "POST"
    assert call.get("content-type") == "application/cloudevents+json"
    assert event["data"] == {"order": 1}
    assert event["datacontenttype"] == "application/json"
    assert event["specversion"] == "1.0"
    assert event["type"] == "com.dapr.event.sent"
    assert event["source"] == "orders"
    assert event["topic"] == "plain"
    assert event["pubsubname"] == "pubsub"
    assert {"id", "time", "traceid", "traceparent"} <= event.keys()


def test_text_is_a_string_and_bytes_are_base64(sidecar, app):
    publish(sidecar, "text", "just words", "text/plain")
    assert app.wait("/text")[0].json()["data"] == "just words"
    publish(sidecar, "bytes", b"\x00\xff\x01", "application/octet-stream")
    event = app.wait("/bytes")[0].json()
    assert base64.b64decode(event["data_base64"]) == b"\x00\xff\x01"
    assert "data" not in event


def test_a_cloud_event_stays_what_it_is(sidecar, app):
    publish(sidecar, "cloud", CLOUD_EVENT, "application/cloudevents+json")
    event = app.wait("/cloud")[0].json()
    assert {key: event[key] for key in CLOUD_EVENT} == CLOUD_EVENT
    assert (event["topic"], event["pubsubname"]) == ("cloud", "pubsub")


def test_attributes_are_set_by_metadata(sidecar, app):
    attributes = {"id": "mine", "type": "t", "source": "s", "subject": "about", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    publish(sidecar, "traced", {}, **{f"metadata.cloudevent.{name}": value for name, value in attributes.items()})
    event = app.wait("/traced")[0].json()
    assert {name: event[name] for name in attributes} == attributes


def test_a_topic_may_have_slashes(sidecar, app):
    publish(sidecar, "in/depth", {"n": 1})
    assert app.wait("/in/depth")[0].json()["topic"] == "in/depth"


def test_raw_bytes_on_both_ends(sidecar, app):
    publish(sidecar, "raw", b"as it is", "text/plain", **{"metadata.rawPayload": "true"})
    event = app.wait("/raw")[0].json()
    assert base64.b64decode(event["data_base64"]) == b"as it is"
    assert event["topic"] == "raw"


def test_a_message_expires_undelivered(sidecar, app):
    async def late(call):
        return Answer(500)

    app.answers["/expiring"] = late
    publish(sidecar, "expiring", {"n": 1}, **{"metadata.ttlInSeconds": "1"})
    event = app.wait("/expiring")[0].json()
    assert "expiration" in event


# --- where it goes


@pytest.mark.parametrize(
    ("topic", "event", "path"),
    [
        ("ruled", CLOUD_EVENT | {"type": "important", "id": "r1"}, "/ruled/important"),
        ("ruled", CLOUD_EVENT | {"data": {"size": 11}, "id": "r2"}, "/ruled/large"),
        ("ruled", CLOUD_EVENT | {"data": {"size": 10}, "id": "r3"}, "/ruled/other"),
        ("declared-v1", CLOUD_EVENT | {"id": "d1"}, "/declared/v1"),
        ("declared-v2", CLOUD_EVENT | {"id": "d2"}, "/declared/one"),
        ("declared-v2", CLOUD_EVENT | {"data": {"n": 2}, "id": "d3"}, "/declared/rest"),
    ],
)
def test_rules_and_files_lead_to_a_path(sidecar, app, topic, event, path):
    publish(sidecar, topic, event, "application/cloudevents+json")
    eventually(lambda: event["id"] in [call.json()["id"] for call in app.at(path)], f"{event['id']} at {path}")


def test_what_no_rule_takes_is_dropped(sidecar, app):
    publish(sidecar, "only", {"size": 1})
    publish(sidecar, "only", {"size": 11})
    assert [call.json()["data"] for call in app.wait("/only/large")] == [{"size": 11}]


def test_a_subscription_of_another_application_is_none_of_ours(sidecar):
    topics = {one["topic"] for one in sidecar.metadata()["subscriptions"]}
    assert "lasting" in topics
    assert "plain-elsewhere" not in topics


def test_the_embedded_broker(sidecar, app):
    for number in range(10):
        publish(sidecar, "lasting", {"n": number}, broker="durable")
    assert sorted(call.json()["data"]["n"] for call in app.wait("/lasting", 10)) == list(range(10))


# --- verdicts


@pytest.mark.parametrize("answer", [Answer(), Answer(json={"status": "SUCCESS"}), Answer(json={"status": ""}), Answer(json={"status": "DROP"}), Answer(404), Answer(json={"other": 1})])
def test_answers_that_end_a_message(sidecar, app, answer):
    app.answers["/verdicts"] = answer
    before = len(app.at("/verdicts"))
    publish(sidecar, "verdicts", {"n": 1})
    app.wait("/verdicts", before + 1)
    app.answers["/verdicts"] = Answer()
    # A redelivery would come before what is published now: the broker keeps their order.
    publish(sidecar, "verdicts", {"n": "next"})
    assert [call.json()["data"]["n"] for call in app.wait("/verdicts", before + 2)[before:]] == [1, "next"]


@pytest.mark.parametrize("answer", [Answer(json={"status": "RETRY"}), Answer(500), Answer(json={"status": "NONSENSE"}), Answer(400)])
def test_answers_after_which_it_comes_again(sidecar, app, answer):
    before = len(app.at("/verdicts"))

    def once(call):
        app.answers["/verdicts"] = Answer()
        return answer

    app.answers["/verdicts"] = once
    publish(sidecar, "verdicts", {"n": "again"})
    calls = app.wait("/verdicts", before + 2)[before:]
    assert calls[0].json() == calls[1].json()


def test_a_dropped_message_goes_to_the_dead_letters(sidecar, app):
    app.answers["/dead"] = Answer(json={"status": "DROP"})
    publish(sidecar, "dead", {"dead": 1})
    letter = app.wait("/letters")[0].json()
    assert letter["data"] == {"dead": 1}
    assert letter["topic"] == "dead", "the envelope says where it came from"


def test_messages_in_bulk(sidecar, app):
    seen, failed = [], set()

    def answer(call):
        statuses = []
        for entry in call.json()["entries"]:
            number = entry["event"]["data"]["n"]
            seen.append(number)
            first = number == 3 and not failed
            failed.add(number) if first else None
            statuses.append({"entryId": entry["entryId"], "status": "RETRY" if first else "SUCCESS"})
        return Answer(json={"statuses": statuses})

    app.answers["/bulk"] = answer
    entries = [{"entryId": str(n), "event": {"n": n}, "contentType": "application/json"} for n in range(7)]
    assert sidecar.request("POST", "publish/bulk/pubsub/bulk", json=entries).status_code == 204
    eventually(lambda: sorted(seen) == [0, 1, 2, 3, 3, 4, 5, 6], "each once, the refused one twice")
    envelope = app.at("/bulk")[0].json()
    assert len(envelope["entries"]) <= 5
    assert (envelope["topic"], envelope["pubsubname"], envelope["type"]) == ("bulk", "pubsub", "com.dapr.event.sent.bulk")
    assert envelope["entries"][0]["contentType"] == "application/cloudevents+json"


# --- errors


def test_a_broker_that_is_not_there(sidecar):
    for path in ("publish/nowhere/topic", "publish/bulk/nowhere/topic"):
        response = sidecar.request("POST", path, json=[])
        assert response.status_code == 404
        assert response.json()["errorCode"] == "ERR_PUBSUB_NOT_FOUND"
        assert response.json()["message"] == "pubsub nowhere is not found"
        assert details(response)["ErrorInfo"]["reason"] == "DAPR_PUBSUB_NOT_FOUND"


def test_a_topic_without_a_name(sidecar):
    response = sidecar.request("POST", "publish/pubsub/")
    assert response.status_code == 404
    assert response.json()["errorCode"] in ("ERR_TOPIC_NAME_EMPTY", "ERR_DIRECT_INVOKE")


def test_a_topic_that_is_out_of_scope(sidecar):
    publish(sidecar, "allowed", {"n": 1}, broker="scoped")
    for path in ("publish/scoped/other", "publish/scoped/unknown"):
        response = sidecar.request("POST", path, json={})
        assert response.status_code == 403, response.text
        assert response.json()["errorCode"] == "ERR_PUBSUB_FORBIDDEN"


def test_a_bulk_that_makes_no_sense(sidecar):
    response = sidecar.request("POST", "publish/bulk/pubsub/bulk", data="{")
    assert response.status_code == 400
    assert response.json()["errorCode"] == "ERR_PUBSUB_EVENTS_SER"
    twice = [{"entryId": "1", "event": "a", "contentType": "text/plain"}] * 2
    response = sidecar.request("POST", "publish/bulk/pubsub/bulk", json=twice)
    assert response.status_code == 400
    assert response.json()["errorCode"] == "ERR_PUBSUB_EVENTS_SER"


def test_messages_wait_for_an_application_that_comes_later(dapr, application):
    """What the embedded broker has taken is handed over once somebody subscribes, also after a restart."""
    resources = [component("pubsub", "pubsub.mecha"), subscription("late", "late", "/late")]
    first = dapr.sidecar("orders", resources=resources, app_id="late-orders")
    publish(first, "late", {"kept": True})
    first.kill()
    app = application()
    again = dapr.sidecar("orders", resources=resources, app_id="late-orders", port=app.port, env={"MECHA_DATA_DIR": first.env["MECHA_DATA_DIR"]})
    publish(again, "late", {"kept": False})
    assert [call.json()["data"] for call in app.wait("/late", 2)] == [{"kept": True}, {"kept": False}]
