"""The main measurement: requests per second, latency, processor time per request and memory, for each case and each peer.

All peers of a case run at the same time, idle but for the one under load, and take turns round by round, so that a noisy minute of the
machine hits them all.
"""

from . import load, measure, stand
from .peers import ALL
from .process import Scope
from .run import Run
from .tools import say
from .topology import small

WARM_SECONDS = 1
# A proxy may leave out the requests that were in flight when the load ended, not more.
LOGGED_AT_LEAST = 0.98


def traffic(run: Run, cases: list[load.Case]) -> dict:
    """Results by case name, then by peer."""
    results = {}
    with run.workshop.scope() as scope:
        backends = {protocol: stand.backend(scope, run.tools, protocol) for protocol in sorted({case.protocol for case in cases})}
        for case in cases:
            results[case.name] = one_case(run, case, backends[case.protocol])
    return results


def one_case(run: Run, case: load.Case, backend: int) -> dict:
    """Every peer's summary for one case."""
    samples: dict[str, list[measure.Sample]] = {}
    warmed: dict[str, int] = {}
    proxies: dict[str, stand.Proxy] = {}
    with run.workshop.scope() as scope:
        for name in (name for name in run.peers if case.protocol in ALL[name].PROTOCOLS):
            with run.guard(f"{case.name} {name}"):
                proxies[name] = stand.serving(scope, run.tools, name, small(case.protocol, backend))
                warmed[name] = load.run(run.workshop, run.tools, case, proxies[name].topology.port, WARM_SECONDS).requests
                samples[name] = []
        for number in range(run.rounds):
            say(f"{case.name}: round {number + 1} of {run.rounds}")
            for name in run.turns(list(samples), number):
                with run.guard(f"{case.name} {name}"):
                    samples[name].append(measure.sample(run, proxies[name], case, run.seconds))
        check_logs(run, case, scope, {name: (proxies[name], warmed[name], samples[name]) for name in samples})
    return {name: measure.summary(taken) for name, taken in samples.items() if taken}


def check_logs(run: Run, case: load.Case, scope: Scope, measured: dict[str, tuple[stand.Proxy, int, list[measure.Sample]]]) -> None:
    """A proxy that does not write its access log did less work than the others: its numbers would not be comparable."""
    for name, (proxy, warmed, samples) in measured.items():
        proxy.process.stop()
        requests = warmed + sum(one.requests for one in samples)
        lines = proxy.logged() if proxy.access_log.exists() else 0
        if lines < requests * LOGGED_AT_LEAST:
            run.problem(f"{case.name} {name}: its access log holds {lines} lines for {requests} requests; its numbers are not comparable")
