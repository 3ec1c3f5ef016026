"""A server of somebody else's, as a process that listens on one port of the loopback address."""

from pathlib import Path
from typing import Self

from .dapr import STARTS_WITHIN
from .mecha import refuses
from .process import Process
from .wait import eventually


class Server(Process):
    """Who derives from it says what runs: `command`, `folder`, `log_file`, `port` and `env`."""

    command: list[str | Path]
    folder: Path
    port: int
    env: dict[str, str]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Starts it; it may not listen yet."""
        self.launch(self.command, self.folder, self.env)
        return self

    def ready(self) -> Self:
        """Waits until it listens."""
        eventually(self._listens, f"the server of {self.log_file.name} listens", STARTS_WITHIN)
        return self

    def _listens(self) -> bool:
        assert self.running, f"the server ended with status {self.process.returncode}:\n{self.log()}"
        return not refuses(self.port)

    def stop(self) -> None:
        """Ends it, and fails when it had ended by itself."""
        status = self.process.poll()
        assert status is None or self.expected_exit, f"the process of {self.log_file.name} ended by itself with status {status}"
        if status is None:
            self.kill()
