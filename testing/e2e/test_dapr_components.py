"""Loading resources: what stops a start, what is left out, where values come from, what a failing component becomes."""

import json
import re
import sqlite3

import pytest

from kit.mecha import run
from kit.ports import free_port
from kit.resources import component, configuration, document, redis_metadata, subscription
from kit.tools import redis
from kit.wait import eventually

STORE = component("store", "state.in-memory")


def ends(dapr, *args, **more):
    """Starts a runtime that must end with status 1; its log."""
    sidecar = dapr.sidecar("ends", *args, ready=False, **more)
    sidecar.expected_exit = True
    assert sidecar.wait(20) == 1, sidecar.log()
    return sidecar.log()


def messages(log):
    """The texts of a log, as they were before they were quoted."""
    return [json.loads(f'"{text}"') for text in re.findall(r'msg="((?:[^"\\]|\\.)*)"', log)]


# --- what stops a start


def test_a_component_that_can_not_begin(dapr):
    log = ends(dapr, resources=[component("a", "state.sqlite")])
    cause = "[INIT_COMPONENT_FAILURE]: initialization error occurred for a (state.sqlite/v1): missing connection string"
    said = messages(log)
    assert any(line.startswith(f"Failed to init component a (state.sqlite/v1): {cause}") for line in said), said
    nested = f"process component a error: [INIT_COMPONENT_FAILURE]: initialization error occurred for a (state.sqlite/v1): {cause}"
    for start in ("Error processing component, daprd will exit gracefully: ", "Fatal error from runtime: "):
        line = next(line for line in said if line.startswith(start + nested))
        assert "resources.yaml:" in line, "it says where the component is declared"


@pytest.mark.parametrize("kind", ["state.nothing", "pubsub.kafka", "nonsense"])
def test_a_type_that_nobody_knows(dapr, kind):
    log = ends(dapr, resources=[component("a", kind)])
    assert f"a ({kind}/v1)" in log
    assert kind in log


def test_two_of_one_name(dapr, tmp_path):
    secrets = tmp_path / "secrets.json"
    secrets.write_text("{}")
    resources = [component("foo", "secretstores.local.file", {"secretsFile": secrets}), component("foo", "state.in-memory")]
    log = ends(dapr, resources=resources)
    line = "Fatal error from runtime: failed to load components: duplicate definition of Component name foo (state.in-memory/v1) with existing foo (secretstores.local.file/v1)"
    assert any(message.startswith(line) for message in messages(log)), log


def test_every_duplicate_is_named(dapr):
    resources = [component(name, "state.in-memory") for name in ("one", "two", "one", "two")]
    log = ends(dapr, resources=resources)
    for name in ("one", "two"):
        assert f"duplicate definition of Component name {name} (state.in-memory/v1) with existing {name} (state.in-memory/v1)" in log
    assert "\\n" in next(line for line in log.splitlines() if "Fatal error" in line)


def test_a_file_that_is_no_yaml(dapr):
    log = ends(dapr, resources="kind: [Component\n")
    assert "resources.yaml" in log


def test_a_component_that_is_denied(dapr):
    sidecar = dapr.sidecar("denied", resources=[STORE, component("other", "pubsub.in-memory")], config=configuration(components={"deny": ["state.in-memory"]}))
    assert [one["name"] for one in sidecar.metadata()["components"]] == ["other"]


# --- what is left out


def test_scopes_and_namespaces(dapr):
    resources = [
        STORE,
        component("mine", "state.in-memory", scopes=["scoped", "another"]),
        component("foreign", "state.in-memory", scopes=["another"]),
        component("here", "state.in-memory") | {"metadata": {"name": "here", "namespace": "shop"}},
        component("there", "state.in-memory") | {"metadata": {"name": "there", "namespace": "elsewhere"}},
    ]
    sidecar = dapr.sidecar("scoped", app_id="scoped", resources=resources, env={"NAMESPACE": "shop"})
    assert {one["name"] for one in sidecar.metadata()["components"]} == {"store", "mine", "here"}


def test_a_component_whose_errors_are_ignored(dapr):
    """It is tried again in the background and appears once its backend does."""
    place = dapr.folder / "later"
    late = component("late", "state.sqlite", {"connectionString": place / "state.db"}, ignoreErrors=True)
    sidecar = dapr.sidecar("ignoring", resources=[STORE, late])
    assert any(line.startswith("Ignoring error processing component: process component late error: [INIT_COMPONENT_FAILURE]: ") for line in messages(sidecar.log()))
    assert [one["name"] for one in sidecar.metadata()["components"]] == ["store"]
    assert sidecar.request("GET", "state/late/k").status_code == 400
    assert sidecar.metric("dapr_runtime_component_init_fail_total", component="state.sqlite") >= 1

    place.mkdir()
    eventually(lambda: "late" in [one["name"] for one in sidecar.metadata()["components"]], "it is there", 30)
    assert sidecar.request("POST", "state/late", json=[{"key": "k", "value": 1}]).status_code == 204
    assert "Component loaded: late (state.sqlite/v1)" in messages(sidecar.log())


