"""The command line of `bench/proxy`."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import limits, load, machine, report, tools
from .bulk import bulk
from .fault import BenchError
from .large import large_configuration
from .memory import memory
from .peers import ALL
from .process import LOAD_CORE, PROXY_CORE, Workshop
from .run import Run
from .start import start
from .traffic import traffic

ROUNDS, SECONDS = 5, 3
QUICK_ROUNDS, QUICK_SECONDS = 3, 1


def main(arguments: list[str]) -> int:
    """Measures and prints; 0 when everything asked for was measured, 1 when something is missing or doubtful."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signal_number, _frame: sys.exit(128 + signal_number))
    try:
        return measure(options)
    except BenchError as error:
        print(f"bench/proxy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench/proxy: interrupted; everything started has been stopped", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="bench/proxy", description="Measures Mecha beside Envoy, nginx and HAProxy. See bench/README.md.")
    modes = parser.add_argument_group("what to measure (default: --traffic)")
    modes.add_argument("--traffic", action="store_true", help="requests/s, latency, CPU per request and memory under load")
    modes.add_argument("--memory", action="store_true", help="memory at rest, per idle connection, and of a large configuration")
    modes.add_argument("--start", action="store_true", help="start of the process to the first request served")
    modes.add_argument("--bulk", action="store_true", help="1 GiB up and down: rate and growth of memory")
    modes.add_argument("--all", action="store_true", help="all of these")
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that all works, not to quote")
    parser.add_argument("--peers", type=names, default=list(ALL), metavar="LIST", help=f"some of {','.join(ALL)}")
    parser.add_argument("--cases", default=None, metavar="LIST", help=f"cases of --traffic (default {','.join(case.name for case in load.CASES)})")
    parser.add_argument("--rounds", type=positive, help=f"rounds of each case (default {ROUNDS})")
    parser.add_argument("--seconds", type=positive, help=f"seconds of each round (default {SECONDS})")
    parser.add_argument("--mecha", type=Path, metavar="PATH", help="the binary to measure (default: build target/dist/mecha)")
    parser.add_argument("--no-build", action="store_true", help="measure target/dist/mecha as it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything, each round included, as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder with configurations and logs, and say where it is")
    return parser


def names(value: str) -> list[str]:
    """A list of peers, in the order of the report."""
    asked = value.split(",")
    unknown = [name for name in asked if name not in ALL]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown peer {', '.join(unknown)}; there are {', '.join(ALL)}")
    return [name for name in ALL if name in asked]


def positive(value: str) -> int:
    """A count from 1 to 3600."""
    if not value.isdigit() or not 1 <= int(value) <= 3600:
        raise argparse.ArgumentTypeError(f"{value} is not a number from 1 to 3600")
    return int(value)


def measure(options: argparse.Namespace) -> int:
    """Prepares the machine, measures what was asked for, reports."""
    cases = [load.case(text) for text in options.cases.split(",")] if options.cases else load.CASES
    if not {PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise BenchError(f"cores {PROXY_CORE} and {LOAD_CORE} are needed, one for the proxy and one for the load; this process may not run on both")
    found = tools.ensure(options.peers, options.mecha.resolve() if options.mecha else None, build=not options.no_build)
    limits.raise_open_files()
    about = machine.describe(found)
    # From here on the driver, too, stays off the proxy's core.
    os.sched_setaffinity(0, {LOAD_CORE})
    with Workshop(options.keep) as workshop:
        if options.keep:
            tools.say(f"keeping {workshop.root}")
        rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
        run = Run(workshop, found, options.peers, rounds, seconds, options.quick)
        results: dict = {}
        try:
            fill(results, run, cases, options)
        except BenchError as error:
            run.problem(str(error))
    print(report.text(results, about, options.peers, run.problems))
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "rounds": rounds, "seconds": seconds, "problems": run.problems, **results}, indent=1) + "\n")
    return 1 if run.problems else 0


def fill(results: dict, run: Run, cases: list[load.Case], options: argparse.Namespace) -> None:
    """Runs the measurements asked for, in order; what was measured before a failure stays."""
    nothing_named = not (options.memory or options.start or options.bulk)
    if options.all or options.traffic or nothing_named:
        results["traffic"] = traffic(run, cases)
    if options.all or options.memory:
        results["memory"] = memory(run)
        results["large"] = large_configuration(run)
    if options.all or options.start:
        results["start"] = start(run)
    if options.all or options.bulk:
        results["bulk"] = bulk(run)
