"""Configurations in MOSN's schema, as small as a scenario allows."""

from typing import Any

Json = dict[str, Any]


def mosn(*, listeners: list[Json], routers: list[Json] = (), clusters: list[Json] = (), admin: int | None = None, **server: Any) -> Json:
    """A whole configuration. Further arguments are keys of the server; a value of None leaves a default key out."""
    one = {"default_log_path": "stdout", "default_log_level": "INFO", "listeners": list(listeners), "routers": list(routers)}
    one |= server
    config: Json = {
        "servers": [{key: value for key, value in one.items() if value is not None}],
        "cluster_manager": {"clusters": list(clusters)},
    }
    if admin is not None:
        config["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}}
    return config


def listener(port: int | str, filters: list[Json], name: str | None = None, **more: Any) -> Json:
    """A listener on a loopback port, or at an address given as text."""
    address = port if isinstance(port, str) else f"127.0.0.1:{port}"
    return {
        "name": name or f"listener-{port}",
        "address": address,
        "bind_port": True,
        "filter_chains": [{"filters": filters}],
    } | more


def http_listener(
    port: int | str,
    router: str = "router",
    downstream: str = "Http1",
    upstream: str | None = None,
    extend: Json | None = None,
    fallback: Json | None = None,
    **more: Any,
) -> Json:
    """A listener whose requests are routed. `fallback`: the network filter for bytes of an unknown protocol."""
    proxy: Json = {
        "downstream_protocol": downstream,
        "upstream_protocol": upstream or downstream,
        "router_config_name": router,
    }
    if extend is not None:
        proxy["extend_config"] = extend
    if fallback is not None:
        proxy["fallback_for_unknown_protocol"] = True
    filters = [{"type": "proxy", "config": proxy}] + ([fallback] if fallback else [])
    return listener(port, filters, **more)


def tcp_filter(cluster: str | None = None, **more: Any) -> Json:
    """The `tcp_proxy` network filter."""
    return {"type": "tcp_proxy", "config": ({"cluster": cluster} if cluster else {}) | more}


def tcp_listener(port: int | str, cluster: str | None = None, options: Json | None = None, **more: Any) -> Json:
    """A listener whose bytes are passed on."""
    return listener(port, [tcp_filter(cluster, **(options or {}))], **more)


def router(routes: list[Json], name: str = "router", domains: list[str] = ("*",), **more: Any) -> Json:
    """A router with a single virtual host."""
    return router_of([virtual_host(routes, domains)], name, **more)


def router_of(hosts: list[Json], name: str = "router", **more: Any) -> Json:
    """A router with these virtual hosts."""
    return {"router_config_name": name, "virtual_hosts": hosts} | more


def virtual_host(routes: list[Json], domains: list[str], name: str | None = None, **more: Any) -> Json:
    """A virtual host."""
    return {"name": name or f"host-{domains[0]}", "domains": list(domains), "routers": routes} | more


def match(prefix: str | None = None, path: str | None = None, regex: str | None = None, headers: list[Json] = ()) -> Json:
    """What a route looks at; every path when nothing is given."""
    found: Json = {key: value for key, value in {"prefix": prefix, "path": path, "regex": regex}.items() if value is not None}
    if headers:
        found["headers"] = list(headers)
    return found or {"prefix": "/"}


def to_cluster(cluster: str = "backend", when: Json | None = None, **route: Any) -> Json:
    """A route to a cluster. Further arguments are keys of `route`."""
    return {"match": when or match("/"), "route": {"cluster_name": cluster} | route}


def to_weighted(weights: dict[str, int], when: Json | None = None, **route: Any) -> Json:
    """A route to several clusters by weight."""
    entries = [{"cluster": {"name": name, "weight": weight}} for name, weight in weights.items()]
    return {"match": when or match("/"), "route": {"weighted_clusters": entries} | route}


def direct(status: int, body: str = "", when: Json | None = None) -> Json:
    """A route that is answered by the proxy itself."""
    return {"match": when or match("/"), "direct_response": {"status": status, "body": body}}


def redirect(when: Json | None = None, **how: Any) -> Json:
    """A route that sends the client elsewhere."""
    return {"match": when or match("/"), "redirect": how}


def cluster(*hosts: int | str | Json, name: str = "backend", lb: str = "LB_ROUNDROBIN", **more: Any) -> Json:
    """A cluster of loopback ports, addresses as text, or whole host entries."""
    return {"name": name, "type": "SIMPLE", "lb_type": lb, "hosts": [host(entry) for entry in hosts]} | more


def host(entry: int | str | Json, **more: Any) -> Json:
    """A host of a cluster."""
    if isinstance(entry, dict):
        return entry | more
    return {"address": entry if isinstance(entry, str) else f"127.0.0.1:{entry}"} | more


def adding(**headers: str) -> list[Json]:
    """Header additions that replace; underscores stand for hyphens."""
    return [{"header": {"key": key.replace("_", "-"), "value": value}, "append": False} for key, value in headers.items()]
