"""Dapr resources as YAML documents: what a folder of resources or a Configuration file holds."""

from typing import Any

import yaml


def document(*resources: dict[str, Any]) -> str:
    """The text of a file with these resources."""
    return yaml.safe_dump_all(resources, sort_keys=False)


def resource(kind: str, name: str, spec: dict[str, Any], version: str = "v1alpha1", **more: Any) -> dict[str, Any]:
    """Any resource; `more` stands beside its spec."""
    return {"apiVersion": f"dapr.io/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec, **more}


def component(name: str, kind: str, metadata: dict[str, Any] | None = None, scopes: list[str] | None = None, **spec: Any) -> dict[str, Any]:
    """A component; a value of `metadata` that is a dict (`secretKeyRef`, `envRef`) goes beside its name, others are `value`."""
    entries = [{"name": key, **(value if isinstance(value, dict) else {"value": str(value)})} for key, value in (metadata or {}).items()]
    whole = resource("Component", name, {"type": kind, "version": "v1", "metadata": entries, **spec})
    return whole | ({"scopes": scopes} if scopes else {})


def subscription(name: str, topic: str, route: str | None = None, pubsub: str = "pubsub", **spec: Any) -> dict[str, Any]:
    """A Subscription: version 1 when it has one route, version 2 when `routes` is given."""
    spec = {"pubsubname": pubsub, "topic": topic, **spec}
    if route is not None:
        return resource("Subscription", name, {**spec, "route": route})
    return resource("Subscription", name, spec, "v2alpha1")


def redis_metadata(port: int | None, **more: str) -> dict[str, str]:
    """Where a Redis server of the scenario is."""
    return {"redisHost": f"127.0.0.1:{port}", **more}


def brokers(redis: int | None = None) -> list[dict[str, Any]]:
    """A broker of every kind: `pubsub`, which is embedded, `memory`, and `redis` when there is a server. They hand over
    again soon what was refused."""
    found = [component("pubsub", "pubsub.mecha", {"redeliverInterval": "20ms"}), component("memory", "pubsub.in-memory")]
    if redis:
        # Longer than a handler takes on a busy machine: Redis hands over again what has not been acknowledged by then.
        soon = {"redeliverInterval": "50ms", "processingTimeout": "1s"}
        found.append(component("redis", "pubsub.redis", redis_metadata(redis, **soon)))
    return found


def configuration(**spec: Any) -> dict[str, Any]:
    """A Configuration."""
    return resource("Configuration", "config", spec)


def static_names(**addresses: int) -> dict[str, Any]:
    """A Configuration that names other applications' runtimes: app id and internal port."""
    names = {app: f"127.0.0.1:{port}" for app, port in addresses.items()}
    return configuration(nameResolution={"component": "static", "configuration": {"apps": names}})
