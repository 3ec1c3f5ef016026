"""What the Python SDK does with the runtime itself: waiting for it, metadata, secrets, health, its end."""

import asyncio
import json
import signal

import pytest

from kit.mecha import refuses
from kit.resources import component, configuration, document
from kit.wait import eventually


@pytest.fixture(scope="module")
def sidecar(shared):
    file = shared.folder / "secrets.json"
    file.write_text(json.dumps({"password": "p4ss", "db": {"user": "me", "key": "k1"}, "hidden": "no"}))
    resources = [
        component("files", "secretstores.local.file", {"secretsFile": file}),
        component("tree", "secretstores.local.file", {"secretsFile": file, "multiValued": "true"}),
        component("environment", "secretstores.local.env", {"prefix": "E2E_"}),
        component("store", "state.in-memory"),
    ]
    scopes = [{"storeName": "tree", "defaultAccess": "allow", "deniedSecrets": ["hidden"]}]
    config = document(configuration(secrets={"scopes": scopes}))
    return shared.sidecar(resources=resources, config=config, env={"E2E_COLOUR": "green", "OTHER": "x"})


@pytest.fixture
def client(sidecar):
    with sidecar.client() as opened:
        yield opened


def code(failed: pytest.ExceptionInfo) -> str:
    """The gRPC status of an error of the SDK."""
    return failed.value.code().name


# --- secrets


def test_a_secret_of_a_file(client):
    assert client.get_secret("files", "password").secret == {"password": "p4ss"}
    assert client.get_secret("files", "db:user").secret == {"db:user": "me"}
    assert client.get_secret("tree", "db").secret == {"user": "me", "key": "k1"}


def test_a_secret_of_the_environment(client):
    assert client.get_secret("environment", "COLOUR").secret == {"COLOUR": "green"}


def test_all_secrets_at_once_as_far_as_scopes_allow(client):
    assert client.get_bulk_secret("files").secrets["hidden"] == {"hidden": "no"}
    assert set(client.get_bulk_secret("tree").secrets) == {"password", "db"}
    assert client.get_bulk_secret("environment").secrets["COLOUR"] == {"COLOUR": "green"}


def test_secrets_that_are_not_given(client):
    with pytest.raises(Exception) as failed:
        client.get_secret("tree", "hidden")
    assert code(failed) == "PERMISSION_DENIED"
    with pytest.raises(Exception) as failed:
        client.get_secret("nowhere", "password")
    assert code(failed) == "INVALID_ARGUMENT" and "nowhere" in failed.value.details()


def test_secrets_by_asyncio(sidecar):
    async def ask():
        async with sidecar.aclient() as opened:
            one, whole = await asyncio.gather(opened.get_secret("files", "password"), opened.get_bulk_secret("files"))
            return one.secret, whole.secrets

    one, whole = asyncio.run(ask())
    assert one == {"password": "p4ss"} and whole["password"] == one


# --- metadata


def test_metadata_tells_what_is_loaded(client, sidecar):
    told = client.get_metadata()
    assert told.application_id == sidecar.app_id
    kinds = {one.name: one.type for one in told.registered_components}
    assert kinds["store"] == "state.in-memory" and kinds["files"] == "secretstores.local.file"
    store = next(one for one in told.registered_components if one.name == "store")
    assert {"ETAG", "TRANSACTIONAL", "TTL"} <= set(store.capabilities)


def test_metadata_can_be_added(client, sidecar):
    client.set_metadata("flavour", "vanilla & chocolate")
    client.set_metadata("flavour", "strawberry")
    assert client.get_metadata().extended_metadata["flavour"] == "strawberry"
    assert sidecar.metadata()["extended"]["flavour"] == "strawberry"


def test_metadata_by_asyncio(sidecar):
    async def ask():
        async with sidecar.aclient() as opened:
            await opened.set_metadata("async", "yes")
            return await opened.get_metadata()

    told = asyncio.run(ask())
    assert told.extended_metadata["async"] == "yes" and told.application_id == sidecar.app_id


# --- what the SDK knows and this release does not do


def test_what_comes_later_is_unimplemented(client):
    calls = [
        lambda: client.get_configuration("store", ["a"]),
        lambda: client.try_lock("store", "thing", "me", 10),
        lambda: client.invoke_binding("out", "create", b"x"),
        lambda: client.get_job("job"),
    ]
    for call in calls:
        with pytest.raises(Exception) as failed:
            call()
        assert code(failed) == "UNIMPLEMENTED", failed.value


# --- waiting, tokens, the end


def test_clients_wait_for_a_runtime_that_starts_later(dapr, aside):
    late = dapr.sidecar("late", ready=False)
    late.kill()
    found = []

    def ask():
        with late.client() as opened:
            opened.wait(10)
            found.append(opened.get_metadata().application_id)

    asking = aside(ask)
    late.start()
    asking.join(20)
    assert found == [late.app_id]


def test_a_token_is_asked_for(dapr):
    guarded = dapr.sidecar("guarded", env={"DAPR_API_TOKEN": "open sesame"})
    # Health needs none, so that the SDK gets to its first call.
    with guarded.client() as opened:
        with pytest.raises(Exception) as failed:
            opened.get_state("statestore", "key")
        assert code(failed) == "UNAUTHENTICATED"
    with guarded.client(env={"DAPR_API_TOKEN": "open sesame"}) as opened:
        opened.save_state("statestore", "key", "value")
        assert opened.get_state("statestore", "key").data == b"value"


def test_the_runtime_ends_when_the_application_asks(dapr):
    one = dapr.sidecar("brief")
    with one.client() as opened:
        opened.shutdown()
    one.expected_exit = True
    assert one.wait() == 0
    assert refuses(one.http) and refuses(one.grpc)
    assert "Shutdown requested via API" in one.log() and "Daprd shutdown gracefully" in one.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_zero(dapr, number):
    one = dapr.sidecar("brief")
    with one.client() as opened:
        opened.save_state("statestore", "key", "value")
        one.signal(number)
        assert one.wait() == 0


def test_health_follows_the_application(dapr):
    flags = ["--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-threshold=1", "--app-health-check-path=/echo"]
    one = dapr.sidecar("patient", *flags, app="echo.py")
    assert one.request("GET", "healthz").status_code == 204
    one.app.kill()
    eventually(lambda: one.request("POST", f"invoke/{one.app_id}/method/echo").status_code == 500, "the application is not healthy", 15)
    with one.client() as opened:
        # What does not need the application goes on.
        opened.save_state("statestore", "key", "value")
    one.app.start().ready()
    eventually(lambda: one.request("POST", f"invoke/{one.app_id}/method/echo").status_code == 200, "the application is healthy again", 15)
