"""Reads from /proc what a group of processes has used: processor time and resident memory. Linux only."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Beyond this difference between the two clocks below, threads must have ended inside the interval.
ENDED_THREADS_NS = 3 * TICK_NS


@dataclass(frozen=True)
class Cpu:
    """Processor time so far, read on two clocks (proc(5)).

    `fine` sums the scheduler's nanoseconds of every living thread (`/proc/<pid>/task/<tid>/schedstat`); `coarse` is utime + stime of
    the processes (`/proc/<pid>/stat`), in ticks of 10 ms, but with the threads that have ended.
    """

    fine: int
    coarse: int

    def since(self, earlier: "Cpu") -> int:
        """Nanoseconds used between two readings."""
        fine, coarse = self.fine - earlier.fine, self.coarse - earlier.coarse
        return coarse if coarse - fine > ENDED_THREADS_NS else fine


def cpu(pids: list[int]) -> Cpu:
    """The processor time used so far by these processes; one that has ended counts as nothing."""
    fine = coarse = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = stat(pid)
            coarse += (int(fields[11]) + int(fields[12])) * TICK_NS
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                fine += int(thread.read_text().split()[0])
    return Cpu(fine, coarse)


def rss_kib(pids: list[int]) -> int:
    """Resident memory in KiB: the sum of VmRSS. Pages that several processes share are counted in each."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return total


def family(root: int) -> list[int]:
    """A process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                children.setdefault(int(stat(int(entry))[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third (state) on; the name before them may hold blanks and brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def open_files(pids: list[int]) -> int:
    """How many file descriptors these processes hold."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            total += len(os.listdir(f"/proc/{pid}/fd"))
    return total


def core_busy_ns(core: int) -> int:
    """Time a core has spent on anything at all so far, the host's steal included."""
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
            return (user + nice + system + irq + softirq + steal) * TICK_NS
    return 0
