"""Both halves in one process: `mecha start` with MOSN's configuration and the runtime's flags."""

import json
from pathlib import Path
from typing import Any

from .dapr import Sidecar
from .mecha import BINARY


class Both(Sidecar):
    """A process with both halves; `mosn` is its configuration."""

    def __init__(self, folder: Path, name: str, mosn: dict[str, Any], *flags: str, **more: Any):
        super().__init__(folder, name, *flags, **more)
        file = folder / f"{name}.json"
        file.write_text(json.dumps(mosn))
        given = [flag for flag in self.command[2:] if not str(flag).startswith("--log-level")]
        self.command = [BINARY, "start", "-c", file, *given]
