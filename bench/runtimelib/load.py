"""Load: h2load at a fixed rate or as fast as answers come, over HTTP/1 and gRPC, and wrk where every request must differ."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from proxylib.fault import BenchError
from proxylib.load import generate, quantile, totals
from proxylib.process import Workshop
from proxylib.tools import Tools

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
# An open-loop load of this many requests a second. One connection: h2load sends on all of its connections at the same instant, and what a
# burst waits for itself is no latency of a call.
RATE = 1_000
OPEN_CONNECTIONS = 1
CLOSED_CONNECTIONS = 32


@dataclass(frozen=True)
class Call:
    """One request, as every client of the load sends it."""

    url: str
    grpc: bool = False
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    # A Lua script for wrk that makes every request another one; only the closed loop uses it.
    script: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What the load generator saw."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float


def run(workshop: Workshop, tools: Tools, call: Call, seconds: int, is_open: bool) -> Outcome:
    """Sends the call for so many seconds; any answer but 2xx and any error is a failure of the measurement."""
    if call.script and not is_open:
        return wrk(workshop, tools, call, seconds)
    root = Path(workshop.root)
    log = root / "h2load.tsv"
    log.unlink(missing_ok=True)
    connections = OPEN_CONNECTIONS if is_open else CLOSED_CONNECTIONS
    argv = [tools["h2load"], f"-c{connections}", "-m1", f"-D{seconds}", f"--log-file={log}"]
    if is_open:
        argv.append(f"--rps={RATE // OPEN_CONNECTIONS}")
    if not call.grpc:
        argv.append("--h1")
    if call.body is not None:
        (root / "body").write_bytes(call.body)
        argv.append(f"--data={root / 'body'}")
    argv += [word for name, value in call.headers.items() for word in ("-H", f"{name}: {value}")]
    if call.grpc:
        argv += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    said = generate(workshop, "h2load", [*argv, call.url], seconds)
    done, failed, errored, timeout = totals(said)
    if failed or errored or timeout or not done:
        raise BenchError(f"{call.url}: of {done} requests {failed} failed, {errored} met an error and {timeout} timed out")
    elapsed = re.search(r"finished in ([\d.]+)(us|ms|s|m)", said)
    times = sorted(int(line.rsplit(b"\t", 1)[1]) for line in log.read_bytes().splitlines())
    log.unlink()
    if not times or not elapsed:
        raise BenchError(f"h2load reported no requests:\n{said}")
    return Outcome(done, float(elapsed.group(1)) * UNITS[elapsed.group(2)], quantile(times, 0.50), quantile(times, 0.99))


def wrk(workshop: Workshop, tools: Tools, call: Call, seconds: int) -> Outcome:
    """The closed loop with a script."""
    script = Path(workshop.root) / "load.lua"
    script.write_text(call.script or "")
    argv = [tools["wrk"], "-t1", f"-c{CLOSED_CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), call.url]
    said = generate(workshop, "wrk", argv, seconds)
    wrong = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", said)
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
    found = re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", said, re.MULTILINE)
    quantiles = {name: float(value) * UNITS[unit] * 1e6 for name, value, unit in found}
    if wrong or not total or len(quantiles) != 2:
        raise BenchError(wrong.group(0) if wrong else f"wrk reported no requests:\n{said}")
    return Outcome(int(total.group(1)), float(total.group(2)) * UNITS[total.group(3)], quantiles["50"], quantiles["99"])
