"""Calls that go on until they are told to end, each with its time and its outcome."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .wait import eventually

#: One call, given its number; what it raises is its failure.
Work = Callable[[int], Awaitable[None]]


@dataclass
class Call:
    """One call; times are seconds of the monotonic clock."""

    number: int
    kind: str
    begun: float
    ended: float
    failure: BaseException | None


class Load:
    """Several callers of several kinds, on an event loop in a thread of its own.

    `kinds` is an asynchronous context manager that gives the work of each kind by its name.
    """

    def __init__(self, kinds: Callable, callers: int = 3, limit: float = 10):
        self.calls: list[Call] = []
        self._kinds, self._callers, self._limit = kinds, callers, limit
        self._ending = False
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as fault:
            self._fault = fault

    async def _all(self) -> None:
        async with self._kinds() as kinds:
            callers = [self._call(kind, work, start) for kind, work in kinds.items() for start in range(self._callers)]
            await asyncio.gather(*callers)

    async def _call(self, kind: str, work: Work, number: int) -> None:
        while not self._ending:
            begun, failure = time.monotonic(), None
            try:
                await asyncio.wait_for(work(number), self._limit)
            except Exception as fault:
                failure = fault
            self.calls.append(Call(number, kind, begun, time.monotonic(), failure))
            number += self._callers
            # Callers pause between calls, so that they leave the machine to who is called.
            await asyncio.sleep(0.005)

    def done(self, kind: str, since: float = 0) -> list[Call]:
        """Calls that succeeded and had begun after `since`."""
        return [call for call in list(self.calls) if call.kind == kind and call.failure is None and call.begun > since]

    def failed(self, kind: str | None = None) -> list[Call]:
        """Calls that failed."""
        return [call for call in list(self.calls) if call.failure is not None and kind in (None, call.kind)]

    def flows(self, kinds: list[str], count: int = 20) -> None:
        """Waits until so many more calls of each kind have succeeded, which begin from now on."""
        since = time.monotonic()
        eventually(lambda: self._fault or all(len(self.done(kind, since)) >= count for kind in kinds), f"{count} calls of each of {kinds}", 30)
        assert self._fault is None, self._fault

    def end(self) -> None:
        """Lets calls under way end; none may have been given up because it took too long."""
        self._ending = True
        self._thread.join(self._limit + 5)
        assert not self._thread.is_alive(), "a call hangs"
        assert self._fault is None, self._fault
        late = [call for call in self.calls if call.ended - call.begun >= self._limit]
        assert not late, late

    def only_failed(self, *away: tuple[float, float]) -> None:
        """Every call that failed had begun before the end, and ended after the beginning, of one of these times."""
        wrong = [call for call in self.failed() if not any(call.begun < up and call.ended > down for down, up in away)]
        assert not wrong, [(call.kind, round(call.begun - away[0][0], 3), round(call.ended - away[0][0], 3), call.failure) for call in wrong[:10]]
