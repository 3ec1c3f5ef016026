"""What a runtime does about an application that is unwell or busy: health probes, and most calls at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.application import Answer
from kit.backend import Gate
from kit.resources import component, subscription
from kit.wait import eventually

PROBES = ["--enable-app-health-check=true", "--app-health-check-path=/health", "--app-health-probe-interval=1", "--app-health-probe-timeout=200", "--app-health-threshold=2"]
RESOURCES = [component("pubsub", "pubsub.in-memory"), subscription("t", "t", "/t")]


def is_well(sidecar):
    return sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x").status_code == 200


def test_an_unwell_application_is_left_alone_until_it_is_well(dapr, application):
    app = application()
    sidecar = dapr.sidecar("unwell", *PROBES, port=app.port, resources=RESOURCES)
    app.wait("/health")
    eventually(lambda: is_well(sidecar), "calls go through")
    health = sidecar.metadata()["appConnectionProperties"]["health"]
    assert health == {"healthCheckPath": "/health", "healthProbeInterval": "1s", "healthProbeTimeout": "200ms", "healthThreshold": 2}

    app.answers["/health"] = Answer(500)
    eventually(lambda: not is_well(sidecar), "calls are refused")
    refused = sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x")
    assert refused.status_code == 500
    assert "app is not in a healthy state" in refused.text
    sidecar.request("POST", "publish/pubsub/t", json={"n": 1})

    app.answers["/health"] = Answer(204)
    eventually(lambda: is_well(sidecar), "calls go through again")
    sidecar.request("POST", "publish/pubsub/t", json={"n": 2})
    eventually(lambda: {"n": 2} in [call.json()["data"] for call in app.at("/t")], "messages come again")


def test_an_application_that_is_unwell_from_the_start(dapr, application):
    app = application(health=Answer(503))
    sidecar = dapr.sidecar("unready", *PROBES, port=app.port, resources=RESOURCES, ready=False)
    app.wait("/health", 2)
    assert sidecar.request("GET", "healthz").status_code == 500 or not is_well(sidecar)
    app.answers["/health"] = Answer(200)
    eventually(lambda: is_well(sidecar), "calls go through")


def test_a_probe_that_takes_too_long_counts_as_failed(dapr, application):
    app = application()
    sidecar = dapr.sidecar("slow", *PROBES, port=app.port, resources=RESOURCES)
    eventually(lambda: is_well(sidecar), "calls go through")

    async def silent(call):
        await call.request.connection.gone()

    app.answers["/health"] = silent
    eventually(lambda: not is_well(sidecar), "calls are refused")


@pytest.mark.parametrize("most", [1, 3])
def test_most_calls_at_once(dapr, application, most):
    gate, lock = Gate(), threading.Lock()
    now, peak = [0], [0]

    async def slow(call):
        with lock:
            now[0] += 1
            peak[0] = max(peak[0], now[0])
        await gate.passed()
        with lock:
            now[0] -= 1
        return Answer(200, "done")

    app = application(slow=slow)
    sidecar = dapr.sidecar("busy", f"--app-max-concurrency={most}", port=app.port)
    assert sidecar.metadata()["appConnectionProperties"]["maxConcurrency"] == most
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(sidecar.request, "GET", f"invoke/{sidecar.app_id}/method/slow") for _ in range(8)]
        app.wait("/slow", most)
        gate.open()
        assert [call.result().text for call in calls] == ["done"] * 8
    assert peak[0] == most
    assert len(app.at("/slow")) == 8
