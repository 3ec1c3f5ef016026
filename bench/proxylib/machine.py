"""What the numbers were measured on."""

import os
import platform
from pathlib import Path

from .tools import Tools


def describe(tools: Tools) -> dict:
    """Processor, cores, kernel, memory, load at the start, and the version of every program."""
    return {
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_kib": int(field("/proc/meminfo", "MemTotal").split()[0]),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "versions": tools.versions,
    }


def field(path: str, key: str) -> str:
    """The value of the first `key : value` line of a file."""
    for line in Path(path).read_text().splitlines():
        name, separator, value = line.partition(":")
        if separator and name.strip() == key:
            return value.strip()
    return "0 unknown"
