"""The process under test: the real binary with a real configuration file, watched from outside."""

import http.client
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from .process import Process
from .wait import eventually

ROOT = Path(__file__).resolve().parents[3]
#: The binary; an absolute path, since processes are started in folders of their own.
BINARY = Path(os.environ.get("MECHA_BIN") or ROOT / "target/debug/mecha").absolute()


class Mecha(Process):
    """A running `mecha start`."""

    def __init__(self, config: dict[str, Any], folder: Path, *args: str, env: dict[str, str] | None = None, name: str = "mecha", file: Path | None = None):
        """`file` says the same as `config` in another form; without it `config` is written as JSON."""
        self.folder = folder
        self.config_file = file or folder / f"{name}.json"
        if file is None:
            self.config_file.write_text(json.dumps(config, indent=2))
        self.log_file = folder / f"{name}.log"
        self.admin_port = config.get("admin", {}).get("address", {}).get("socket_address", {}).get("port_value")
        self.log_file.write_bytes(b"")
        self.launch([BINARY, "start", "-c", self.config_file, *args], folder, env)

    def ready(self) -> "Mecha":
        """Waits until the admin API says that it runs (state 6)."""
        eventually(self._serves, "state=6 at /api/v1/states", 20)
        return self

    def _serves(self) -> bool:
        assert self.process.poll() is None, f"mecha ended with status {self.process.returncode}:\n{self.log()}"
        try:
            status, body = self.admin("/api/v1/states")
        except OSError:
            return False
        return status == 200 and "state=6" in body

    def admin(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
        """Status and text of an admin call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float:
        """A sample of /metrics by its full name; 0 when it is not shown. All given labels must be equal, no other may be there.

        The reference parser puts `_total` behind the name of every counter that lacks it.
        """
        for sample in self.samples():
            if sample.name in (name, f"{name}_total") and sample.labels == labels:
                return sample.value
        return 0

    def samples(self) -> list[Any]:
        """Every sample of /metrics, read by the reference parser."""
        return [sample for family in text_string_to_metric_families(self.admin("/metrics")[1]) for sample in family.samples]

    def downstream(self, key: str) -> float:
        """A downstream metric of the whole process."""
        return self.metric(f"downstream_{key}", proxy="global")

    def upstream(self, key: str, cluster: str = "backend") -> float:
        """An upstream metric of a cluster."""
        return self.metric(f"upstream_{key}", cluster=cluster)


def run(*args: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """A `mecha` command that ends by itself."""
    return subprocess.run(
        [BINARY, *args],
        cwd=cwd,
        env=os.environ | {"RUST_BACKTRACE": "1"} | (env or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=20,
    )


def refuses(port: int) -> bool:
    """Whether nothing accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) != 0
