"""Dapr's Node SDK, unmodified: a client whose calls a scenario makes, and an application whose events it reads."""

import json
import os
import subprocess
from typing import Any

import pytest

from .dapr import APPS, Sidecar, Stage
from .mecha import ROOT
from .tools import program

#: Where ./test installs the SDK, by the versions that testing/node/package-lock.json fixes.
INSTALLED = ROOT / ".cache/node/node_modules"


def environment() -> dict[str, str]:
    """Where node finds the SDK; without the SDK the scenario is skipped."""
    if not (INSTALLED / "@dapr/dapr").is_dir():
        pytest.skip("Dapr's Node SDK is not installed; ./test installs it")
    return {"NODE_PATH": str(INSTALLED)}


def application(stage: Stage, protocol: str, name: str, *flags: str, **more: Any) -> Sidecar:
    """A runtime with an application of the SDK beside it: `apps/node_server.js`, its server of this protocol."""
    env = environment() | {"APP_PROTOCOL": protocol}
    return stage.sidecar(name, *flags, app="node_server.js", protocol=protocol, app_env=env, **more)


class SdkError(Exception):
    """What the SDK threw: its message, and its code where it has one."""

    def __init__(self, error: dict[str, Any]):
        super().__init__(error.get("message", json.dumps(error)))
        self.code = error.get("code")


class Client:
    """A `DaprClient` of the SDK that speaks `protocol` with a runtime."""

    def __init__(self, protocol: str, sidecar: Sidecar, **env: str):
        ports = {"DAPR_HTTP_PORT": str(sidecar.http), "DAPR_GRPC_PORT": str(sidecar.grpc)}
        self.process = subprocess.Popen(
            [program("node"), APPS / "node_client.js", protocol],
            env=os.environ | environment() | ports | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, method: str, *args: Any) -> Any:
        """The result of a method by its path, for example `state.get`; raises `SdkError` when the SDK throws."""
        self.process.stdin.write(json.dumps({"call": method, "args": args}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the client ended during {method} with status {self.process.wait(5)}"
        reply = json.loads(line)
        if "error" in reply:
            raise SdkError(reply["error"])
        return reply["result"]
