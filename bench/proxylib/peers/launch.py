"""What a peer's file offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..topology import Topology


@dataclass(frozen=True)
class Launch:
    """How to start a proxy, and where its access log will be. None: the log is what it prints on standard output."""

    argv: list[str]
    access_log: Path | None


class Peer(Protocol):
    """The module-level names of a file in this folder."""

    NAME: str
    PROTOCOLS: frozenset[str]
    """Those it can speak on both sides at once: "h1", "h2"."""

    def launch(self, program: str, topology: Topology, directory: Path) -> Launch:
        """Writes the configuration into `directory`."""
