"""The command line of bench/runtime: what is measured, in turns, and the tables."""

import argparse
import json
import statistics
import sys
from pathlib import Path

from proxylib import tools as toolbox
from proxylib.fault import BenchError
from proxylib.machine import describe
from proxylib.process import Workshop
from proxylib.report import table
from proxylib.tools import Tools, say

from . import cases, delivery, load, stand

toolbox.DEBIAN["redis-server"] = ("redis-server", ["--version"])


def main(arguments: list[str]) -> int:
    """Exit status 0 when everything asked for was measured."""
    parser = argparse.ArgumentParser(prog="bench/runtime", description="Measures the application runtime of Mecha.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each case, each beside its direct call (3)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a round (3)")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--systems", default="memory,embedded,redis", help="stores and brokers (memory,embedded,redis)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that everything works, not for quoting")
    parser.add_argument("--mecha", type=Path, help="measure this binary")
    parser.add_argument("--no-build", action="store_true", help="measure target/dist/mecha as it is")
    parser.add_argument("--json", type=Path, help="everything as JSON too")
    parser.add_argument("--keep", action="store_true", help="keep the files of the run")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1
    try:
        tools = ensure(options)
        with Workshop(options.keep) as workshop:
            results = measure(workshop, tools, options)
        print(report(results, tools))
        if options.json:
            options.json.write_text(json.dumps(results, indent=2))
        return 0
    except BenchError as error:
        print(f"bench/runtime: {error}", file=sys.stderr)
        return 1


def ensure(options: argparse.Namespace) -> Tools:
    """Mecha, the load generators and a Redis."""
    tools = toolbox.ensure(["mecha"], options.mecha, not options.no_build)
    if toolbox.find("redis-server") is None:
        toolbox.install_debian(["redis-server"])
    tools.paths["redis-server"] = toolbox.find("redis-server") or ""
    return tools


def measure(workshop: Workshop, tools: Tools, options: argparse.Namespace) -> dict:
    """Everything, each case in turns with its direct call."""
    systems = options.systems.split(",")
    results: dict = {"rows": [], "delivery": {}, "rest": {}}
    with workshop.scope() as scope:
        alone = [stand.sidecar(scope, tools, f"alone-{number}") for number in range(5)]
        results["rest"] = {"rss_mib": alone[0].rss_mib(), "ready_ms": statistics.median(each.ready_ms for each in alone)}
        results["syncs"] = stand.disk_syncs(scope.directory("disk"))
    with workshop.scope() as scope:
        for case in cases.all_cases(scope, tools, systems):
            if options.only in case.name:
                say(case.name)
                results["rows"].append(one(workshop, tools, case, options))
    for system in systems:
        if options.only in f"delivery, {system}":
            say(f"publish to delivery, {system}")
            with workshop.scope() as scope:
                metadata = {"redisHost": f"127.0.0.1:{stand.redis(scope, tools)}", "redisPassword": ""} if system == "redis" else {}
                bus = stand.component("bus", f"pubsub.{cases.KINDS[system]}", **metadata)
                results["delivery"][system] = delivery.measure(scope, tools, system, bus, options.seconds * options.rounds)
    return results


def one(workshop: Workshop, tools: Tools, case: cases.Case, options: argparse.Namespace) -> dict:
    """A case: the medians of its rounds, open and closed, and those of its direct call."""
    row: dict = {"name": case.name}
    for is_open in (True, False):
        rounds = [turn(workshop, tools, case, options.seconds, is_open) for _ in range(options.rounds)]
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        row["open" if is_open else "closed"] = middle
    row["rss_mib"] = [sidecar.rss_mib() for sidecar in case.sidecars]
    return row


def turn(workshop: Workshop, tools: Tools, case: cases.Case, seconds: int, is_open: bool) -> dict:
    """The direct call, then the call through the runtime."""
    direct = load.run(workshop, tools, case.direct, seconds, is_open)
    before = [sidecar.cpu() for sidecar in case.sidecars]
    through = load.run(workshop, tools, case.call, seconds, is_open)
    used = [sidecar.cpu().since(cpu) for sidecar, cpu in zip(case.sidecars, before, strict=True)]
    return {
        "rate": through.requests / through.seconds,
        "p50_us": through.p50_us,
        "p99_us": through.p99_us,
        "added_p50_us": through.p50_us - direct.p50_us,
        "added_p99_us": through.p99_us - direct.p99_us,
        "cpu_us": sum(used) / 1e3 / through.requests,
    }


def report(results: dict, tools: Tools) -> str:
    """The tables."""
    machine = describe(tools)
    parts = [
        "\n".join(f"{key}: {value}" for key, value in machine.items()),
        f"disk: {results['syncs']:.0f} durable 4 KiB writes a second, one after the other",
        f"embedded defaults at rest: {results['rest']['rss_mib']:.1f} MiB resident, ready {results['rest']['ready_ms']:.1f} ms after the start of the process",
    ]
    head = ["call", "CPU us", "added p50 us", "added p99 us", "p50 us", "p99 us", "CPU us", "calls/s", "p99 us", "MiB"]
    rows = []
    for row in results["rows"]:
        opened, closed = row["open"], row["closed"]
        memory = " + ".join(f"{each:.1f}" for each in row["rss_mib"])
        rows.append(
            [
                row["name"],
                *(f"{opened[key]:.1f}" for key in ("cpu_us",)),
                *(f"{opened[key]:.0f}" for key in ("added_p50_us", "added_p99_us", "p50_us", "p99_us")),
                f"{closed['cpu_us']:.1f}",
                f"{closed['rate']:.0f}",
                f"{closed['p99_us']:.0f}",
                memory,
            ]
        )
    parts.append(f"At {load.RATE} calls a second (five columns), then closed-loop with {load.CLOSED_CONNECTIONS} connections (three), then memory:\n{table(head, rows, 1)}")
    head = ["publish to delivery", "messages/s", "p50 us", "p99 us", "CPU us a message"]
    rows = [[name, f"{row['rate']:.0f}", f"{row['p50_us']:.0f}", f"{row['p99_us']:.0f}", f"{row['cpu_us']:.1f}"] for name, row in results["delivery"].items()]
    if rows:
        parts.append(table(head, rows, 1))
    return "\n\n".join(parts)
