"""What Mecha is to reach, as data. The report says for each that was measured whether it is met; nothing fails because of it."""

from collections.abc import Iterator

H1_CPU_AGAINST = {"haproxy": 0.9, "envoy": 0.3}
H2_CPU_AGAINST = {"envoy": 0.5}
IDLE_MIB = 12
KIB_PER_CONNECTION = 8
LARGE_MORE_MIB = 10
LARGE_LOAD_MS = 200
LARGE_CPU_RATIO = 1.05
START_MS = 30
BULK_GROWTH_MIB = 8


def lines(results: dict) -> list[str]:
    """One line a target: the measured value, the limit, and whether it is met."""
    return [
        f"{'met   ' if value <= limit else 'MISSED'}  {what}: {value:.2f} (at most {limit:g})"
        for what, value, limit in measured(results)
    ]


def measured(results: dict) -> Iterator[tuple[str, float, float]]:
    """Name, value and limit of each target that this run has a value for."""
    yield from traffic(results.get("traffic", {}))
    if at_rest := results.get("memory", {}).get("mecha"):
        yield "memory at rest, MiB", at_rest["idle_kib"] / 1024, IDLE_MIB
        yield "KiB per idle connection", at_rest["kib_per_connection"], KIB_PER_CONNECTION
    if sizes := results.get("large", {}).get("mecha"):
        one, large = sizes["one"], sizes["large"]
        yield "large configuration, MiB more", (large["rss_kib"] - one["rss_kib"]) / 1024, LARGE_MORE_MIB
        yield "large configuration, ms longer to the first request", large["start_ms"] - one["start_ms"], LARGE_LOAD_MS
        for request, ratio in sizes.get("cpu_ratio", {}).items():
            yield f"large configuration, CPU per request over one route ({request})", ratio, LARGE_CPU_RATIO
    if started := results.get("start", {}).get("mecha"):
        yield "start to first request, ms", started["ms"], START_MS
    for moved in results.get("bulk", []):
        if moved["peer"] == "mecha":
            yield f"{moved['protocol']} {moved['direction']}, MiB of growth", moved["growth_kib"] / 1024, BULK_GROWTH_MIB


def traffic(cases: dict) -> Iterator[tuple[str, float, float]]:
    """Processor time per request against the peers."""
    for case, peers in cases.items():
        for peer, limit in (H1_CPU_AGAINST if case.startswith("h1") else H2_CPU_AGAINST).items():
            if peer in peers and "mecha" in peers:
                yield f"{case}, CPU per request over {peer}'s", peers["mecha"]["cpu_us"] / peers[peer]["cpu_us"], limit
