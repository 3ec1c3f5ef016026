"""Two runtimes and two applications under load, one of them killed and started again: no call hangs, errors come only while
it is down, and every message whose publisher was told that it is taken is delivered."""

import contextlib
import json
import time

import pytest

from kit.dapr import unique
from kit.load import Load
from kit.resources import brokers, subscription
from kit.wait import eventually

#: What grpcio waits at most before it connects again to a server that was away for as long as here.
RECONNECTS = 5.0
INVOKES = ["invoke by http", "invoke by grpc"]
PUBLISH = "publish"


@pytest.fixture
def pair(dapr):
    """A runtime whose application takes messages, and another whose application is called: `orders, stock`."""
    resources = [*brokers(), subscription("plain", "plain", "/plain")]
    return dapr.sidecars(("orders", (), {"app": "events.py", "resources": resources}), ("stock", (), {"app": "echo.py"}))


@pytest.fixture
def load(pair):
    """Calls by way of `orders`: invocations of `stock` by HTTP and gRPC, and messages."""
    orders, stock = pair

    @contextlib.asynccontextmanager
    async def kinds():
        async with orders.aclient("http") as by_http, orders.aclient("grpc") as by_grpc:

            async def invoke_http(number):
                answer = await by_http.invoke_method(stock.app_id, "echo", f"h{number}", http_verb="POST")
                assert answer.json()["body"] == f"h{number}"

            async def invoke_grpc(number):
                answer = await by_grpc.invoke_method(stock.app_id, "echo", f"g{number}", http_verb="POST")
                assert json.loads(answer.data)["body"] == f"g{number}"

            async def publish(number):
                await by_http.publish_event("pubsub", "plain", json.dumps({"id": f"m{number}"}), data_content_type="application/json")

            yield {"invoke by http": invoke_http, "invoke by grpc": invoke_grpc, PUBLISH: publish}

    running = Load(kinds)
    running.flows([*INVOKES, PUBLISH])
    yield running
    running.end()


def check_messages(load, orders) -> None:
    """Every message that was taken has come."""
    taken = {f"m{call.number}" for call in load.done(PUBLISH)}
    assert len(taken) > 50

    def missing():
        return taken - {told["id"] for told in orders.app.events("message")}

    eventually(lambda: not missing(), "every message has come", 20)


def test_the_application_that_is_called(pair, load):
    orders, stock = pair
    down = time.monotonic()
    stock.app.kill()
    eventually(lambda: all(load.failed(kind) for kind in INVOKES), "calls fail")
    stock.app.start().ready()
    up = time.monotonic()
    load.flows([*INVOKES, PUBLISH])
    load.end()
    load.only_failed((down, up))
    assert not load.failed(PUBLISH)
    check_messages(load, orders)


def test_the_runtime_that_is_called(pair, load):
    orders, stock = pair
    down = time.monotonic()
    stock.kill()
    eventually(lambda: all(load.failed(kind) for kind in INVOKES), "calls fail", 15)
    stock.start().ready()
    # That nobody had this name may be remembered for a second.
    up = time.monotonic() + 1
    load.flows([*INVOKES, PUBLISH])
    load.end()
    load.only_failed((down, up))
    assert not load.failed(PUBLISH)
    check_messages(load, orders)


def test_the_application_that_takes_messages(pair, load):
    orders, _ = pair
    orders.app.kill()
    load.flows([*INVOKES, PUBLISH], 100)
    orders.app.start().ready()
    load.flows([*INVOKES, PUBLISH])
    load.end()
    assert not load.failed()
    check_messages(load, orders)


def test_the_runtime_of_the_caller(pair, load):
    orders, _ = pair
    away = []
    for _ in range(3):
        down = time.monotonic()
        orders.kill()
        eventually(lambda since=down: [call for call in load.failed() if call.begun > since], "calls fail")
        orders.start().ready()
        away.append((down, time.monotonic() + RECONNECTS))
        load.flows([*INVOKES, PUBLISH])
    load.end()
    load.only_failed(*away)
    check_messages(load, orders)


def test_both_applications_and_both_runtimes_at_once(pair, load):
    orders, stock = pair
    everything = [orders, stock, orders.app, stock.app]
    down = time.monotonic()
    for process in everything:
        process.kill()
    for process in everything:
        process.start()
    for process in everything:
        process.ready()
    up = time.monotonic()
    load.flows([*INVOKES, PUBLISH])
    load.end()
    load.only_failed((down, up + RECONNECTS))
    check_messages(load, orders)


def test_a_runtime_that_comes_back_somewhere_else(dapr):
    """mDNS tells where; the caller asks again when nobody answers where it was."""
    name = unique("moving")
    caller, first = dapr.sidecars(("caller", (), {}), ("first", (), {"app": "echo.py", "app_id": name}))
    path = f"invoke/{name}/method/echo"
    assert caller.request("GET", path).status_code == 200
    first.kill()
    first.app.kill()
    dapr.sidecar("second", app="echo.py", app_id=name)
    eventually(lambda: caller.request("GET", path, timeout=20).status_code == 200, "it is found again", 20)
    times = [caller.request("GET", path).elapsed.total_seconds() for _ in range(20)]
    assert max(times) < 1, times


def test_a_draining_runtime_finishes_what_it_has(pair, load):
    """An orderly end loses nothing: calls under way are answered, and only then the addresses are gone."""
    _, stock = pair
    down = time.monotonic()
    stock.stop()
    stock.start().ready()
    up = time.monotonic()
    load.flows([*INVOKES, PUBLISH])
    load.end()
    load.only_failed((down, up))
