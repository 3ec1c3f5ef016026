"""The command line of `bench/rpc`."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from proxylib import limits, machine
from proxylib import tools as toolbox
from proxylib.cli import positive
from proxylib.fault import BenchError
from proxylib.load import generate
from proxylib.process import LOAD_CORE, PROXY_CORE, Workshop
from proxylib.run import Run
from proxylib.tools import REPOSITORY, Tools, say

from . import cases, report
from .traffic import traffic

ROUNDS, SECONDS = 5, 3
CODEC_SECONDS = 60


def main(arguments: list[str]) -> int:
    """Measures and prints; 0 when everything asked for was measured, 1 when something is missing or doubtful."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signal_number, _frame: sys.exit(128 + signal_number))
    try:
        return measured(options)
    except BenchError as error:
        print(f"bench/rpc: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench/rpc: interrupted; everything started has been stopped", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="bench/rpc", description="Measures Bolt and Dubbo through Mecha beside HTTP/1. See bench/README.md.")
    parser.add_argument("--codec", action="store_true", help="nanoseconds a frame of the codecs, and nothing else")
    parser.add_argument("--cases", default=None, metavar="LIST", help="only these, or those that begin so: bolt,dubbo-pp,dubbo-m8-32")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that all works, not to quote")
    parser.add_argument("--rounds", type=positive, help=f"rounds of each case (default {ROUNDS})")
    parser.add_argument("--seconds", type=positive, help=f"seconds of each round (default {SECONDS})")
    parser.add_argument("--mecha", type=Path, metavar="PATH", help="the binary to measure (default: build target/dist/mecha)")
    parser.add_argument("--no-build", action="store_true", help="measure target/dist/mecha, and load it with target/release/examples/rpc_bench, as they are")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything, each round included, as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder with configurations and logs, and say where it is")
    return parser


def measured(options: argparse.Namespace) -> int:
    """Prepares the machine, measures what was asked for, reports."""
    groups = cases.chosen(options.cases)
    if not {PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise BenchError(f"cores {PROXY_CORE} and {LOAD_CORE} are needed, one for the proxy and one for the load; this process may not run on both")
    tools = Tools() if options.codec else mecha(options)
    tools.paths["rpc_bench"] = str(load_tool(build=not options.no_build))
    limits.raise_open_files()
    about = machine.describe(tools)
    # From here on the driver, too, stays off the proxy's core.
    os.sched_setaffinity(0, {LOAD_CORE})
    with Workshop(options.keep) as workshop:
        if options.keep:
            say(f"keeping {workshop.root}")
        rounds = options.rounds or (1 if options.quick else ROUNDS)
        seconds = options.seconds or (1 if options.quick else SECONDS)
        run = Run(workshop, tools, ["mecha"], rounds, seconds, options.quick)
        results: dict = {}
        try:
            if options.codec:
                results["codec"] = json.loads(generate(workshop, "codec", [tools["rpc_bench"], "codec"], CODEC_SECONDS))
            else:
                results["traffic"] = traffic(run, groups)
        except BenchError as error:
            run.problem(str(error))
    print(report.text(results, about, run.problems))
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "rounds": rounds, "seconds": seconds, "problems": run.problems, **results}, indent=1) + "\n")
    return 1 if run.problems else 0


def mecha(options: argparse.Namespace) -> Tools:
    """What is measured."""
    path = str(toolbox.ensure_mecha(options.mecha, build=not options.no_build))
    return Tools({"mecha": path}, {"mecha": toolbox.version(path, ["version"])})


def load_tool(build: bool) -> Path:
    """`rpc_bench`, the load generator and server of frames."""
    path = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release" / "examples" / "rpc_bench"
    if build:
        say("building rpc_bench (cargo build --release -p mecha-rpc --example rpc_bench)")
        command = ["cargo", "build", "--release", "-p", "mecha-rpc", "--example", "rpc_bench"]
        if subprocess.run(command, cwd=REPOSITORY, check=False).returncode != 0:
            raise BenchError(f"`{' '.join(command)}` failed")
    if not os.access(path, os.X_OK):
        raise BenchError(f"{path} is missing; build it with `cargo build --release -p mecha-rpc --example rpc_bench`")
    return path
