"""How a runtime ends: asked by a signal or through its API, gracefully, blocking first, or at once; with what status."""

import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from kit.application import Answer
from kit.backend import Gate
from kit.mecha import refuses
from kit.resources import component, subscription
from kit.wait import eventually

RESOURCES = [component("store", "state.in-memory"), component("pubsub", "pubsub.in-memory"), subscription("t", "t", "/t")]


@pytest.fixture
def held(dapr, application, aside):
    """A runtime with a call to its application under way: `sidecar, app, gate, answers`."""

    def start(*flags):
        gate, answers = Gate(), []

        async def slow(call):
            await gate.passed()
            return Answer(200, "in the end")

        app = application(slow=slow)
        sidecar = dapr.sidecar("held", *flags, port=app.port, resources=RESOURCES)
        sidecar.expected_exit = True

        def call():
            try:
                answers.append(sidecar.request("GET", f"invoke/{sidecar.app_id}/method/slow", timeout=30).text)
            except OSError as error:
                answers.append(error)

        aside(call)
        app.wait("/slow")
        return sidecar, app, gate, answers

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(dapr, application, number):
    app = application()
    sidecar = dapr.sidecar("signal", port=app.port, resources=RESOURCES)
    sidecar.signal(number)
    assert sidecar.wait() == 0
    assert "Daprd shutdown gracefully" in sidecar.log()
    assert refuses(sidecar.http)


def test_the_api_ends_it_with_status_0(dapr):
    sidecar = dapr.sidecar("api", resources=RESOURCES)
    sidecar.expected_exit = True
    response = sidecar.request("POST", "shutdown")
    assert (response.status_code, response.content) == (204, b"")
    assert sidecar.wait() == 0
    assert "Shutdown requested via API" in sidecar.log()
    assert "Daprd shutdown gracefully" in sidecar.log()


def test_a_forced_end_does_not_wait(held):
    sidecar, _, gate, answers = held()
    begun = time.monotonic()
    assert sidecar.request("POST", "shutdown", headers={"dapr-force-shutdown": "true"}).status_code == 204
    assert sidecar.wait() == 1
    assert time.monotonic() - begun < 3
    assert "Force shutdown requested, exiting immediately without graceful shutdown" in sidecar.log()
    gate.open()
    assert eventually(lambda: answers, "the caller learns it")[0] != "in the end"


def test_a_call_under_way_is_finished(held):
    sidecar, _, gate, answers = held()
    sidecar.signal(signal.SIGTERM)
    eventually(lambda: refuses(sidecar.http), "nothing new is taken")
    gate.open()
    assert sidecar.wait() == 0
    assert eventually(lambda: answers, "the caller has its answer") == ["in the end"]


def test_patience_has_an_end(held):
    sidecar, _, gate, _ = held("--dapr-graceful-shutdown-seconds=1")
    begun = time.monotonic()
    sidecar.signal(signal.SIGTERM)
    sidecar.wait()
    assert 0.9 <= time.monotonic() - begun < 5
    gate.open()


def test_a_blocked_end_keeps_the_apis_but_takes_no_messages(dapr, application):
    app = application()
    sidecar = dapr.sidecar("blocked", "--dapr-block-shutdown-duration=2s", port=app.port, resources=RESOURCES)
    sidecar.request("POST", "publish/pubsub/t", json={})
    app.wait("/t")
    begun = time.monotonic()
    sidecar.signal(signal.SIGTERM)
    eventually(lambda: "Blocking graceful shutdown for 2s or until app reports unhealthy..." in sidecar.log(), "it blocks")
    assert sidecar.request("POST", "state/store", json=[{"key": "k", "value": 1}]).status_code == 204
    assert sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x").status_code == 200
    sidecar.request("POST", "publish/pubsub/t", json={})
    assert sidecar.wait() == 0
    assert time.monotonic() - begun >= 1.9
    assert len(app.at("/t")) == 1, "subscriptions have ended"
    assert "Block shutdown period expired, entering shutdown..." in sidecar.log()


def test_a_blocked_end_goes_on_when_the_application_is_unwell(dapr, application):
    app = application()
    probes = ["--enable-app-health-check=true", "--app-health-check-path=/health", "--app-health-probe-interval=1", "--app-health-threshold=1"]
    sidecar = dapr.sidecar("unwell", "--dapr-block-shutdown-duration=60s", *probes, port=app.port, resources=RESOURCES)
    app.wait("/health")
    eventually(lambda: sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x").status_code == 200, "it is well")
    sidecar.signal(signal.SIGTERM)
    eventually(lambda: "Blocking graceful shutdown" in sidecar.log(), "it blocks")
    app.answers["/health"] = Answer(500)
    assert sidecar.wait() == 0
    assert "App reported unhealthy, entering shutdown..." in sidecar.log()


def test_a_second_signal_does_not_wait(dapr):
    sidecar = dapr.sidecar("twice", "--dapr-block-shutdown-duration=60s", resources=RESOURCES)
    sidecar.signal(signal.SIGTERM)
    eventually(lambda: "Blocking graceful shutdown" in sidecar.log(), "it blocks")
    sidecar.signal(signal.SIGTERM)
    sidecar.wait()


def test_messages_under_way_are_settled(dapr, application):
    """A delivery that the application is still working on is answered before the end; meanwhile it has the APIs."""
    gate = Gate()
    done = threading.Event()

    async def slow(call):
        await gate.passed()
        done.set()
        return Answer()

    app = application(t=slow)
    sidecar = dapr.sidecar("settled", port=app.port, resources=RESOURCES)
    sidecar.request("POST", "publish/pubsub/t", json={})
    app.wait("/t")
    sidecar.signal(signal.SIGTERM)
    eventually(lambda: "beginning shutdown" in sidecar.log(), "it has begun to end")
    assert sidecar.request("POST", "state/store", json=[{"key": "k", "value": 1}]).status_code == 204
    gate.open()
    assert sidecar.wait() == 0
    assert done.is_set()
    assert len(app.at("/t")) == 1


def test_an_end_while_the_application_never_listens(dapr, application):
    app = application()
    app.stop()
    sidecar = dapr.sidecar("never", port=app.port, resources=RESOURCES, ready=False)
    eventually(lambda: "waiting on port" in sidecar.log(), "it waits")
    sidecar.signal(signal.SIGTERM)
    assert sidecar.wait() == 0


def test_sockets_that_are_files_go_with_the_runtime(dapr):
    # The path of a socket may not be long.
    folder = Path(tempfile.mkdtemp(prefix="mecha"))
    sidecar = dapr.sidecar("files", "--unix-domain-socket", folder, ready=False)
    eventually(lambda: "dapr initialized. Status: Running." in sidecar.log(), "it runs")
    assert len(list(folder.iterdir())) == 2
    sidecar.signal(signal.SIGTERM)
    assert sidecar.wait() == 0
    folder.rmdir()
