"""From the start of the process to the first request served, in milliseconds."""

import time
from statistics import median

from . import client, stand
from .process import Scope
from .run import Run
from .tools import say
from .topology import Topology, small

RUNS = 11
QUICK_RUNS = 3


def start(run: Run) -> dict:
    """Results by peer: the median and every run."""
    taken: dict[str, list[float]] = {name: [] for name in run.peers}
    with run.workshop.scope() as scope:
        topology = small("h1", stand.backend(scope, run.tools, "h1"))
        for number in range(QUICK_RUNS if run.quick else RUNS):
            say(f"start: run {number + 1}")
            for name in run.turns(run.peers, number):
                with run.guard(f"start {name}"), run.workshop.scope() as inner:
                    taken[name].append(first_request_ms(inner, run, name, topology))
    return {name: {"ms": median(runs), "runs": runs} for name, runs in taken.items() if runs}


def first_request_ms(scope: Scope, run: Run, name: str, topology: Topology) -> float:
    """Starts a proxy and asks it in a tight loop, from the other core, until it answers 200 through its backend."""
    prepared = stand.prepare(scope, run.tools, name, topology)
    message = client.request(*topology.some_request())
    began = time.perf_counter()
    proxy = prepared.spawn()
    client.until(proxy.process, "served a request", lambda: client.served(prepared.topology.port, message), pause=0)
    return (time.perf_counter() - began) * 1000
