"""How much memory a process takes at its peak."""

from pathlib import Path

from .mecha import Mecha


class Growth:
    """How much resident memory grows, at its peak, while the block runs: `bytes`."""

    def __init__(self, process: Mecha):
        self.folder = Path(f"/proc/{process.pid}")

    def __enter__(self) -> "Growth":
        # 5 sets the peak (VmHWM) back to what is resident now.
        (self.folder / "clear_refs").write_text("5")
        self.before = self._peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = self._peak() - self.before

    def _peak(self) -> int:
        lines = (self.folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
