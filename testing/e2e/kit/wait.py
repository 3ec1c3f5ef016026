"""Waiting for something that another process does: asked again until it holds, never slept for blindly."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], what: str, seconds: float = 10) -> T:
    """The first true result of `probe`. Fails with `what`, and with the last result, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {result!r})"
        time.sleep(0.01)
