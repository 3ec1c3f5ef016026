"""Load: wrk for HTTP/1, and the project's own generator for frames of RPC protocols."""

import json
import re
from pathlib import Path

from proxylib.fault import BenchError
from proxylib.load import UNITS_US, Outcome, generate, headers
from proxylib.process import Workshop
from proxylib.tools import Tools
from proxylib.topology import HOST, PATH

from .cases import Case
from .stand import PAYLOAD

# Without a function for requests wrk makes one and sends it again and again.
POST = f"""
wrk.method = "POST"
wrk.headers["content-type"] = "application/octet-stream"
wrk.body = string.rep("a", {PAYLOAD})
"""


def run(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int) -> Outcome:
    """Loads the proxy at `port`; any answer that is not good and any error is a failure of the measurement."""
    return (h1 if case.protocol == "h1" else frames)(workshop, tools, case, port, seconds)


def h1(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int) -> Outcome:
    """POSTs, one at a time on each connection."""
    script = Path(workshop.root) / "post.lua"
    script.write_text(POST)
    argv = [tools["wrk"], "-t1", f"-c{case.connections}", f"-d{seconds}s", "--latency", "-s", str(script), "-H", f"Host: {HOST}", *headers()]
    said = generate(workshop, "wrk", [*argv, f"http://127.0.0.1:{port}{PATH}"], seconds)
    errors = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", said)
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
    quantiles = {name: float(value) * UNITS_US[unit] for name, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", said, re.MULTILINE)}
    if errors or not total or int(total.group(1)) == 0 or len(quantiles) != 2:
        raise BenchError(errors.group(0) if errors else f"wrk reported no requests:\n{said}")
    return Outcome(int(total.group(1)), float(total.group(2)) * UNITS_US[total.group(3)] / 1e6, quantiles["50"], quantiles["99"])


def frames(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int) -> Outcome:
    """Frames, as many at a time on each connection as the case says."""
    argv = [tools["rpc_bench"], "load", case.protocol, str(port), str(case.connections), str(case.in_flight), str(seconds)]
    said = json.loads(generate(workshop, "rpc_bench", argv, seconds))
    if said["errors"] or not said["requests"]:
        raise BenchError(f"{said['errors']} errors beside {said['requests']} good answers, the first: {said['first_error']}")
    return Outcome(said["requests"], said["seconds"], said["p50_us"], said["p99_us"])
