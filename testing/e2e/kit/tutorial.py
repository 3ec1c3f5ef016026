"""MOSN's tutorial: two listeners in a row, as one process or as two, whatever they speak."""

from collections.abc import Callable
from typing import Any

from . import config as c
from .mecha import Mecha
from .ports import free_port, free_ports


class Tutorial:
    """client > 2045 > 2046 > the service, the ports chosen anew. `client` and `server` are the ports of the two
    listeners, `near` and `far` the processes that they are in."""

    def __init__(self, mecha: Callable[..., Mecha], protocol: str, processes: int, service: int, **more: dict[str, Any]):
        """`more`: keys of every `listener` and of every `cluster`."""
        self.client, self.server = free_ports(2)
        near = self._half("client", self.client, self.server, protocol, **more)
        far = self._half("server", self.server, service, protocol, **more)
        if processes == 2:
            self.far = mecha(self._whole(*far))
            self.near = mecha(self._whole(*near))
        else:
            self.near = self.far = mecha(self._whole(*near, *far))

    @staticmethod
    def _half(side: str, port: int, to: int, protocol: str, listener: c.Json | None = None, cluster: c.Json | None = None) -> tuple:
        half = c.http_listener(port, f"{side}_router", protocol, name=f"{side}Listener", **(listener or {}))
        router = c.router_of([c.virtual_host([c.to_cluster(f"{side}Cluster")], ["*"], f"{side}Host")], f"{side}_router")
        # MOSN's own files write the name of a cluster with a capital.
        behind = {"Name": f"{side}Cluster", "type": "SIMPLE", "lb_type": "LB_RANDOM", "max_request_per_conn": 1024, "conn_buffer_limit_bytes": 32768}
        return half, router, behind | {"hosts": [{"address": f"127.0.0.1:{to}"}]} | (cluster or {})

    @staticmethod
    def _whole(*parts: c.Json) -> c.Json:
        whole = c.mosn(listeners=parts[0::3], routers=parts[1::3], clusters=parts[2::3], admin=free_port(), default_log_level=None)
        return whole | {"close_graceful": True}

    def requests(self) -> tuple[float, float]:
        """How many requests each listener has counted."""
        return (
            self.near.metric("downstream_request_total", listener="clientListener"),
            self.far.metric("downstream_request_total", listener="serverListener"),
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.client}"
