"""Load generators: wrk for HTTP/1 and h2load for HTTP/2, and what their reports say.

wrk is used for HTTP/1 because it costs the load core the least, so that the proxy stays the bottleneck.
"""

import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .fault import BenchError
from .process import LOAD_CORE, Process, Workshop
from .tools import Tools
from .topology import HEADERS, HOST, PATH

UNITS_US = {"us": 1.0, "ms": 1_000.0, "s": 1_000_000.0, "m": 60_000_000.0}


@dataclass(frozen=True)
class Case:
    """Connections, and concurrent streams on each (1 for HTTP/1)."""

    protocol: str
    connections: int
    streams: int = 1

    @property
    def name(self) -> str:
        """As the command line spells it."""
        return f"h1-{self.connections}" if self.protocol == "h1" else f"h2-{self.connections}x{self.streams}"


CASES = [Case("h1", 1), Case("h1", 32), Case("h1", 256), Case("h2", 8, 10), Case("h2", 4, 100)]


def case(text: str) -> Case:
    """Reads `h1-32` or `h2-8x10`."""
    found = re.fullmatch(r"h1-([1-9]\d{0,2})|h2-([1-9]\d{0,2})x([1-9]\d{0,2})", text)
    if not found:
        raise BenchError(f"`{text}` is not a case; write h1-CONNECTIONS or h2-CONNECTIONSxSTREAMS, as in h1-32,h2-8x10, each number below 1000")
    if found.group(1):
        return Case("h1", int(found.group(1)))
    return Case("h2", int(found.group(2)), int(found.group(3)))


@dataclass(frozen=True)
class Outcome:
    """What a load generator saw."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float


def run(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int, host: str = HOST, path: str = PATH) -> Outcome:
    """Loads the proxy at `port` for `seconds`; any answer but 2xx and any socket error is a failure of the measurement."""
    return (wrk if case.protocol == "h1" else h2load)(workshop, tools, case, port, seconds, host, path)


def wrk(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int, host: str, path: str) -> Outcome:
    # wrk knows its own Host header only by this spelling, and would send two with another.
    argv = [tools["wrk"], "-t1", f"-c{case.connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {host}", *headers()]
    said = generate(workshop, "wrk", [*argv, f"http://127.0.0.1:{port}{path}"], seconds)
    errors = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", said)
    if errors:
        raise BenchError(errors.group(0))
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
    quantiles = {name: float(value) * UNITS_US[unit] for name, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", said, re.MULTILINE)}
    if not total or int(total.group(1)) == 0 or len(quantiles) != 2:
        raise BenchError(f"wrk reported no requests:\n{said}")
    return Outcome(int(total.group(1)), float(total.group(2)) * UNITS_US[total.group(3)] / 1e6, quantiles["50"], quantiles["99"])


def h2load(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int, host: str, path: str) -> Outcome:
    log = workshop.root / "h2load.tsv"
    log.unlink(missing_ok=True)
    argv = [tools["h2load"], f"-c{case.connections}", f"-m{case.streams}", f"-D{seconds}", f"--log-file={log}", "-H", f":authority: {host}", *headers()]
    said = generate(workshop, "h2load", [*argv, f"http://127.0.0.1:{port}{path}"], seconds)
    done, failed, errored, timeout = totals(said)
    if failed or errored or timeout or not done:
        raise BenchError(f"of {done} HTTP/2 requests {failed} failed, {errored} met an error and {timeout} timed out")
    elapsed = re.search(r"finished in ([\d.]+)(us|ms|s|m)", said)
    # h2load prints no percentiles; its log has one line a request: start, status, microseconds.
    times = sorted(int(line.rsplit(b"\t", 1)[1]) for line in log.read_bytes().splitlines())
    log.unlink()
    if not times or not elapsed:
        raise BenchError(f"h2load reported no requests:\n{said}")
    return Outcome(done, float(elapsed.group(1)) * UNITS_US[elapsed.group(2)] / 1e6, quantile(times, 0.50), quantile(times, 0.99))


def totals(said: str) -> tuple[int, int, int, int]:
    """Requests done, failed, errored and timed out, from h2load's report; an answer other than 2xx counts as failed."""
    requests = re.search(r"(\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said)
    statuses = re.search(r"status codes: (\d+) 2xx", said)
    if not requests or not statuses:
        raise BenchError(f"h2load wrote no totals:\n{said}")
    done, failed, errored, timeout = map(int, requests.groups())
    return done, max(failed, done - int(statuses.group(1))), errored, timeout


def headers() -> list[str]:
    """The common request headers as -H options, which both programs know."""
    return [word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")]


def generate(workshop: Workshop, name: str, argv: list[str], seconds: int) -> str:
    """Runs a load generator on the load core to its end, for at most 30 s more than it was asked to take."""
    directory = Path(workshop.root)
    process = Process(name, argv, LOAD_CORE, directory)
    try:
        status = process.popen.wait(seconds + 30)
        said = process.stdout.read_text(errors="replace")
        if status != 0:
            raise BenchError(f"{name} ended with status {status}; it wrote:\n{process.tail()}")
        return said
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name} did not end in time; the proxy may have stopped answering") from None
    finally:
        process.stop()
        for path in (process.stdout, process.stderr):
            with suppress(OSError):
                path.unlink()


def quantile(ordered: list[int], share: float) -> float:
    """The nearest-rank quantile of an ordered list."""
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])
