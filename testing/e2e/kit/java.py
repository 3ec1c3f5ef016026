"""Peers in Java, the modules of `testing/peers/`: servers that say on a line of JSON that they are ready, and clients that
answer each line of JSON with one.

What a module prints on standard output are JSON objects, one a line; the rest of its output is a log.
"""

import contextlib
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .mecha import ROOT
from .process import Process
from .tools import program
from .wait import eventually

#: Where ./test builds the modules.
BUILT = ROOT / ".cache/peers"
#: One processor's worth of compiler and collector: several of these start at once, and live for seconds.
JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m"]
STARTS_WITHIN = 30


def command(module: str, *args: str | Path) -> list[str | Path]:
    """What runs a module's main class; without the module the scenario is skipped."""
    jar = BUILT / module / "peer.jar"
    if not jar.exists():
        pytest.skip(f"{module} is not built; ./test builds it")
    return [program("java"), *JVM, "-jar", jar, *args]


def flags(values: dict[str, Any]) -> list[str]:
    """`--name value` pairs, without those whose value is `None`."""
    return [part for name, value in values.items() if value is not None for part in (f"--{name}", str(value))]


class Server(Process):
    """A module that serves until it is ended, and can be started again with the same arguments."""

    #: An orderly end tells clients first.
    patience = 10

    def __init__(self, folder: Path, name: str, module: str, *args: str):
        self.folder, self.name, self.command = folder, name, command(module, *args)
        self.log_file = folder / f"{name}.log"
        #: How much of the log belongs to earlier lives.
        self.before = 0

    def start(self) -> "Server":
        """Starts it; it may not serve yet."""
        self.before = len(self.log()) if self.log_file.exists() else 0
        self.launch(self.command, self.folder)
        return self

    def ready(self) -> "Server":
        """Waits until it says that it serves."""
        eventually(lambda: self.events("ready"), f"the ready line of {self.name}", STARTS_WITHIN)
        return self

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What it has told since its last start."""
        log = self.log()[self.before :]
        assert self.running or self.expected_exit, f"{self.name} ended with status {self.process.returncode}:\n{log}"
        told = [json.loads(line) for line in log.splitlines(keepends=True) if line.startswith("{") and line.endswith("\n")]
        return [event for event in told if event.get("event") == kind]


class Client(Process):
    """A module that is asked by lines on its standard input. One process serves a whole file of scenarios."""

    def __init__(self, folder: Path, name: str, module: str, *args: str):
        self.name, self.log_file = name, folder / f"{name}.log"
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command(module, *args), cwd=folder, env=dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self.read = b""
        assert self.answer(STARTS_WITHIN) == {"event": "ready"}

    def tell(self, asked: dict[str, Any]) -> None:
        """Asks without waiting for the answer."""
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, seconds: float = 30) -> dict[str, Any]:
        """The next line that it prints."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.read:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], f"{self.name} has not answered within {seconds} s:\n{self.log()[-4000:]}"
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            assert piece, f"{self.name} ended with status {self.process.wait(5)}:\n{self.log()[-4000:]}"
            self.read += piece
        line, self.read = self.read.split(b"\n", 1)
        return json.loads(line)

    def ask(self, asked: dict[str, Any], seconds: float = 30) -> dict[str, Any]:
        """Asks, and waits for the answer."""
        self.tell(asked)
        return self.answer(seconds)

    def stop(self) -> None:
        """Ends it, and fails when it had ended by itself."""
        status = self.process.poll()
        assert status is None or self.expected_exit, f"the process of {self.log_file.name} ended by itself with status {status}"
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()
