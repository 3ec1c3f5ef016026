"""Middleware pipelines of the API and of the way to the application."""

import base64
import json
import subprocess
import time

import pytest
import requests

from kit.application import Answer
from kit.client import get
from kit.mecha import refuses
from kit.resources import component, configuration
from kit.tools import program
from kit.wait import eventually

STORE = component("store", "state.in-memory")


def handlers(*components):
    return {"handlers": [{"name": one["metadata"]["name"], "type": one["spec"]["type"], "version": "v1"} for one in components]}


@pytest.fixture
def piped(dapr, application):
    """A runtime whose API (or whose way to the application) has these middlewares: `sidecar, app`."""

    def start(*middlewares, to_app=False):
        app = application(echo=lambda call: Answer(body=call.body))
        pipeline = {"appHttpPipeline" if to_app else "httpPipeline": handlers(*middlewares)}
        sidecar = dapr.sidecar("piped", port=app.port, resources=[STORE, *middlewares], config=configuration(**pipeline), ready=False)
        # The pipeline holds for the health checks of the API too.
        eventually(lambda: not refuses(sidecar.public) and get(sidecar.public, "/v1.0/healthz").status == 204, "it is ready")
        return sidecar, app

    return start


def test_uppercase_on_the_way_in(piped):
    sidecar, _ = piped(component("upper", "middleware.http.uppercase"))
    response = sidecar.request("POST", f"invoke/{sidecar.app_id}/method/echo", data="hello")
    assert response.text == "HELLO"


def test_uppercase_on_the_way_to_the_application(piped):
    sidecar, app = piped(component("upper", "middleware.http.uppercase"), to_app=True)
    sidecar.request("POST", f"invoke/{sidecar.app_id}/method/echo", data="hello")
    assert app.wait("/echo")[0].body == b"HELLO"


def test_aliases(piped):
    routes = {"/kept/{key}": "/v1.0/state/store/{key}"}
    alias = component("alias", "middleware.http.routeralias", {"routes": json.dumps(routes)})
    sidecar, _ = piped(alias)
    sidecar.request("POST", "state/store", json=[{"key": "k", "value": "v"}])
    base = sidecar.url("x").removesuffix("/v1.0/x")
    assert requests.get(f"{base}/kept/k", timeout=5).json() == "v"


def test_only_paths_that_the_rule_matches(piped):
    checker = component("checker", "middleware.http.routerchecker", {"rule": "^/v1.0/state/store/[a-z]+$"})
    sidecar, _ = piped(checker)
    assert sidecar.request("GET", "state/store/abc").status_code == 204
    refused = sidecar.request("GET", "state/store/ABC")
    assert refused.status_code == 400, refused.text


def test_a_rate_limit(piped):
    limit = component("limit", "middleware.http.ratelimit", {"maxRequestsPerSecond": "2"})
    sidecar, _ = piped(limit)
    codes = [sidecar.request("GET", "state/store/k").status_code for _ in range(20)]
    assert 204 in codes
    assert 429 in codes
    eventually(lambda: sidecar.request("GET", "state/store/k").status_code == 204, "there is room again")


# --- bearer tokens


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A private key in a file, and its public half as a JWK."""
    file = tmp_path_factory.mktemp("key") / "key.pem"
    subprocess.run([program("openssl"), "genrsa", "-out", file, "2048"], check=True, capture_output=True)
    modulus = subprocess.run([program("openssl"), "rsa", "-in", file, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
    number = bytes.fromhex(modulus.strip().removeprefix("Modulus="))
    return file, {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": b64(number), "e": b64(b"\x01\x00\x01")}


def token(file, kid="one", **claims):
    head, body = {"alg": "RS256", "typ": "JWT", "kid": kid}, {"iss": "https://issuer.example", "aud": "shop", "exp": int(time.time()) + 300} | claims
    text = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}"
    signed = subprocess.run([program("openssl"), "dgst", "-sha256", "-sign", file], input=text.encode(), check=True, capture_output=True)
    return f"{text}.{b64(signed.stdout)}"


@pytest.fixture
def guarded(piped, application, key):
    """A runtime that asks for tokens whose keys a local server has: `call(token)`, the status."""
    issuer = application(keys=Answer(json={"keys": [key[1]]}))
    settings = {"issuer": "https://issuer.example", "audience": "shop", "jwksURL": f"http://127.0.0.1:{issuer.port}/keys"}
    sidecar, app = piped(component("bearer", "middleware.http.bearer", settings))

    def call(bearer=None):
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return sidecar.request("GET", "state/store/k", headers=headers).status_code

    return call


def test_a_good_token_opens(guarded, key):
    assert guarded(token(key[0])) == 204


def test_no_token_and_wrong_ones_do_not(guarded, key, tmp_path):
    now = int(time.time())
    stranger = tmp_path / "other.pem"
    subprocess.run([program("openssl"), "genrsa", "-out", stranger, "2048"], check=True, capture_output=True)
    good = token(key[0])
    wrong = [
        None,
        "nonsense",
        good[:-4] + "AAAA",
        token(stranger),
        token(key[0], aud="another"),
        token(key[0], iss="https://another.example"),
        token(key[0], exp=now - 600),
        token(key[0], nbf=now + 600),
        good.split(".")[0].replace("RS256", "none") + "." + good.split(".")[1] + ".",
    ]
    assert [guarded(bearer) for bearer in wrong] == [401] * len(wrong)
    assert guarded(good) == 204


def test_a_pipeline_names_a_component_that_is_not_there(dapr):
    """As everything that a configuration asks for and nobody has: the start fails and says so."""
    config = configuration(httpPipeline={"handlers": [{"name": "nowhere", "type": "middleware.http.uppercase", "version": "v1"}]})
    sidecar = dapr.sidecar("missing", resources=[STORE], config=config, ready=False)
    sidecar.expected_exit = True
    eventually(lambda: "nowhere" in sidecar.log(), "the log names it")
