"""The pairs of applications of examples/dapr: every order is done once and still there after a restart; one signal ends all."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from kit import node
from kit.mecha import BINARY
from kit.page import copy_examples
from kit.process import Process
from kit.wait import eventually

#: Two applications with an SDK start one beside the other.
SECONDS = 30


class Pair(Process):
    """`mecha run -f` with a copy of an example."""

    #: Applications have ten seconds to end by themselves.
    patience = 15

    def __init__(self, folder: Path, language: str):
        self.folder = folder / "examples/dapr" / language
        self.log_file = folder / f"{language}.log"
        self.start()

    def start(self) -> None:
        # Its applications run in the Python of the scenarios.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.launch([BINARY, "run", "-f", self.folder / "dapr.yaml"], self.folder, {"PATH": path})

    def until(self, line: str, count: int = 1) -> None:
        eventually(lambda: self.log().count(line) >= count, f"{count} of {line!r} in\n{self.log()}", SECONDS)

    def lines(self, start: str) -> list[str]:
        return sorted(line for line in self.log().splitlines() if line.startswith(start))


@pytest.fixture(params=["python", "node"])
def pair(request: pytest.FixtureRequest, tmp_path: Path, need: Callable[[str], str]) -> Iterator[tuple[Pair, str]]:
    if request.param == "node":
        need("node")
        node.environment()
    ports = copy_examples(tmp_path)
    started = Pair(tmp_path, request.param)
    yield started, f"http://127.0.0.1:{ports['3501' if request.param == 'node' else '3500']}/v1.0"
    started.stop()


def test_every_order_is_accepted_and_processed_once_and_kept(pair):
    orders, api = pair
    orders.until("== APP - checkout == all orders are processed")
    for word, app in (("processed order {}", "order-processor"), ("order {} accepted", "checkout")):
        wanted = [f"== APP - {app} == {word.format(number)}" for number in range(1, 6)]
        assert [line for line in orders.lines(f"== APP - {app} == ") if line in wanted] == wanted
    assert "Traceback" not in orders.log() and "Error" not in orders.log()
    orders.signal(signal.SIGTERM)
    orders.wait(orders.patience)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{api}/healthz", timeout=5)
    orders.start()
    eventually(lambda: kept(api, 5) == {"id": 5, "item": "nuts", "status": "processed"}, "order 5 is still there", SECONDS)


def kept(api: str, number: int) -> dict | None:
    """What the order processor's runtime keeps about an order; None while it does not answer."""
    try:
        return requests.get(f"{api}/state/statestore/order-{number}", timeout=5).json()
    except (requests.ConnectionError, requests.JSONDecodeError):
        return None
