"""TARS' own SDK for Node (`@tars/rpc`), unmodified: a server of the servant `Mecha.Peers.EchoObj`, and a client that makes
the calls of named cases; the frames that they put on the wire.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from . import node, server
from .dapr import APPS
from .ports import free_port
from .tools import program

#: The servant, by which routes know the service.
SERVANT = "Mecha.Peers.EchoObj"
#: What a client knows. "fail" wants the servant's own code 77 and "no-function" TARS' -3; "parallel" has four calls under
#: way whose answers come in the reverse order; "large" carries 1 MiB each way; "tup" calls by a packet of version 3.
CASES = ("echo", "id", "context", "large", "parallel", "oneway", "ping", "no-function", "fail", "tup")


def environment() -> dict[str, str]:
    """Where node finds the SDK; without the SDK the scenario is skipped."""
    if not (node.INSTALLED / "@tars/rpc").is_dir():
        pytest.skip("TARS' SDK for Node is not installed; ./test installs it")
    return {"NODE_PATH": str(node.INSTALLED), "NODE_NO_WARNINGS": "1"}


class Server(server.Server):
    """A server that listens on `port` of the loopback address, and whose id is its `name`."""

    def __init__(self, folder: Path, name: str = "tars", port: int | None = None):
        self.folder, self.port, self.log_file = folder, port or free_port(), folder / f"{name}.log"
        self.env = environment()
        self.command = [program("node"), APPS / "tars_server.js", str(self.port), name]


def run(port: int, *cases: str, seconds: float = 60) -> dict[str, dict[str, Any]]:
    """What the client told of each case, `{"ok", "detail", "code" of an error, "ms"}`; whether they went well is the scenario's to say."""
    command = [program("node"), APPS / "tars_client.js", str(port), *cases]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=os.environ | environment())
    told = {line["case"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(told) == list(cases), f"the client ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return told


def passes(port: int, *cases: str) -> None:
    """Runs cases, each of which must go well."""
    bad = [told for told in run(port, *cases).values() if not told["ok"]]
    assert not bad, bad


def frames(data: bytes) -> list[bytes]:
    """The frames that one side of a connection has sent; a last one that is not whole is left out."""
    found, at = [], 0
    while at + 4 <= len(data) and at + (length := int.from_bytes(data[at : at + 4])) <= len(data):
        found.append(bytes(data[at : at + length]))
        at += length
    return found
