"""Resiliency resources: an application that misbehaves, and what the policies make of it."""

import json
import time

import pytest

from kit.application import Answer
from kit.client import Raw
from kit.resources import component, resource, subscription
from kit.wait import eventually

FAST = {"policy": "constant", "duration": "20ms", "maxRetries": 3}


def resiliency(policies, apps=None, components=None, **more):
    targets = {"apps": apps or {}, "components": components or {}}
    return resource("Resiliency", "policies", {"policies": policies, "targets": targets}, **more)


def failing(times, status=503, body="busy"):
    """Fails so often, then answers 200."""
    left = iter([Answer(status, body)] * times)
    return lambda call: next(left, Answer(200, "done"))


@pytest.fixture
def beside(dapr, application):
    """A runtime with these policies for its own application, which it invokes: `app, invoke`."""

    def start(policies, target, app_id="flaky", **more):
        app = application()
        sidecar = dapr.sidecar("flaky", app_id=app_id, port=app.port, resources=[resiliency(policies, {app_id: target} if target else None, **more)])

        def invoke(path, method="GET", **more):
            return sidecar.request(method, f"invoke/{app_id}/method/{path}", **more)

        return app, invoke, sidecar

    return start


def test_a_call_is_tried_again_until_it_succeeds(beside):
    app, invoke, _ = beside({"retries": {"fast": FAST}}, {"retry": "fast"})
    app.answers["/x"] = failing(2)
    response = invoke("x", "POST", data=b"the body")
    assert (response.status_code, response.text) == (200, "done")
    assert [call.body for call in app.at("/x")] == [b"the body"] * 3


def test_the_last_answer_is_the_callers_when_all_fail(beside):
    app, invoke, _ = beside({"retries": {"fast": FAST}}, {"retry": "fast"})
    app.answers["/x"] = failing(99, 502, "the application's own words")
    response = invoke("x")
    assert (response.status_code, response.text) == (502, "the application's own words")
    assert len(app.at("/x")) == 4


def test_only_the_codes_that_are_named_are_tried_again(beside):
    matching = {"matching": {"httpStatusCodes": "429,500-503"}}
    app, invoke, _ = beside({"retries": {"some": FAST | matching}}, {"retry": "some"})
    for code, calls in ((429, 2), (500, 2), (503, 2), (404, 1), (504, 1)):
        app.answers[f"/{code}"] = failing(1, code)
        invoke(str(code))
        assert len(app.at(f"/{code}")) == calls, code


def test_without_a_policy_an_answer_is_an_answer(beside):
    app, invoke, _ = beside({}, None)
    app.answers["/x"] = failing(99)
    assert invoke("x").status_code == 503
    assert len(app.at("/x")) == 1


def test_a_body_of_unknown_length_is_sent_once(beside):
    app, _, sidecar = beside({"retries": {"fast": FAST}}, {"retry": "fast"})
    app.answers["/x"] = failing(1)
    with Raw(sidecar.http) as client:
        client.send(f"POST /v1.0/invoke/{sidecar.app_id}/method/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
        assert client.response().status == 503
    assert len(app.at("/x")) == 1


def test_a_call_ends_in_time(beside):
    app, invoke, _ = beside({"timeouts": {"short": "200ms"}}, {"timeout": "short"})

    async def silent(call):
        await call.request.connection.gone()

    app.answers["/x"] = silent
    begun = time.monotonic()
    response = invoke("x")
    assert 0.2 <= time.monotonic() - begun < 5
    assert response.status_code == 500
    assert response.json()["errorCode"] == "ERR_DIRECT_INVOKE"


def test_a_breaker_opens_and_closes_again(beside):
    breaker = {"maxRequests": 1, "timeout": "1s", "trip": "consecutiveFailures >= 3"}
    app, invoke, sidecar = beside({"circuitBreakers": {"careful": breaker}}, {"circuitBreaker": "careful"})
    app.answers["/x"] = failing(3)
    assert [invoke("x").status_code for _ in range(3)] == [503] * 3
    refused = invoke("x")
    assert refused.status_code == 500
    assert "circuit breaker is open" in refused.json()["message"]
    assert len(app.at("/x")) == 3, "the application is left alone"
    assert sidecar.metric("dapr_resiliency_cb_state", status="open") == 1
    eventually(lambda: invoke("x").status_code == 200, "it closes again")
    assert sidecar.metric("dapr_resiliency_cb_state", status="open") == 0


def test_policies_are_counted(beside):
    app, invoke, sidecar = beside({"retries": {"fast": FAST}}, {"retry": "fast"})
    app.answers["/x"] = failing(2)
    invoke("x")
    assert sidecar.metric("dapr_resiliency_loaded") >= 1
    labels = {"name": "policies", "policy": "retry", "target": "app_flaky"}
    assert sidecar.metric("dapr_resiliency_count", **labels) >= 1
    assert sidecar.metric("dapr_resiliency_activations_total", **labels) >= 2


def test_a_default_policy_holds_for_all(beside):
    app, invoke, _ = beside({"retries": {"DefaultAppRetryPolicy": FAST}}, None)
    app.answers["/x"] = failing(1)
    assert invoke("x").status_code == 200
    assert len(app.at("/x")) == 2


def test_policies_of_another_application_are_none_of_ours(beside, dapr, application):
    app = application(x=failing(1))
    foreign = resiliency({"retries": {"fast": FAST}}, {"mine": {"retry": "fast"}}, scopes=["another"])
    sidecar = dapr.sidecar("mine", app_id="mine", port=app.port, resources=[foreign])
    assert sidecar.request("GET", "invoke/mine/method/x").status_code == 503


def test_a_delivery_is_tried_again_and_becomes_a_dead_letter(dapr, application):
    app = application(x=Answer(500, "no"))
    policies = resiliency({"retries": {"fast": FAST | {"maxRetries": 2}}}, components={"pubsub": {"inbound": {"retry": "fast"}}})
    files = [subscription("x", "topic", "/x", deadLetterTopic="dead"), subscription("dead", "dead", "/dead")]
    sidecar = dapr.sidecar("inbound", port=app.port, resources=[component("pubsub", "pubsub.in-memory"), policies, *files])
    sidecar.request("POST", "publish/pubsub/topic", json={"n": 1})
    assert app.wait("/dead")[0].json()["data"] == {"n": 1}
    assert len(app.at("/x")) == 3


def test_a_policy_that_makes_no_sense_is_left_out(dapr):
    wrong = resiliency({"timeouts": {"never": "soon"}}, {"x": {"timeout": "never"}})
    sidecar = dapr.sidecar("wrong", resources=[wrong])
    eventually(lambda: "Could not read resiliency policy policies" in sidecar.log(), "the log says so")


def test_another_runtime_that_is_gone_is_tried_again(dapr, application):
    """The built-in policy: three more tries, a second apart, so a callee that restarts is not noticed."""
    app = application(x=Answer(200, json.dumps("back")))
    callee = dapr.sidecar("callee", port=app.port)
    caller = dapr.sidecar("caller")
    path = f"invoke/{callee.app_id}/method/x"
    assert caller.request("GET", path).status_code == 200
    callee.kill()
    callee.start()
    assert caller.request("GET", path, timeout=20).status_code == 200
