"""ZooKeeper, a throw-away server on a loopback port, and what providers have registered in it."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from .ports import free_port
from .process import Process
from .tools import program
from .wait import eventually

if TYPE_CHECKING:
    from kazoo.client import KazooClient

#: Where Debian's package puts it; the jar names what it needs beside itself.
JAR = Path("/usr/share/java/zookeeper.jar")
STARTS_WITHIN = 30

CONFIG = """
tickTime=200
dataDir={data}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
# Sessions of a client that vanished end within a second or two, and ephemeral nodes with them.
minSessionTimeout=400
maxSessionTimeout=3000
"""


class ZooKeeper(Process):
    """A server on its own. Its port and its data stay the same when it is started again."""

    def __init__(self, folder: Path, name: str = "zookeeper", port: int | None = None):
        if not JAR.exists():
            pytest.skip("ZooKeeper is not installed; ./test installs it")
        self.folder, self.port = folder, port or free_port()
        self.log_file = folder / f"{name}.log"
        config = folder / f"{name}.cfg"
        config.write_text(CONFIG.format(data=folder / f"{name}-data", port=self.port))
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        self.command = [program("java"), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", JAR, main, config]

    @property
    def host(self) -> str:
        """Its address as a ZooKeeper client takes it."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Its address as Dubbo takes it, for `registry=`."""
        return f"zookeeper://{self.host}"

    def start(self) -> "ZooKeeper":
        """Starts it; it may not serve yet."""
        self.launch(self.command, self.folder)
        return self

    def ready(self) -> "ZooKeeper":
        """Waits until it serves."""
        eventually(self._serves, f"the server of {self.log_file.name} serves", STARTS_WITHIN)
        return self

    def _serves(self) -> bool:
        assert self.running, f"ZooKeeper ended with status {self.process.returncode}:\n{self.log()}"
        return self.ask("ruok") == "imok"

    def ask(self, word: str) -> str:
        """The answer to a four-letter word, such as `cons` (its clients) or `wchp` (what they watch); "" when it is down."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(word.encode())
                return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
        except OSError:
            return ""

    def client(self) -> "KazooClient":
        """A connected client, for nodes that a scenario makes itself; `stop` and `close` end it."""
        from kazoo.client import KazooClient

        client = KazooClient(self.host, timeout=2)
        client.start(10)
        return client

    def registered(self, service: str, category: str = "providers") -> list[str]:
        """The URLs that are registered for a Dubbo service."""
        client = self.client()
        try:
            path = f"/dubbo/{service}/{category}"
            return sorted(unquote(node) for node in client.get_children(path)) if client.exists(path) else []
        finally:
            client.stop()
            client.close()

    def wait_registered(self, service: str, count: int, category: str = "providers") -> list[str]:
        """The same, once there are so many."""
        eventually(lambda: len(self.registered(service, category)) == count, f"{count} {category} of {service}")
        return self.registered(service, category)
