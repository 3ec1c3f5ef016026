"""What every proxy is asked to do, said once; each file in `peers/` says it in one proxy's own language."""

from dataclasses import dataclass, replace

# The response body of all request benchmarks: 128 bytes.
BODY = "0123456789abcdef" * 8

# Where the driver sends its requests in the small configuration.
PATH = "/api/v1/items/42"
HOST = "bench.local"

# Eight headers with Host, about what a browser or an SDK sends.
HEADERS = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36",
    "accept": "application/json, text/plain, */*",
    "accept-language": "en-GB,en;q=0.8,de;q=0.5",
    "accept-encoding": "gzip, deflate, br",
    "authorization": "Bearer 4f1c2d7a9be84c55b1c0a3d2e6f70819",
    "x-request-id": "7f3c2f0e-8d5b-4f0e-9a51-3f0d6b8c1e22",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

LARGE_CLUSTERS = 1_000
LARGE_HOST = "many.bench.local"
LARGE_HOST_ROUTES = 2_500
LARGE_HOSTS = 500
LARGE_ROUTES_PER_HOST = 5


@dataclass(frozen=True)
class Route:
    """Requests whose path starts with `prefix` go to `cluster`."""

    prefix: str
    cluster: str


@dataclass(frozen=True)
class VirtualHost:
    """Routes of one host name; the domain "*" takes every name."""

    name: str
    domain: str
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Topology:
    """One listener, its routing table, and clusters that all have the backend as their only endpoint."""

    protocol: str  # "h1" or "h2", the same on both sides
    backend: int  # loopback port
    hosts: tuple[VirtualHost, ...]
    clusters: tuple[str, ...]
    timeout_seconds: int = 15
    idle_seconds: int = 600
    connections: int = 2_048
    """Those it must be able to hold, both sides together. Some proxies set memory aside for each at start."""
    port: int = 0
    admin: int = 0

    def at(self, port: int, admin: int) -> "Topology":
        """The same, listening on these loopback ports."""
        return replace(self, port=port, admin=admin)

    def some_request(self) -> tuple[str, str]:
        """Host and path of a request that its first route takes."""
        first = self.hosts[0]
        return (HOST if first.domain == "*" else first.domain), first.routes[0].prefix

    def route_count(self) -> int:
        """Routes over all virtual hosts."""
        return sum(len(host.routes) for host in self.hosts)


def small(protocol: str, backend: int) -> Topology:
    """Three routes, the request taking the second."""
    routes = tuple(Route(prefix, "app") for prefix in ("/static/", "/api/", "/"))
    return Topology(protocol, backend, (VirtualHost("all", "*", routes),), ("app",))


def single(backend: int) -> Topology:
    """One route: what the large configuration is compared with."""
    return Topology("h1", backend, (VirtualHost("all", "*", (Route("/", "app"),)),), ("app",))


def bulk(protocol: str, backend: int) -> Topology:
    """One route with room in its timeout for a gibibyte."""
    return replace(single(backend), protocol=protocol, timeout_seconds=600)


def large(backend: int) -> Topology:
    """1,000 clusters and 5,000 routes: half of them in one virtual host, half spread over 500."""
    clusters = tuple(f"cluster-{n}" for n in range(LARGE_CLUSTERS))
    numbered = (clusters[n % LARGE_CLUSTERS] for n in range(LARGE_HOST_ROUTES + LARGE_HOSTS * LARGE_ROUTES_PER_HOST))
    hosts = [VirtualHost("many", LARGE_HOST, tuple(Route(f"/svc/{n:04}/", next(numbered)) for n in range(LARGE_HOST_ROUTES)))]
    for number in range(LARGE_HOSTS):
        routes = tuple(Route(f"/svc/{n:04}/", next(numbered)) for n in range(LARGE_ROUTES_PER_HOST))
        hosts.append(VirtualHost(f"host-{number:03}", f"host-{number:03}.bench.local", routes))
    return Topology("h1", backend, tuple(hosts), clusters)


# Requests that take the last route of the large configuration's largest virtual host, and of its last one.
LARGE_LAST_ROUTE = (LARGE_HOST, f"/svc/{LARGE_HOST_ROUTES - 1:04}/item")
LARGE_LAST_HOST = (f"host-{LARGE_HOSTS - 1:03}.bench.local", f"/svc/{LARGE_ROUTES_PER_HOST - 1:04}/item")
