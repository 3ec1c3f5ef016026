"""One sample: load a proxy for a while and see what it delivered and what it used."""

import time
from dataclasses import asdict, dataclass
from statistics import median

from . import load, usage
from .process import PROXY_CORE
from .run import Run
from .stand import Proxy
from .topology import HOST, PATH


@dataclass(frozen=True)
class Sample:
    """What one round measured."""

    requests: int
    requests_per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float
    """Processor time of the proxy for one request, in microseconds."""
    rss_mib: float
    core_share: float
    """Share of its core that the proxy used: near 1 when it, and not the load, is what limits the rate."""
    other_share: float
    """Share of that core that anything else used: noise."""


def sample(run: Run, proxy: Proxy, case: load.Case, seconds: int, host: str = HOST, path: str = PATH) -> Sample:
    """Loads the proxy once."""
    pids = proxy.process.pids()
    cpu, core, began = usage.cpu(pids), usage.core_busy_ns(PROXY_CORE), time.monotonic_ns()
    outcome = load.run(run.workshop, run.tools, case, proxy.topology.port, seconds, host, path)
    elapsed = time.monotonic_ns() - began
    used = usage.cpu(pids).since(cpu)
    other = max(0, usage.core_busy_ns(PROXY_CORE) - core - used)
    return Sample(
        requests=outcome.requests,
        requests_per_second=outcome.requests / outcome.seconds,
        p50_us=outcome.p50_us,
        p99_us=outcome.p99_us,
        cpu_us=used / outcome.requests / 1000,
        rss_mib=usage.rss_kib(pids) / 1024,
        core_share=used / elapsed,
        other_share=other / elapsed,
    )


def summary(samples: list[Sample]) -> dict:
    """The median of each value over the rounds, and the rounds themselves."""
    rounds = [asdict(one) for one in samples]
    middle = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return {**middle, "rounds": rounds}
