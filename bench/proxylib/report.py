"""The results as text: Markdown tables with aligned columns, so that they read in a terminal and paste into a document."""

from . import targets
from .peers import ALL
from .process import PROXY_CORE

SUBJECT = "mecha"
# From this share of the proxy's core on, other work on it is worth a warning.
NOISY = 0.05
RATIOS = ["requests_per_second", "p50_us", "p99_us", "cpu_us", "rss_mib"]


def text(results: dict, machine: dict, peers: list[str], problems: list[str]) -> str:
    """Everything there is to say about a run."""
    parts = [header(machine)]
    if "traffic" in results:
        parts += [traffic(results["traffic"], peers), ratios(results["traffic"]), noise(results["traffic"])]
    if "memory" in results:
        parts.append(memory(results["memory"]))
    if "large" in results:
        parts.append(large(results["large"]))
    if "start" in results:
        parts.append(start(results["start"]))
    if "bulk" in results:
        parts.append(bulk(results["bulk"]))
    if reached := targets.lines(results):
        parts.append("Targets\n\n" + "\n".join(reached))
    if problems:
        parts.append("Problems\n\n" + "\n".join(f"- {problem}" for problem in problems))
    return "\n\n".join(part for part in parts if part)


def header(machine: dict) -> str:
    """The machine and the versions."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    memory = machine["memory_kib"] / (1 << 20)
    return (
        f"{machine['processor']}, {machine['cores']} cores, {memory:.0f} GiB, Linux {machine['kernel']}, "
        f"load average at the start {machine['load_average']:.2f}\n{versions}"
    )


def table(head: list[str], rows: list[list[str]], left: int = 2) -> str:
    """A Markdown table: the first columns to the left, numbers to the right."""
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    rule = ["-" * width if n < left else "-" * (width - 1) + ":" for n, width in enumerate(widths)]

    def line(row: list[str]) -> str:
        cells = (cell.ljust(width) if n < left else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        return "| " + " | ".join(cells) + " |"

    return "\n".join([line(head), line(rule), *map(line, rows)])


def traffic(cases: dict, peers: list[str]) -> str:
    """The main table: medians of the rounds."""
    head = ["case", "proxy", "requests/s", "p50 us", "p99 us", "CPU us/request", "RSS MiB", "core used", "other work"]
    rows = []
    for case, measured in cases.items():
        for peer in peers:
            if peer in measured:
                one = measured[peer]
                numbers = [f"{one['requests_per_second']:.0f}", f"{one['p50_us']:.0f}", f"{one['p99_us']:.0f}", f"{one['cpu_us']:.2f}"]
                rows.append([case, peer, *numbers, f"{one['rss_mib']:.1f}", f"{one['core_share']:.0%}", f"{one['other_share']:.0%}"])
            elif case[:2] not in ALL[peer].PROTOCOLS:
                rows.append([case, peer, "no HTTP/2 to backends", *["-"] * 6])
    return table(head, rows)


def ratios(cases: dict) -> str:
    """Mecha divided by each peer."""
    head = ["Mecha / peer", "peer", "requests/s", "p50", "p99", "CPU/request", "RSS"]
    rows = []
    for case, measured in cases.items():
        if SUBJECT in measured:
            for peer, one in measured.items():
                if peer != SUBJECT:
                    rows.append([case, peer, *(f"{measured[SUBJECT][key] / one[key]:.2f}" for key in RATIOS)])
    return table(head, rows) if rows else ""


def noise(cases: dict) -> str:
    """A warning when the machine was not quiet."""
    worst = max((one["other_share"] for measured in cases.values() for one in measured.values()), default=0.0)
    if worst < NOISY:
        return ""
    return (
        f"Warning: other work took up to {worst:.0%} of core {PROXY_CORE} (median of a case's rounds): "
        "rates and latencies are noise, ratios of CPU per request less so."
    )


def memory(peers: dict) -> str:
    """Memory at rest and for each connection."""
    head = ["memory", "at rest MiB", "connections", "with them MiB", "KiB/connection"]
    rows = [
        [name, f"{one['idle_kib'] / 1024:.1f}", str(one["connections"]), f"{one['connected_kib'] / 1024:.1f}", f"{one['kib_per_connection']:.2f}"]
        for name, one in peers.items()
    ]
    return table(head, rows, left=1)


def large(peers: dict) -> str:
    """One route against 1,000 clusters and 5,000 routes."""
    head = ["large configuration", "one: MiB", "large: MiB", "more", "one: ms", "large: ms", "longer", "CPU, last route", "CPU, last host"]
    rows = []
    for name, result in peers.items():
        rss = [result[size]["rss_kib"] / 1024 for size in ("one", "large")]
        milliseconds = [result[size]["start_ms"] for size in ("one", "large")]
        ratio = result.get("cpu_ratio", {})
        cpu = [f"{(ratio[request] - 1) * 100:+.1f}%" if request in ratio else "-" for request in ("last_route", "last_host")]
        numbers = [f"{value:.1f}" for value in (*rss, rss[1] - rss[0], *milliseconds, milliseconds[1] - milliseconds[0])]
        rows.append([name, *numbers, *cpu])
    return table(head, rows, left=1)


def start(peers: dict) -> str:
    """Start to first request."""
    head = ["start to first request", "median ms", "least", "most", "runs"]
    rows = [
        [name, f"{one['ms']:.1f}", f"{min(one['runs']):.1f}", f"{max(one['runs']):.1f}", str(len(one["runs"]))] for name, one in peers.items()
    ]
    return table(head, rows, left=1)


def bulk(transfers: list[dict]) -> str:
    """Large bodies."""
    head = ["bulk", "proxy", "MiB", "MiB/s", "growth MiB"]
    rows = [
        [f"{one['protocol']} {one['direction']}", one["peer"], str(one["size"] >> 20), f"{one['mib_per_second']:.0f}", f"{one['growth_kib'] / 1024:.1f}"]
        for one in transfers
    ]
    return table(head, rows)
