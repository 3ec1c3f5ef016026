"""What a large configuration costs: 1,000 clusters and 5,000 routes against one route.

Memory, time to the first request, and processor time per request when the request takes the last route of the largest virtual host, or of
the last virtual host. The last is given as the median of ratios of samples taken one right after the other, so that it can be fine.
"""

from statistics import median

from . import client, load, measure, stand
from .memory import settled
from .run import Run
from .start import first_request_ms
from .tools import say
from .topology import LARGE_LAST_HOST, LARGE_LAST_ROUTE, Topology, large, single

STARTS = 5
QUICK_STARTS = 2
CASE = load.Case("h1", 32)
REQUESTS = {"last_route": LARGE_LAST_ROUTE, "last_host": LARGE_LAST_HOST}


def large_configuration(run: Run) -> dict:
    """Results by peer, each with `one`, `large` and the differences."""
    results: dict[str, dict] = {}
    with run.workshop.scope() as scope:
        backend = stand.backend(scope, run.tools, "h1")
        topologies = {"one": single(backend), "large": large(backend)}
        for name in run.peers:
            say(f"large configuration: {name}")
            with run.guard(f"large configuration {name}"):
                results[name] = loading(run, name, topologies)
        for name, ratios in per_request(run, list(results), topologies).items():
            results[name]["cpu_ratio"] = ratios
    return results


def loading(run: Run, name: str, topologies: dict[str, Topology]) -> dict:
    """Milliseconds to the first request and KiB at rest, with each configuration."""
    result = {}
    for size, topology in topologies.items():
        starts = []
        for _ in range(QUICK_STARTS if run.quick else STARTS):
            with run.workshop.scope() as scope:
                starts.append(first_request_ms(scope, run, name, topology))
        with run.workshop.scope() as scope:
            proxy = stand.prepare(scope, run.tools, name, topology).spawn()
            port = proxy.topology.port
            client.until(proxy.process, "accepted a connection", lambda: client.listens(port))
            result[size] = {"start_ms": median(starts), "rss_kib": settled(proxy)}
    return result


def per_request(run: Run, names: list[str], topologies: dict[str, Topology]) -> dict:
    """For each peer and request: processor time per request, large over one."""
    ratios = {name: {request: [] for request in REQUESTS} for name in names}
    for name in names:
        with run.guard(f"large configuration {name}"), run.workshop.scope() as scope:
            proxies = {size: stand.serving(scope, run.tools, name, topology) for size, topology in topologies.items()}
            for proxy in proxies.values():
                load.run(run.workshop, run.tools, CASE, proxy.topology.port, 1, *LARGE_LAST_ROUTE)
            for number in range(run.rounds):
                say(f"large configuration, {name}: round {number + 1} of {run.rounds}")
                for request, (host, path) in REQUESTS.items():
                    # The order alternates: whatever the first of a pair suffers from, both sizes suffer from it.
                    pair = ["one", "large"] if number % 2 == 0 else ["large", "one"]
                    cpu = {size: measure.sample(run, proxies[size], CASE, run.seconds, host, path).cpu_us for size in pair}
                    ratios[name][request].append(cpu["large"] / cpu["one"])
    return {name: {request: median(taken) for request, taken in by.items() if taken} for name, by in ratios.items()}
