"""Starting, watching and stopping the processes of a run.

A `Workshop` is one run: its temporary folder, its ports and every process started for it. A `Scope` is a part of it (one case, say)
that stops what it started when it ends, however it ends. Only processes started here are ever signalled, each by its own id.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from . import usage
from .fault import BenchError

PROXY_CORE = 0
LOAD_CORE = 1
STOP_SECONDS = 5
# Below the kernel's usual range for outgoing connections (32768 and up), so that no client socket can take a port first.
PORTS = range(20_000, 32_000)


class Process:
    """A running program, pinned to one core, with its output in two files."""

    def __init__(self, name: str, argv: list[str], core: int, directory: Path):
        self.name = name
        self.stdout = directory / f"{name}.out"
        self.stderr = directory / f"{name}.err"
        everything = os.sched_getaffinity(0)
        with open(self.stdout, "ab") as out, open(self.stderr, "ab") as err:
            # The child inherits the affinity: pinned from its first instruction, with no launcher in between to distort a start time.
            os.sched_setaffinity(0, {core})
            try:
                # Its own session: Ctrl-C reaches the driver alone, which then stops everything in order.
                self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=directory, start_new_session=True)
            except OSError as error:
                raise BenchError(f"{name} cannot be started: {error}") from error
            finally:
                os.sched_setaffinity(0, everything)

    @property
    def pid(self) -> int:
        """The id of the process that was started; its children are in `pids`."""
        return self.popen.pid

    def pids(self) -> list[int]:
        """This process and all its descendants."""
        return usage.family(self.pid)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def tail(self) -> str:
        """The last lines it wrote, for an error message."""
        lines: list[str] = []
        for path in (self.stdout, self.stderr):
            with suppress(OSError):
                with open(path, "rb") as file:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
                    lines += file.read().decode(errors="replace").splitlines()[-8:]
        return "\n".join(f"    {line[:300]}" for line in lines) or "    (it wrote nothing)"

    def stop(self) -> None:
        """Asks it to end, then ends it and whatever it left behind."""
        family = self.pids() if self.alive() else []
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(STOP_SECONDS)
        for pid in family:
            # A worker whose parent is gone has been re-parented, so the parent's id no longer tells; its session does.
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(STOP_SECONDS)


class Scope:
    """Stops, in reverse order, what was started in it."""

    def __init__(self, workshop: "Workshop"):
        self.workshop = workshop
        self.stack = ExitStack()

    def __enter__(self) -> "Scope":
        return self

    def __exit__(self, *reason) -> None:
        self.stack.close()

    def spawn(self, name: str, argv: list[str], core: int, directory: Path) -> Process:
        """Starts a program that ends with this scope."""
        process = Process(name, argv, core, directory)
        self.stack.callback(process.stop)
        return process

    def directory(self, name: str) -> Path:
        """A new folder that goes with this scope (access logs of a run are large), unless the run keeps its files."""
        path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.workshop.root))
        if not self.workshop.keep:
            self.stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path


class Workshop:
    """One run of the benchmark."""

    def __init__(self, keep: bool):
        self.keep = keep
        self.root = Path(tempfile.mkdtemp(prefix="mecha-bench-"))
        self.ports = iter(random.sample(PORTS, len(PORTS)))

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(self, *reason) -> None:
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)

    def scope(self) -> Scope:
        """A part of the run."""
        return Scope(self)

    def port(self) -> int:
        """A loopback port nobody listens on, never given twice in a run."""
        for port in self.ports:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    return port
        raise BenchError(f"no free loopback port between {PORTS.start} and {PORTS.stop}")