def test_a_server_that_is_down_is_waited_for_when_its_errors_are_ignored(dapr, application, tmp_path):
    """Store and broker come up by themselves, and so does the subscription."""
    app, port = application(), free_port()
    resources = [
        component("late", "state.redis", redis_metadata(port), ignoreErrors=True),
        component("pubsub", "pubsub.redis", redis_metadata(port), ignoreErrors=True),
        subscription("t", "t", "/t"),
    ]
    sidecar = dapr.sidecar("waiting", port=app.port, resources=resources)
    assert sidecar.metadata().get("components", []) == []
    assert "Ignoring error processing component: process component late error: " in sidecar.log()
    with redis(tmp_path, port):
        eventually(lambda: len(sidecar.metadata().get("components", [])) == 2, "both are there", 30)
        assert sidecar.request("POST", "state/late", json=[{"key": "k", "value": 1}]).status_code == 204
        sidecar.request("POST", "publish/pubsub/t", json={"n": 1})
        assert app.wait("/t")[0].json()["data"] == {"n": 1}


def test_a_server_that_is_down_ends_the_start(dapr):
    port = free_port()
    log = ends(dapr, resources=[component("down", "state.redis", redis_metadata(port))])
    assert f"127.0.0.1:{port}" in log
    assert any(line.startswith("Fatal error from runtime: process component down error: ") for line in messages(log))


# --- where values come from


@pytest.fixture
def keys(tmp_path):
    """How the rows of a SQLite store are called."""
    file = tmp_path / "values.db"

    def read():
        with sqlite3.connect(file) as opened:
            return {row[0] for row in opened.execute("SELECT key FROM state")}

    read.file = file
    return read


def saved(sidecar, store="store"):
    assert sidecar.request("POST", f"state/{store}", json=[{"key": "k", "value": 1}]).status_code == 204


def test_a_value_of_a_secret_store(dapr, keys, tmp_path):
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"prefixes": {"mine": "from-secret"}}))
    resources = [
        component("store", "state.sqlite", {"connectionString": keys.file, "keyPrefix": {"secretKeyRef": {"name": "prefixes:mine", "key": "prefixes:mine"}}}) | {"auth": {"secretStore": "files"}},
        component("files", "secretstores.local.file", {"secretsFile": secrets}),
    ]
    saved(dapr.sidecar("secret", resources=resources))
    assert keys() == {"from-secret||k"}


def test_a_value_of_the_environment(dapr, keys):
    store = component("store", "state.sqlite", {"connectionString": keys.file, "keyPrefix": {"envRef": "E2E_PREFIX"}})
    saved(dapr.sidecar("env", resources=[store], env={"E2E_PREFIX": "from-env"}))
    assert keys() == {"from-env||k"}


def test_the_environment_that_may_not_be_read(dapr, keys):
    store = component("store", "state.sqlite", {"connectionString": keys.file, "keyPrefix": {"envRef": "APP_API_TOKEN"}})
    sidecar = dapr.sidecar("closed", resources=[store], env={"APP_API_TOKEN": "private"})
    saved(sidecar)
    assert not any(key.startswith("private") for key in keys())


def test_templates(dapr, keys):
    store = component("store", "state.sqlite", {"connectionString": keys.file, "keyPrefix": "{namespace}-{appID}"})
    saved(dapr.sidecar("templates", app_id="templated", resources=[store], env={"NAMESPACE": "shop"}))
    assert keys() == {"shop.templated-templated||k"}


def test_a_secret_that_is_not_there(dapr, tmp_path):
    missing = {"secretKeyRef": {"name": "nothing", "key": "nothing"}}
    files = component("files", "secretstores.local.file", {"secretsFile": tmp_path / "none.json"})
    log = ends(dapr, resources=[component("store", "state.sqlite", {"connectionString": missing}) | {"auth": {"secretStore": "files"}}, files])
    assert "files (secretstores.local.file/v1)" in log


def test_secret_scopes_without_their_store_are_mentioned(dapr):
    scopes = [{"storeName": "nowhere", "defaultAccess": "deny"}]
    sidecar = dapr.sidecar("scopes", resources=[STORE], config=configuration(secrets={"scopes": scopes}))
    assert "Secrets configuration added for 'nowhere', but no matching secret store was found" in messages(sidecar.log())


# --- mecha validate


def test_validate_finds_what_a_start_would(tmp_path):
    def validate(*resources):
        (tmp_path / "resources.yaml").write_text(document(*resources))
        return run("validate", "--resources-path", tmp_path)

    assert validate(STORE).returncode == 0
    done = validate(STORE, component("a", "state.nothing"))
    assert done.returncode == 1
    assert re.search(r"resources\.yaml:\d+.*state\.nothing", done.stdout + done.stderr)
