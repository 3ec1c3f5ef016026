"""The HTTP API's own rules: paths, limits, tokens, origins, what is open, what comes later, what is logged."""

import http.client
import json

import grpc
import pytest

from kit.application import Answer
from kit.client import Raw, get
from kit.grpcs import channel
from kit.mecha import refuses
from kit.node import Client
from kit.resources import component, configuration, resource
from kit.tools import curl, curl_code
from kit.wait import eventually

STORE = component("store", "state.in-memory")
NOT_FOUND = {"errorCode": "ERR_DIRECT_INVOKE", "message": "failed getting app id either from the URL path or the header dapr-app-id"}


@pytest.fixture(scope="module")
def sidecar(shared):
    return shared.sidecar("plain", "--enable-api-logging", resources=[STORE])


def refused(response, status, code, message):
    assert response.status_code == status, response.text
    assert (response.json()["errorCode"], response.json()["message"]) == (code, message)


# --- what comes later


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "v1.0/bindings/name"),
        ("GET", "v1.0/configuration/store?key=a"),
        ("GET", "v1.0/configuration/store/subscribe"),
        ("GET", "v1.0-alpha1/configuration/store"),
        ("POST", "v1.0-alpha1/lock/store"),
        ("POST", "v1.0-alpha1/unlock/store"),
        ("PUT", "v1.0-alpha1/crypto/name/encrypt"),
        ("PUT", "v1.0-alpha1/crypto/name/decrypt"),
        ("POST", "v1.0-alpha1/subtlecrypto/name/sign"),
        ("GET", "v1.0/actors/type/id/method/m"),
        ("POST", "v1.0/actors/type/id/state"),
        ("GET", "v1.0/actors/type/id/reminders/name"),
        ("POST", "v1.0/actors/type/id/timers/name"),
        ("POST", "v1.0/workflows/dapr/name/start"),
        ("GET", "v1.0-beta1/workflows/dapr/id"),
        ("POST", "v1.0-alpha1/workflows/dapr/id/terminate"),
        ("POST", "v1.0-alpha1/jobs/name"),
        ("GET", "v1.0/jobs/name"),
        ("POST", "v1.0-alpha1/conversation/name/converse"),
        ("POST", "v1.0-alpha2/conversation/name/converse"),
    ],
)
def test_what_comes_later_says_so(sidecar, method, path):
    response = sidecar.request(method, path)
    assert response.status_code == 501, response.text
    assert response.json()["errorCode"] == "ERR_API_UNIMPLEMENTED"
    assert response.json()["message"].endswith("is not available in this version of Mecha")


# --- health and metadata


