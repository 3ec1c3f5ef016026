"""An access log whose lines a scenario can ask for by field."""

from pathlib import Path
from typing import Any

from .wait import eventually

#: What is logged of each request, in this order.
FIELDS = ["response_code", "response_flags", "retry_count", "upstream_host", "upstream_cluster", "bytes_sent", "bytes_received", "protocol", "x-mosn-path"]


class AccessLog:
    """A log file in a scenario's folder."""

    def __init__(self, folder: Path, name: str = "access.log"):
        self.path = folder / name

    @property
    def config(self) -> dict[str, Any]:
        """The listener's keys that switch it on."""
        return {"access_logs": [{"log_path": str(self.path), "log_format": " ".join(f"%{name}%" for name in FIELDS)}]}

    def lines(self) -> list[dict[str, str]]:
        """What has been written so far."""
        text = self.path.read_text() if self.path.exists() else ""
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [dict(zip(FIELDS, line.split(), strict=True)) for line in whole]

    def wait(self, count: int = 1) -> list[dict[str, str]]:
        """So many lines, once they are there; fails when there are more."""
        eventually(lambda: len(self.lines()) >= count, f"{count} lines in {self.path.name}")
        lines = self.lines()
        assert len(lines) == count, lines
        return lines

    def last(self, count: int = 1) -> tuple[str, str]:
        """Status and flags of line number `count`, which must be the last one."""
        line = self.wait(count)[-1]
        return line["response_code"], line["response_flags"]
