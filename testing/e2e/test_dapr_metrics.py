"""Metrics by the names and labels that dashboards of Dapr ask for."""

import pytest
import requests

from kit.application import Answer
from kit.grpcs import channel
from kit.resources import component, configuration, subscription
from kit.wait import eventually

RESOURCES = [component("store", "state.in-memory"), component("pubsub", "pubsub.in-memory"), subscription("t", "t", "/t"), subscription("gone", "dropped", "/dropped")]


@pytest.fixture(scope="module")
def app(shared_application):
    return shared_application(dropped=Answer(json={"status": "DROP"}))


@pytest.fixture(scope="module")
def sidecar(shared, app):
    return shared.sidecar("measured", port=app.port, resources=RESOURCES)


def samples(sidecar, name, **labels):
    """The samples of a metric with these labels, each as all its labels and its value."""
    names = (name, f"{name}_total")
    return [(one.labels, one.value) for one in sidecar.samples() if one.name in names and labels.items() <= one.labels.items()]


def one(sidecar, name, **labels):
    """Labels and value of the only sample of these labels."""
    found = eventually(lambda: samples(sidecar, name, **labels), f"{name} with {labels}")
    assert len(found) == 1, found
    return found[0]


def test_they_are_at_every_path(sidecar):
    for path in ("/metrics", "/"):
        response = requests.get(f"http://127.0.0.1:{sidecar.metrics_port}{path}", timeout=5)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        assert "process_resident_memory_bytes" in response.text


def test_labels_stand_in_order(sidecar):
    sidecar.request("GET", "state/store/order")
    text = requests.get(f"http://127.0.0.1:{sidecar.metrics_port}/metrics", timeout=5).text
    lines = [line for line in text.splitlines() if line.startswith("dapr_http_server_request_count{")]
    assert lines
    for line in lines:
        names = [part.split("=")[0] for part in line[line.index("{") + 1 : line.index("}")].split('",')]
        assert names == sorted(names), line


def test_calls_of_the_http_api(sidecar):
    for _ in range(3):
        sidecar.request("GET", "state/store/counted")
    labels, value = one(sidecar, "dapr_http_server_request_count", method="GET", path="/v1.0/state/store")
    assert value >= 3
    assert labels == {"app_id": sidecar.app_id, "method": "GET", "path": "/v1.0/state/store", "status": "204"}
    labels, _ = one(sidecar, "dapr_http_server_response_count", method="GET", path="/v1.0/state/store")
    assert set(labels) == {"app_id", "method", "path", "status"}
    buckets = samples(sidecar, "dapr_http_server_latency_bucket", method="GET", path="/v1.0/state/store")
    bounds = [float(labels["le"]) for labels, _ in buckets]
    assert bounds[:4] == [1, 2, 3, 4]
    assert bounds[-2:] == [100_000, float("inf")]


def test_calls_of_the_application(sidecar):
    sidecar.request("GET", f"invoke/{sidecar.app_id}/method/measured")
    labels, value = one(sidecar, "dapr_http_client_completed_count", path="/measured")
    assert value >= 1
    assert labels == {"app_id": sidecar.app_id, "method": "GET", "path": "/measured", "status": "200"}


def test_calls_of_the_grpc_api(sidecar):
    with channel(sidecar.grpc) as opened:
        opened.unary_unary("/dapr.proto.runtime.v1.Dapr/GetMetadata")(b"", timeout=5)
    labels, value = one(sidecar, "dapr_grpc_io_server_completed_rpcs", grpc_server_method="/dapr.proto.runtime.v1.Dapr/GetMetadata")
    assert value == 1
    assert labels == {"app_id": sidecar.app_id, "grpc_server_method": "/dapr.proto.runtime.v1.Dapr/GetMetadata", "grpc_server_status": "OK"}


def test_messages(sidecar, app):
    sidecar.request("POST", "publish/pubsub/t", json={})
    sidecar.request("POST", "publish/pubsub/dropped", json={})
    app.wait("/t")
    app.wait("/dropped")
    labels, value = one(sidecar, "dapr_component_pubsub_egress_count", topic="t")
    assert value == 1
    assert labels == {"app_id": sidecar.app_id, "component": "pubsub", "namespace": "", "success": "true", "topic": "t"}
    labels, value = one(sidecar, "dapr_component_pubsub_ingress_count", topic="t")
    assert value == 1
    assert labels == {"app_id": sidecar.app_id, "component": "pubsub", "namespace": "", "process_status": "success", "status": "success", "topic": "t"}
    labels, _ = one(sidecar, "dapr_component_pubsub_ingress_count", topic="dropped")
    assert labels["process_status"] == "drop"


