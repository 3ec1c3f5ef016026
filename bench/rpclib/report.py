"""The tables of `bench/rpc`, and what it is to reach."""

from proxylib.report import header, noise, table

# CPU of a proxied request over that of HTTP/1 at as many connections.
CPU_AT_MOST = 0.8


def text(results: dict, machine: dict, problems: list[str]) -> str:
    """Everything there is to say about a run."""
    parts = [header(machine).strip()]
    if "traffic" in results:
        cases = results["traffic"]
        parts += [traffic(cases), noise({name: {"mecha": one} for name, one in cases.items()}), "Targets\n\n" + "\n".join(targets(cases))]
    if "codec" in results:
        parts.append(codec(results["codec"]))
    if problems:
        parts.append("Problems\n\n" + "\n".join(f"- {problem}" for problem in problems))
    return "\n\n".join(part for part in parts if part)


def traffic(cases: dict) -> str:
    """Medians of the rounds."""
    head = ["case", "requests/s", "p50 us", "p99 us", "CPU us/request", "of HTTP/1's", "RSS MiB", "core used", "other work"]
    rows = []
    for name, one in cases.items():
        numbers = [f"{one[key]:.0f}" for key in ("requests_per_second", "p50_us", "p99_us")]
        ratio = f"{one['cpu_ratio']:.2f}" if "cpu_ratio" in one else "-"
        shares = [f"{one[key]:.0%}" for key in ("core_share", "other_share")]
        rows.append([name, *numbers, f"{one['cpu_us']:.2f}", ratio, f"{one['rss_mib']:.1f}", *shares])
    return table(head, rows, left=1)


def targets(cases: dict) -> list[str]:
    """One line for each case with a ratio."""
    ratios = [(name, one["cpu_ratio"]) for name, one in cases.items() if "cpu_ratio" in one and not name.startswith("h1")]
    return [f"{'met   ' if ratio <= CPU_AT_MOST else 'MISSED'}  {name}, CPU per request over HTTP/1's: {ratio:.2f} (at most {CPU_AT_MOST})" for name, ratio in ratios]


def codec(frames: list[dict]) -> str:
    """Nanoseconds a frame."""
    head = ["decode and forward", "frame", "bytes", "ns/frame", "least"]
    rows = [[one["protocol"], one["frame"], str(one["bytes"]), f"{one['ns']:.0f}", f"{one['least_ns']:.0f}"] for one in frames]
    return table(head, rows)
