"""The measurement: all cases of one number of connections run at once, idle but for the one under load, and take turns round by round."""

import time
from statistics import median

from proxylib import measure, stand as proxies, usage
from proxylib.measure import Sample
from proxylib.process import PROXY_CORE
from proxylib.run import Run
from proxylib.tools import say
from proxylib.traffic import LOGGED_AT_LEAST, WARM_SECONDS

from . import load, stand
from .cases import Case


def traffic(run: Run, groups: list[list[Case]]) -> dict:
    """Results by the case's name, each with its ratio to the HTTP/1 case of its group."""
    results = {}
    with run.workshop.scope() as scope:
        backends = stand.backends(scope, run.tools)
        for group in groups:
            results |= one_group(run, group, backends)
    return results


def one_group(run: Run, group: list[Case], backends: dict[str, int]) -> dict:
    """The first case is the one that the others are compared with."""
    samples: dict[Case, list[Sample]] = {}
    served: dict[Case, proxies.Proxy] = {}
    warmed: dict[Case, int] = {}
    with run.workshop.scope() as scope:
        for case in group:
            with run.guard(case.name):
                served[case] = stand.serving(scope, run.tools, case, backends[case.protocol])
                warmed[case] = load.run(run.workshop, run.tools, case, served[case].topology.port, WARM_SECONDS).requests
                samples[case] = []
        for number in range(run.rounds):
            say(f"{group[0].connections} connections: round {number + 1} of {run.rounds}")
            for case in run.turns(list(samples), number):
                with run.guard(case.name):
                    samples[case].append(sample(run, served[case], case))
        for case, taken in samples.items():
            check_log(run, served[case], case, warmed[case] + sum(one.requests for one in taken))
    results = {case.name: measure.summary(taken) for case, taken in samples.items() if taken}
    if base := results.get(group[0].name):
        for case in group:
            if one := results.get(case.name):
                one["cpu_ratio"] = paired(one["rounds"], base["rounds"])
    return results


def paired(rounds: list[dict], base: list[dict]) -> float:
    """The median of the ratios of CPU per request, round by round."""
    return median(one["cpu_us"] / other["cpu_us"] for one, other in zip(rounds, base, strict=False))


def sample(run: Run, proxy: proxies.Proxy, case: Case) -> Sample:
    """Loads the proxy once."""
    pids = proxy.process.pids()
    cpu, core, began = usage.cpu(pids), usage.core_busy_ns(PROXY_CORE), time.monotonic_ns()
    outcome = load.run(run.workshop, run.tools, case, proxy.topology.port, run.seconds)
    elapsed = time.monotonic_ns() - began
    used = usage.cpu(pids).since(cpu)
    return measure.Sample(
        requests=outcome.requests,
        requests_per_second=outcome.requests / outcome.seconds,
        p50_us=outcome.p50_us,
        p99_us=outcome.p99_us,
        cpu_us=used / outcome.requests / 1000,
        rss_mib=usage.rss_kib(pids) / 1024,
        core_share=used / elapsed,
        other_share=max(0, usage.core_busy_ns(PROXY_CORE) - core - used) / elapsed,
    )


def check_log(run: Run, proxy: proxies.Proxy, case: Case, requests: int) -> None:
    """What was not logged was not proxied."""
    proxy.process.stop()
    lines = proxy.logged() if proxy.access_log.exists() else 0
    if lines < requests * LOGGED_AT_LEAST:
        run.problem(f"{case.name}: the access log holds {lines} lines for {requests} requests; its numbers are not comparable")
