"""What is measured: HTTP/1 and each RPC protocol, at the same numbers of connections."""

import re
from dataclasses import dataclass

from proxylib.fault import BenchError

PROTOCOLS = ("bolt", "boltv2", "dubbo")
CONNECTIONS = (1, 32, 200)
# Requests in flight on each connection of a multiplexed case: what a consumer with some busy threads has.
IN_FLIGHT = 8


@dataclass(frozen=True)
class Case:
    """A protocol, and how its connections are used."""

    protocol: str  # "h1" or one of PROTOCOLS
    connections: int
    in_flight: int = 1
    pool_mode: str = "PingPong"

    @property
    def name(self) -> str:
        """As tables and the command line spell it."""
        if self.protocol == "h1":
            return f"h1-{self.connections}"
        if self.pool_mode == "PingPong":
            return f"{self.protocol}-pp-{self.connections}"
        return f"{self.protocol}-m{self.in_flight}-{self.connections}"


def cases_at(connections: int) -> list[Case]:
    """Those that are measured in turns: HTTP/1, which all others are compared with, is the first."""
    found = [Case("h1", connections)]
    for protocol in PROTOCOLS:
        found += [
            Case(protocol, connections),
            Case(protocol, connections, 1, "Multiplex"),
            Case(protocol, connections, IN_FLIGHT, "Multiplex"),
        ]
    return found


def chosen(text: str | None) -> list[list[Case]]:
    """The groups that are asked for: by names, or by the beginnings of names, with the HTTP/1 case of their numbers of connections."""
    groups = [cases_at(connections) for connections in CONNECTIONS]
    if not text:
        return groups
    wanted = text.split(",")
    known = [case.name for group in groups for case in group]
    for word in wanted:
        if not any(matches(word, name) for name in known):
            raise BenchError(f"`{word}` is no case; there are {', '.join(known)}, and their beginnings: bolt, dubbo-pp")
    picked = [[case for case in group if any(matches(word, case.name) for word in wanted)] for group in groups]
    return [[group[0], *(case for case in some if case.protocol != "h1")] for group, some in zip(groups, picked, strict=True) if some]


def matches(word: str, name: str) -> bool:
    """Whether a name is the word, or goes on after it with another part."""
    return re.fullmatch(rf"{re.escape(word)}(-.*)?", name) is not None