def test_bulk_messages(sidecar):
    entries = [{"entryId": str(n), "event": "x", "contentType": "text/plain"} for n in range(3)]
    assert sidecar.request("POST", "publish/bulk/pubsub/many", json=entries).status_code == 204
    labels, value = one(sidecar, "dapr_component_pubsub_egress_bulk_count", topic="many")
    assert value == 1
    assert labels["success"] == "true"
    assert one(sidecar, "dapr_component_pubsub_egress_bulk_event_count", topic="many")[1] == 3


def test_operations_of_components(sidecar):
    sidecar.request("POST", "state/store", json=[{"key": "k", "value": 1}])
    labels, value = one(sidecar, "dapr_component_state_count", operation="set")
    assert value >= 1
    assert labels == {"app_id": sidecar.app_id, "component": "store", "namespace": "", "operation": "set", "success": "true"}
    assert sidecar.metric("dapr_runtime_component_loaded") == 2
    assert sidecar.metric("dapr_runtime_component_init_total") == 2


def test_less_cardinality(dapr):
    config = configuration(metrics={"enabled": True, "http": {"increasedCardinality": False}})
    sidecar = dapr.sidecar("low", resources=RESOURCES, config=config)
    for key in ("a", "b"):
        sidecar.request("GET", f"state/store/{key}")
    found = samples(sidecar, "dapr_http_server_request_count", method="GET", status="204")
    assert all(labels.get("path", "") == "" or "/a" not in labels["path"] for labels, _ in found), found


def test_paths_that_match(dapr, application):
    app = application()
    config = configuration(metrics={"enabled": True, "http": {"increasedCardinality": False, "pathMatching": ["/orders/{id}"]}})
    sidecar = dapr.sidecar("paths", port=app.port, config=config)
    for path in ("orders/1", "orders/2", "other/3"):
        sidecar.request("GET", f"invoke/{sidecar.app_id}/method/{path}")
    found = {labels["path"]: value for labels, value in samples(sidecar, "dapr_http_client_completed_count")}
    assert found.get("/orders/{id}") == 2, found
    assert not any("3" in path for path in found)


def test_verbs_may_be_left_out(dapr):
    config = configuration(metrics={"enabled": True, "http": {"excludeVerbs": True}})
    sidecar = dapr.sidecar("verbs", resources=RESOURCES, config=config)
    sidecar.request("GET", "state/store/a")
    assert {labels["method"] for labels, _ in samples(sidecar, "dapr_http_server_request_count")} == {""}


def test_errors_are_counted_when_asked(dapr):
    sidecar = dapr.sidecar("errors", resources=RESOURCES, config=configuration(metrics={"enabled": True, "recordErrorCodes": True}))
    for _ in range(2):
        sidecar.request("GET", "state/nowhere/k")
    # Somebody may have asked for its health before it was ready.
    ((labels, value),) = [found for found in samples(sidecar, "dapr_error_code_total") if found[0]["category"] != "health"]
    assert value == 2
    assert labels == {"app_id": sidecar.app_id, "category": "state", "error_code": "ERR_STATE_STORE_NOT_FOUND"}


def test_labels_are_rewritten(dapr):
    rules = [{"name": "dapr_http_server_request_count", "labels": [{"name": "path", "regex": {"/v1.0/state/_": "/v1.0/state/.+"}}]}]
    sidecar = dapr.sidecar("rules", resources=RESOURCES, config=configuration(metrics={"enabled": True, "rules": rules}))
    sidecar.request("GET", "state/store/a")
    paths = {labels["path"] for labels, _ in samples(sidecar, "dapr_http_server_request_count")}
    assert "/v1.0/state/_" in paths
    assert "/v1.0/state/store" not in paths


def test_no_metrics(dapr):
    sidecar = dapr.sidecar("none", "--enable-metrics=false", resources=RESOURCES)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{sidecar.metrics_port}/metrics", timeout=5)
