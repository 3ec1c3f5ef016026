"""A child process with its output in a file: what every process that a scenario starts has in common."""

import os
import re
import signal
import subprocess
from pathlib import Path

#: What a Rust process says before it dies of a defect.
CRASH = re.compile(r"panicked at|stack overflow|has overflowed its stack|fatal runtime error")


class Process:
    """A command that runs until it is ended, and can be started again."""

    process: subprocess.Popen
    log_file: Path
    #: Whether the scenario has ended it itself.
    expected_exit = False
    #: Seconds that its orderly end may take.
    patience: float = 5

    def launch(self, command: list[str | Path], folder: Path, env: dict[str, str] | None = None) -> None:
        """Starts it; what it prints is added to the log."""
        self.expected_exit = False
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | {"RUST_BACKTRACE": "1"} | (env or {}),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        """Everything it has printed so far."""
        return self.log_file.read_text(errors="replace")

    def resident_bytes(self) -> int:
        """Its resident memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no VmRSS for {self.pid}")

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal; one that ends the process makes its end expected."""
        self.expected_exit |= number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
        self.process.send_signal(number)

    def wait(self, seconds: float = 10) -> int:
        """Its exit status, once it has ended."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """Ends it by SIGKILL, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """Ends it if it still runs, and fails when it had crashed before."""
        status, expected = self.process.poll(), self.expected_exit
        if status is None:
            self.signal(signal.SIGINT)
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"SIGINT did not end the process of {self.log_file.name} within {self.patience} s") from None
        log = self.log()
        crash = CRASH.search(log)
        assert crash is None, f"{self.log_file.name} crashed: ...{log[max(0, crash.start() - 200):crash.start() + 2000]}"
        assert status is None or expected, f"the process of {self.log_file.name} ended by itself with status {status}"
