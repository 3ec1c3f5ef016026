"""Changed files taken over while the runtime serves, and SIGHUP: the same process on the same ports, made anew."""

import re
import signal
from pathlib import Path

import pytest

from kit.application import Answer
from kit.resources import component, configuration, document, resource, subscription
from kit.wait import eventually

STORE = component("store", "state.in-memory")
BROKER = component("pubsub", "pubsub.in-memory")


def names(sidecar):
    return {one["name"] for one in sidecar.metadata()["components"]}


def said(sidecar, *lines):
    """Waits for these lines, each after the one before it."""

    def found():
        log, at = sidecar.log(), 0
        for line in lines:
            at = log.find(line, at)
            if at < 0:
                return False
        return True

    eventually(found, f"{lines} in the log")


def started(sidecar, count):
    """Waits until it has started so often in all, and serves."""
    eventually(lambda: sidecar.log().count("dapr initialized. Status: Running.") == count, f"start {count}")
    sidecar.ready()


# --- files


def test_components_come_change_and_go(dapr):
    sidecar = dapr.sidecar("reload", resources=[STORE])
    sidecar.request("POST", "state/store", json=[{"key": "k", "value": 1}])
    sidecar.write_resources([component("second", "state.in-memory")], "second.yaml")
    eventually(lambda: names(sidecar) == {"store", "second"}, "the second store is there")
    assert sidecar.request("POST", "state/second", json=[{"key": "k", "value": 2}]).status_code == 204

    sidecar.write_resources([component("second", "state.in-memory", {"keyPrefix": "other"})], "second.yaml")
    said(sidecar, "Closing existing Component to reload", "Component updated: second (state.in-memory/v1)")
    eventually(lambda: sidecar.request("GET", "state/second/k").status_code == 204, "the new one is empty")
    assert sidecar.request("GET", "state/store/k").text == "1", "nothing happened to the other"

    (sidecar.resources / "second.yaml").unlink()
    eventually(lambda: names(sidecar) == {"store"}, "it is gone")
    assert sidecar.request("GET", "state/second/k").status_code == 400


def test_the_same_content_changes_nothing(dapr):
    sidecar = dapr.sidecar("same", resources=[STORE])
    sidecar.request("POST", "state/store", json=[{"key": "k", "value": 1}])
    sidecar.write_resources([STORE])
    # What comes later shows that the write has been seen.
    sidecar.write_resources([component("mark", "state.in-memory")], "mark.yaml")
    eventually(lambda: "mark" in names(sidecar), "the mark is there")
    assert sidecar.request("GET", "state/store/k").text == "1"
    assert "Component updated: store" not in sidecar.log()


def test_subscriptions_come_change_and_go(dapr, application):
    app = application()
    sidecar = dapr.sidecar("subs", port=app.port, resources=[BROKER])

    def heard(path):
        sidecar.request("POST", "publish/pubsub/news", json={})
        return bool(app.at(path))

    sidecar.write_resources([subscription("news", "news", "/first")], "news.yaml")
    eventually(lambda: heard("/first"), "messages come")
    sidecar.write_resources([subscription("news", "news", "/second")], "news.yaml")
    eventually(lambda: heard("/second"), "messages come elsewhere")
    (sidecar.resources / "news.yaml").unlink()
    eventually(lambda: sidecar.metadata().get("subscriptions", []) == [], "the subscription is gone")


def test_a_broker_that_changes_keeps_its_subscriptions(dapr, application):
    app = application({"pubsubname": "pubsub", "topic": "t", "route": "/t"})
    sidecar = dapr.sidecar("broker", port=app.port, resources=[BROKER])
    sidecar.write_resources([component("pubsub", "pubsub.in-memory", {"consumerID": "other"})])
    said(sidecar, "Component updated: pubsub (pubsub.in-memory/v1)")

    def heard():
        sidecar.request("POST", "publish/pubsub/t", json={})
        return bool(app.at("/t"))

    eventually(heard, "messages come")


def test_a_pipeline_is_built_anew(dapr, application):
    app = application(echo=lambda call: Answer(body=call.body))

    def rule(text):
        return component("checker", "middleware.http.routerchecker", {"rule": text})

    pipeline = {"handlers": [{"name": "checker", "type": "middleware.http.routerchecker", "version": "v1"}]}
    sidecar = dapr.sidecar("pipe", port=app.port, resources=[rule("^/v1.0/.*")], config=configuration(httpPipeline=pipeline))
    assert sidecar.request("GET", "metadata").status_code == 200
    sidecar.write_resources([rule("^/v1.0/healthz")])
    eventually(lambda: sidecar.request("GET", "metadata").status_code == 400, "the new rule holds")


def test_a_component_that_fails_on_the_way_ends_the_process(dapr):
    sidecar = dapr.sidecar("fails", resources=[STORE])
    sidecar.expected_exit = True
    sidecar.write_resources([component("broken", "state.sqlite")], "broken.yaml")
    assert sidecar.wait() == 1
    said(sidecar, "Error processing component, daprd will exit gracefully: process component broken error: ")


def test_a_component_that_fails_and_may(dapr):
    sidecar = dapr.sidecar("may", resources=[STORE])
    sidecar.write_resources([component("broken", "state.sqlite", ignoreErrors=True)], "broken.yaml")
    said(sidecar, "Ignoring error processing component: process component broken error: ")
    assert sidecar.request("GET", "state/store/k").status_code == 204