def test_health(sidecar):
    for path in ("healthz", "healthz/outbound", f"healthz?appid={sidecar.app_id}"):
        response = sidecar.request("GET", path)
        assert (response.status_code, response.content) == (204, b"")
    refused(sidecar.request("GET", "healthz?appid=another"), 500, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match")


def test_health_before_the_application_listens(dapr, application):
    app = application()
    app.stop()
    waiting = dapr.sidecar("waiting", port=app.port, ready=False)
    eventually(lambda: not refuses(waiting.http), "the API is open")
    eventually(lambda: waiting.request("GET", "healthz/outbound").status_code == 204, "it is ready for what goes out")
    refused(waiting.request("GET", "healthz"), 500, "ERR_HEALTH_NOT_READY", "dapr is not ready")
    assert waiting.request("GET", "metadata").status_code == 200
    eventually(lambda: "waiting on port" in waiting.log(), "the log says what it waits for")


def test_metadata(sidecar):
    told = sidecar.metadata()
    assert told["id"] == sidecar.app_id
    assert told["runtimeVersion"]
    assert told["components"] == [{"name": "store", "type": "state.in-memory", "version": "v1", "capabilities": told["components"][0]["capabilities"]}]
    assert {"ETAG", "TRANSACTIONAL", "TTL"} <= set(told["components"][0]["capabilities"])
    assert told["extended"]["daprRuntimeVersion"]
    assert told["actorRuntime"]["runtimeStatus"] == "DISABLED"
    assert "appConnectionProperties" not in told or "port" not in told["appConnectionProperties"]


def test_metadata_of_ones_own(sidecar):
    response = sidecar.request("PUT", "metadata/colour", data="dark green", headers={"content-type": "text/plain"})
    assert (response.status_code, response.content) == (204, b"")
    assert sidecar.metadata()["extended"]["colour"] == "dark green"


def test_endpoints_and_resiliency_are_in_the_metadata(dapr):
    endpoint = resource("HTTPEndpoint", "outside", {"baseUrl": "http://localhost:1"})
    sidecar = dapr.sidecar("endpoints", resources=[endpoint])
    assert sidecar.metadata()["httpEndpoints"] == [{"name": "outside"}]


def test_the_public_port_has_health_and_metadata_only(sidecar):
    for path, status in (("/v1.0/healthz", 204), ("/v1.0/healthz/outbound", 204), ("/v1.0/metadata", 200), ("/v1.0/state/store/k", 404), ("/v1.0/shutdown", 404)):
        assert get(sidecar.public, path, method="POST" if "shutdown" in path else "GET").status == status, path
    assert get(sidecar.public, "/v1.0/metadata/public", method="PUT", body=b"yes").status == 204
    assert sidecar.metadata()["extended"]["public"] == "yes"


# --- limits


def test_a_body_beyond_the_limit(dapr, application):
    app = application(mirror=lambda call: Answer(body=call.body))
    sidecar = dapr.sidecar("small", "--max-body-size=1Ki", port=app.port, resources=[STORE])
    fits, large = [{"key": "k", "value": "x" * 500}], [{"key": "k", "value": "x" * 2000}]
    assert sidecar.request("POST", "state/store", json=fits).status_code == 204
    refused = sidecar.request("POST", "state/store", json=large)
    assert 400 <= refused.status_code < 500, refused.text
    assert sidecar.request("GET", "state/store/k").json() == "x" * 500
    path = f"invoke/{sidecar.app_id}/method/mirror"
    assert sidecar.request("POST", path, data=b"y" * 1000).content == b"y" * 1000
    assert sidecar.request("POST", path, data=b"y" * 3000).status_code >= 400


def test_a_head_beyond_the_limit(sidecar):
    with Raw(sidecar.http) as client:
        client.send("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\nX-Large: " + "x" * 20_000 + "\r\n\r\n")
        assert client.head().start.split(" ")[1] == "431"


def test_path_parameters_are_unescaped(sidecar):
    for path, key in (("a%2Fb", "a/b"), ("a+b", "a b"), ("a%2Bb", "a+b"), ("%E2%9C%93", "✓")):
        assert sidecar.request("POST", "state/store", json=[{"key": key, "value": path}]).status_code == 204
        response = get(sidecar.http, f"/v1.0/state/store/{path}")
        assert (response.status, response.body) == (200, json.dumps(path).encode()), path
    response = get(sidecar.http, "/v1.0/state/store/%zz")
    assert response.status == 400


def test_http2(sidecar):
    assert curl("--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", sidecar.url("healthz")) == "2 204"


def test_http2_may_be_switched_off(dapr):
    sidecar = dapr.sidecar("h1", resources=[STORE], env={"DAPR_HTTP_DISABLE_H2C": "true"})
    assert curl_code("--http2-prior-knowledge", sidecar.url("healthz")) != 204
    assert curl_code(sidecar.url("healthz")) == 204


# --- who may


def test_a_token_is_asked_for(dapr, application):
    app = application()
    sidecar = dapr.sidecar("token", port=app.port, resources=[STORE], env={"DAPR_API_TOKEN": "s3cret"})
    for headers in ({}, {"dapr-api-token": "wrong"}):
        refused = sidecar.request("GET", "state/store/k", headers=headers)
        assert (refused.status_code, refused.text.strip()) == (401, "invalid api token")
        assert refused.headers["content-type"].startswith("text/plain")
    token = {"dapr-api-token": "s3cret"}
    assert sidecar.request("GET", "state/store/k", headers=token).status_code == 204
    for path in ("healthz", "healthz/outbound"):
        assert sidecar.request("GET", path).status_code == 204
    assert get(sidecar.public, "/v1.0/metadata").status == 200
    assert sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x", headers=token).status_code == 200
    assert app.wait("/x")[0].get("dapr-api-token") is None


def test_the_application_gets_its_token(dapr, application):
    app = application({"pubsubname": "pubsub", "topic": "t", "route": "/t"})
    resources = [component("pubsub", "pubsub.in-memory")]
    sidecar = dapr.sidecar("apptoken", port=app.port, resources=resources, env={"APP_API_TOKEN": "for-the-app"})
    sidecar.request("GET", f"invoke/{sidecar.app_id}/method/x")
    assert app.wait("/x")[0].request.all("dapr-api-token") == ["for-the-app"]
    sidecar.request("POST", "publish/pubsub/t", json={})
    assert app.wait("/t")[0].get("dapr-api-token") == "for-the-app"
    starts = {request.target: request.get("dapr-api-token") for request in app.backend.requests}
    assert starts["/dapr/config"] == starts["/dapr/subscribe"] == "for-the-app"


def test_origins(dapr, sidecar):
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in sidecar.request("GET", "metadata", headers={"Origin": "https://shop.example"}).headers

    named = dapr.sidecar("named", "--allowed-origins=https://shop.example,https://other.example", resources=[STORE])
    answer = named.request("OPTIONS", "state/store", headers=asked)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert named.request("GET", "metadata", headers={"Origin": "https://shop.example"}).headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in named.request("GET", "metadata", headers={"Origin": "https://evil.example"}).headers


def test_allowed_apis_only(dapr):
    allowed = [{"name": "state", "version": "v1.0", "protocol": "http"}, {"name": "metadata", "version": "v1", "protocol": "http"}]
    sidecar = dapr.sidecar("allowed", resources=[STORE], config=configuration(api={"allowed": allowed}))
    assert sidecar.request("GET", "state/store/k").status_code == 204
    assert sidecar.request("GET", "metadata").status_code == 200
    assert sidecar.request("GET", "healthz").status_code == 204
    for method, path in (("POST", "publish/pubsub/t"), ("GET", "invoke/any/method/x")):
        # Invocation is what answers for unknown paths, and it is not open.
        refused = sidecar.request(method, path)
        assert (refused.status_code, refused.text.strip()) == (404, "404 page not found")


def test_denied_apis(dapr):
    denied = [{"name": "state", "version": "v1", "protocol": "http"}, {"name": "shutdown", "version": "v1", "protocol": "http"}]
    sidecar = dapr.sidecar("denied", resources=[STORE], config=configuration(api={"denied": denied}))
    for method, path in (("GET", "state/store/k"), ("POST", "state/store"), ("POST", "shutdown")):
        refused = sidecar.request(method, path)
        assert (refused.status_code, refused.json()) == (404, NOT_FOUND)
    assert sidecar.request("GET", "metadata").status_code == 200


METADATA = "/dapr.proto.runtime.v1.Dapr/GetMetadata"


def refusal(opened, method=METADATA, **metadata):
    """Code and text of a gRPC call that is refused; None when it is not."""
    pairs = [(name.replace("_", "-"), value) for name, value in metadata.items()]
    try:
        opened.unary_unary(method)(b"", metadata=pairs, timeout=5)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return None


def test_the_grpc_api_asks_for_the_token_too(dapr):
    sidecar = dapr.sidecar("token", resources=[STORE], env={"DAPR_API_TOKEN": "s3cret"})
    with channel(sidecar.grpc) as opened:
        for wrong in ({}, {"dapr_api_token": "wrong"}):
            assert refusal(opened, **wrong)[0] == "UNAUTHENTICATED"
        assert refusal(opened, dapr_api_token="s3cret") is None
    for protocol in ("http", "grpc"):
        with Client(protocol, sidecar, DAPR_API_TOKEN="s3cret") as client:
            assert client.call("state.get", "store", "k") == ""


def test_the_grpc_api_is_open_as_far_as_it_is_allowed(dapr):
    allowed = [{"name": "state", "version": "v1", "protocol": "grpc"}]
    sidecar = dapr.sidecar("grpcs", resources=[STORE], config=configuration(api={"allowed": allowed}))
    with channel(sidecar.grpc) as opened:
        assert refusal(opened) == ("UNIMPLEMENTED", "requested endpoint is not available")
        # A request without a store is understood, and refused for that.
        assert refusal(opened, "/dapr.proto.runtime.v1.Dapr/GetState")[0] != "UNIMPLEMENTED"
    assert sidecar.request("GET", "metadata").status_code == 200, "HTTP has rules of its own"


def test_who_may_call_the_application(dapr, application):
    app = application()
    policy = {"defaultAction": "deny", "trustDomain": "public", "policies": []}
    sidecar = dapr.sidecar("closed", port=app.port, config=configuration(accessControl=policy))
    caller = dapr.sidecar("stranger")
    response = caller.request("GET", f"invoke/{sidecar.app_id}/method/x")
    assert response.status_code == 403, response.text
    assert response.json()["errorCode"] == "ERR_DIRECT_INVOKE"
    assert not app.at("/x")


# --- the log


def test_calls_are_logged(sidecar):
    connection = http.client.HTTPConnection("127.0.0.1", sidecar.http, timeout=5)
    connection.request("GET", "/v1.0/state/store/logged", headers={"User-Agent": "the-tester"})
    connection.getresponse().read()
    connection.close()
    lines = eventually(lambda: [line for line in sidecar.log().splitlines() if "HTTP API Called" in line and "the-tester" in line], "a line")
    line = lines[0]
    for part in ("level=info", 'method="GET /v1.0/state/store/logged"', "useragent=the-tester", "code=204", "size=0", "duration=", "scope=dapr.runtime.http-info"):
        assert part in line, line


def test_calls_of_the_grpc_api_are_logged(sidecar):
    with channel(sidecar.grpc) as opened:
        assert refusal(opened) is None
    line = eventually(lambda: [line for line in sidecar.log().splitlines() if "gRPC API Called" in line], "a line")[0]
    assert f"method={METADATA}" in line
    assert "code=0" in line or "code=OK" in line, line


def test_logged_addresses_may_be_obfuscated(dapr):
    logging = {"apiLogging": {"enabled": True, "obfuscateURLs": True, "omitHealthChecks": True}}
    sidecar = dapr.sidecar("obfuscated", resources=[STORE], config=configuration(logging=logging))
    sidecar.request("GET", "state/store/private-key")
    line = eventually(lambda: [line for line in sidecar.log().splitlines() if "HTTP API Called" in line], "a line")[0]
    assert "method=GetState" in line, line
    assert "private-key" not in sidecar.log()
    assert "ealthz" not in "".join(line for line in sidecar.log().splitlines() if "HTTP API Called" in line)


def test_the_log_may_be_json(dapr):
    sidecar = dapr.sidecar("json", "--log-as-json", resources=[STORE])
    lines = [json.loads(line) for line in sidecar.log().splitlines()]
    loaded = next(line for line in lines if line["msg"] == "Component loaded: store (state.in-memory/v1)")
    assert loaded["level"] == "info"
    assert loaded["app_id"] == sidecar.app_id
    assert loaded["type"] == "log"
    assert {"time", "instance", "scope", "ver"} <= loaded.keys()
