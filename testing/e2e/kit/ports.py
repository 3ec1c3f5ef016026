"""Loopback ports that nothing listens on.

They are taken from below the range that the kernel gives to outgoing connections: a port from that range, free now,
could be the local end of somebody's connection a moment later. The processes of a test run share the ports out, so that
none takes what another has found free but not opened yet, or has closed to open it again; runs start at different places.
"""

import itertools
import os
import socket

_FIRST, _LAST = 10_000, 32_000
_share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_start = _FIRST + os.getpid() * 89 % (_LAST - _FIRST)
_all = itertools.chain(range(_start, _LAST), itertools.cycle(range(_FIRST, _LAST)))
_candidates = (port for port in _all if port % _shares == _share)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free, and that no earlier call has returned for a long while."""
    for port in _candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError:
                continue
        return port
    raise AssertionError("unreachable: the candidates never end")


def free_ports(count: int) -> list[int]:
    """So many different free ports."""
    return [free_port() for _ in range(count)]