def test_a_file_that_is_being_written_waits(dapr):
    """What can't be read now is left as it was, and taken over once it can."""
    sidecar = dapr.sidecar("torn", resources=[STORE])
    sidecar.write_resources("kind: [Component", "half.yaml")
    said(sidecar, "half.yaml")
    assert names(sidecar) == {"store"}
    sidecar.write_resources([component("whole", "state.in-memory")], "half.yaml")
    eventually(lambda: names(sidecar) == {"store", "whole"}, "it is there")


@pytest.mark.parametrize("kind", ["HTTPEndpoint", "Resiliency"])
def test_what_holds_for_all_restarts_the_runtime_in_place(dapr, application, kind):
    app = application()
    sidecar = dapr.sidecar("whole", port=app.port, resources=[STORE])
    spec = {"HTTPEndpoint": {"baseUrl": f"http://127.0.0.1:{app.port}"}, "Resiliency": {"policies": {"timeouts": {"DefaultTimeoutPolicy": "5s"}}, "targets": {}}}
    sidecar.write_resources([resource(kind, "new", spec[kind])], "new.yaml")
    started(sidecar, 2)
    if kind == "HTTPEndpoint":
        assert sidecar.request("GET", "invoke/new/method/x").status_code == 200


def test_a_changed_configuration_restarts_the_runtime_in_place(dapr):
    sidecar = dapr.sidecar("config", resources=[STORE], config=configuration(api={"denied": [{"name": "metadata", "version": "v1"}]}))
    assert sidecar.request("GET", "metadata").status_code == 404
    sidecar.config_file.write_text(document(configuration(api={"denied": []})))
    sidecar.signal(signal.SIGHUP)
    started(sidecar, 2)
    assert sidecar.request("GET", "metadata").status_code == 200


# --- SIGHUP


def test_sighup_starts_the_runtime_anew_in_the_same_process(dapr, application):
    app = application({"pubsubname": "pubsub", "topic": "t", "route": "/t"})
    resources = [STORE, BROKER, component("durable", "state.mecha")]
    sidecar = dapr.sidecar("again", port=app.port, resources=resources)
    for store in ("store", "durable"):
        sidecar.request("POST", f"state/{store}", json=[{"key": "k", "value": 1}])
    sidecar.signal(signal.SIGHUP)
    said(sidecar, "Received signal 'hangup'", "dapr initialized. Status: Running.")
    started(sidecar, 2)
    assert sidecar.running
    assert sidecar.request("GET", "state/store/k").status_code == 204, "what was in memory is gone"
    assert sidecar.request("GET", "state/durable/k").text == "1"
    sidecar.request("POST", "publish/pubsub/t", json={})
    app.wait("/t")
    assert sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x").status_code == 200


def test_sighup_many_times(dapr):
    sidecar = dapr.sidecar("often", resources=[STORE, component("durable", "state.mecha")])
    for count in range(2, 7):
        sidecar.signal(signal.SIGHUP)
        started(sidecar, count)
    folder = Path(f"/proc/{sidecar.pid}/fd")
    descriptors = len(list(folder.iterdir()))
    sidecar.signal(signal.SIGHUP)
    started(sidecar, 7)
    assert abs(len(list(folder.iterdir())) - descriptors) <= 4, "nothing is left open"


def test_an_end_that_is_asked_for_during_a_restart_is_heard(dapr):
    sidecar = dapr.sidecar("both", resources=[STORE])
    sidecar.expected_exit = True
    sidecar.signal(signal.SIGHUP)
    sidecar.signal(signal.SIGTERM)
    assert sidecar.wait() == 0


def test_ports_that_the_system_chose_outlast_a_restart(dapr):
    zero = [word for flag in ("dapr-http-port", "dapr-grpc-port", "metrics-port") for word in (f"--{flag}", "0")]
    sidecar = dapr.sidecar("ports", *zero, ready=False, resources=[STORE])
    taken = re.compile(r'msg="((?:HTTP API|gRPC API|metrics) on [^"]+)"')

    def starts(count):
        eventually(lambda: sidecar.log().count("dapr initialized. Status: Running.") == count, f"start {count}")
        return taken.findall(sidecar.log())

    first = starts(1)
    assert len(first) == 3
    sidecar.signal(signal.SIGHUP)
    assert starts(2) == first * 2


def test_files_that_change_nothing_leave_the_middleware_alone(dapr):
    limit = component("limit", "middleware.http.ratelimit", {"maxRequestsPerSecond": "0.001"})
    pipeline = {"handlers": [{"name": "limit", "type": "middleware.http.ratelimit", "version": "v1"}]}
    sidecar = dapr.sidecar("limited", ready=False, resources=[limit], config=configuration(httpPipeline=pipeline))
    started_once = "dapr initialized. Status: Running."
    eventually(lambda: started_once in sidecar.log(), "it runs")
    metadata = lambda: sidecar.request("GET", "metadata").status_code  # noqa: E731
    assert [metadata(), metadata()] == [200, 429]
    # What comes later shows that the files were read.
    sidecar.write_resources([component("mark", "state.in-memory")], "mark.yaml")
    said(sidecar, "Component loaded: mark (state.in-memory/v1)")
    assert metadata() == 429
