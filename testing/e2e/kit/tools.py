"""Clients and servers that nobody here wrote, as child processes."""

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .mecha import ROOT, refuses
from .ports import free_port
from .wait import eventually

H2SPEC = ROOT / ".cache/bin/h2spec"


def program(name: str) -> str:
    """Its path, or a skipped test that says what is missing."""
    return shutil.which(name) or pytest.skip(f"{name} is not installed; ./test installs it")


def call(*command: str | Path, seconds: float = 30, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> str:
    """Runs a program to its end and returns what it printed, errors included."""
    done = subprocess.run([program(str(command[0])), *command[1:]], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, cwd=cwd)
    text = done.stdout.decode(errors="replace")
    assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{text}"
    return text


def curl(*args: str | Path, seconds: float = 30, check: bool = True, stdin: bytes | None = None) -> str:
    """curl, silent but for errors."""
    return call("curl", "-sS", "--max-time", str(seconds - 2), *args, seconds=seconds, check=check, stdin=stdin)


def curl_code(*args: str | Path) -> int:
    """The status that curl saw; 0 when there was none."""
    return int(curl("-o", "/dev/null", "-w", "%{http_code}", *args, check=False).splitlines()[-1][-3:])


def h2load(*args: str, seconds: float = 30) -> dict[str, int]:
    """h2load's own count of requests by outcome."""
    text = call("h2load", *args, seconds=seconds)
    line = re.search(r"requests: (.*)", text)
    assert line, text
    return {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", line[1])}


@contextlib.contextmanager
def serving(port: int, *command: str | Path, cwd: Path | None = None) -> Iterator[subprocess.Popen]:
    """A server that listens on a loopback port while the block runs."""
    path = program(str(command[0]))
    process = subprocess.Popen([path, *map(str, command[1:])], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=cwd)
    try:
        eventually(lambda: process.poll() is not None or not refuses(port), f"{command[0]} listens on {port}")
        assert process.poll() is None, f"{command} ended: {process.stderr.read().decode()}"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def nghttpd(port: int, folder: Path, streams: int = 100) -> Iterator[None]:
    """nghttp2's own server, cleartext, serving files; a client may have so many streams open at once."""
    limit = f"--max-concurrent-streams={streams}"
    with serving(port, "nghttpd", "--no-tls", "--address=127.0.0.1", limit, f"--htdocs={folder}", str(port)):
        yield


NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; keepalive_requests {requests};
  server {{ listen 127.0.0.1:{port}; root {root}; location /hello {{ return 200 "hello from nginx\\n"; }} }}
}}
"""


@contextlib.contextmanager
def nginx(port: int, folder: Path, root: Path, requests: int = 1000) -> Iterator[None]:
    """nginx, serving files; it closes a connection after so many requests."""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, root=root, requests=requests))
    with serving(port, "nginx", "-p", folder, "-c", config):
        yield


@contextlib.contextmanager
def redis(folder: Path, port: int | None = None) -> Iterator[int]:
    """A Redis server that keeps nothing, on a port that is returned."""
    port = port or free_port()
    with serving(port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder):
        yield port
