"""Applications that are called, and the ways to them."""

from .dapr import Sidecar, Stage
from .resources import static_names

#: The largest body that the runtimes take as a whole.
LARGE = "--max-body-size=64Mi"
#: How a call gets to the application: by its own runtime, or by another one that finds it in one of two ways.
WAYS = ["own runtime", "mdns", "static"]


class Stand:
    """An HTTP and a gRPC application, each beside its runtime, and two runtimes of callers."""

    def __init__(self, stage: Stage):
        self.http, self.grpc, self.mdns = stage.sidecars(
            ("http", (LARGE,), {"app": "echo.py"}),
            ("grpc", (LARGE,), {"app": "echo_grpc.py", "protocol": "grpc"}),
            ("caller", (LARGE,), {}),
        )
        names = static_names(**{one.app_id: one.internal for one in (self.http, self.grpc)})
        self.static = stage.sidecar("caller-static", LARGE, config=names)

    def caller(self, way: str, target: Sidecar) -> Sidecar:
        """The runtime that a call leaves by."""
        return {"own runtime": target, "mdns": self.mdns, "static": self.static}[way]
