"""Limits of the process: open files."""

import resource
from contextlib import suppress

WANTED_FILES = 65_536


def raise_open_files() -> None:
    """Raises the limit of open files as far as it may go; the proxies inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > WANTED_FILES:
        hard = WANTED_FILES
    elif hard < WANTED_FILES:
        # Only root may lift the hard limit.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (WANTED_FILES, WANTED_FILES))
            return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def open_file_limit() -> int:
    """How many files a process may hold open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
