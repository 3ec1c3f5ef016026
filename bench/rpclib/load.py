"""Load: the project's own generator, for HTTP/1 too."""

import json

from proxylib.fault import BenchError
from proxylib.load import Outcome, generate
from proxylib.process import Workshop
from proxylib.tools import Tools

from .cases import Case


def run(workshop: Workshop, tools: Tools, case: Case, port: int, seconds: int) -> Outcome:
    """Loads the proxy at `port`; as many requests at a time on each connection as the case says.

    Any answer that is not good and any error is a failure of the measurement.
    """
    argv = [tools["rpc_bench"], "load", case.protocol, str(port), str(case.connections), str(case.in_flight), str(seconds)]
    said = json.loads(generate(workshop, "rpc_bench", argv, seconds))
    if said["errors"] or not said["requests"]:
        raise BenchError(f"{said['errors']} errors beside {said['requests']} good answers, the first: {said['first_error']}")
    return Outcome(said["requests"], said["seconds"], said["p50_us"], said["p99_us"])
