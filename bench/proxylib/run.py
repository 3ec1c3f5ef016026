"""What every measurement is handed: the run's tools and options, and the place where its troubles are noted."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from .fault import BenchError
from .process import Workshop
from .tools import Tools, say


@dataclass
class Run:
    """One invocation of `bench/proxy`."""

    workshop: Workshop
    tools: Tools
    peers: list[str]
    rounds: int
    seconds: int
    quick: bool
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def guard(self, what: str):
        """A peer that fails is noted and left out; the others are measured all the same. The run then ends with status 1."""
        try:
            yield
        except BenchError as error:
            self.problem(f"{what}: {error}")

    def problem(self, text: str) -> None:
        """Notes something that makes a number missing or doubtful."""
        say(f"PROBLEM {text}")
        self.problems.append(text)

    def turns(self, names: list[str], number: int) -> list[str]:
        """The peers in the order of this round: each round starts with another, so that no peer always follows the same one."""
        if not names:
            return []
        shift = number % len(names)
        return names[shift:] + names[:shift]
