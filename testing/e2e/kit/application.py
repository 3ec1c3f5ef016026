"""An HTTP application in the scenario's own process: it answers as the scenario says and remembers every call."""

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from .backend import Backend, Connection, Request
from .message import Header
from .wait import eventually


@dataclass
class Call:
    """A request as the application got it, its body whole."""

    request: Request
    body: bytes

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def target(self) -> str:
        return self.request.target

    @property
    def path(self) -> str:
        return self.target.split("?")[0]

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        return self.request.get(name)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What the application says; `json` instead of `body` sets the content type too."""

    status: int = 200
    body: bytes | str = b""
    headers: list[Header] = field(default_factory=list)
    json: Any = None

    async def send(self, connection: Connection) -> None:
        headers, body = list(self.headers), self.body
        if self.json is not None:
            headers.append(("Content-Type", "application/json"))
            body = json.dumps(self.json)
        await connection.respond(self.status, body, headers)


Answering = Answer | Callable[[Call], Answer | Awaitable[Answer | None] | None]


class Application:
    """Answers 200 unless `answers` has something else for the path, or for the path up to a `*` at its end.

    An answer is an `Answer`, or a function of the call that returns one; a coroutine that returns None has used the
    connection itself. What the runtime asks for at its start is answered by `subscriptions`.
    """

    def __init__(self, *subscriptions: dict[str, Any], **answers: Answering):
        self.subscriptions = list(subscriptions)
        self.answers: dict[str, Answering] = {"/" + path: answer for path, answer in answers.items()}
        #: Every call but those of the runtime's start, in order.
        self.calls: list[Call] = []
        self.backend = Backend(self._handle)

    @property
    def port(self) -> int:
        return self.backend.port

    async def _handle(self, request: Request, connection: Connection) -> None:
        call = Call(request, await request.read())
        match call.path:
            case "/dapr/config":
                return await Answer(404).send(connection)
            case "/dapr/subscribe":
                return await Answer(json=self.subscriptions).send(connection)
        self.calls.append(call)
        answer = self._answering(call.path)
        if callable(answer):
            answer = answer(call)
        if inspect.isawaitable(answer):
            answer = await answer
        if answer is not None:
            await answer.send(connection)

    def _answering(self, path: str) -> Answering:
        if path in self.answers:
            return self.answers[path]
        found = [answer for known, answer in self.answers.items() if known.endswith("*") and path.startswith(known[:-1])]
        return found[0] if found else Answer()

    def at(self, path: str) -> list[Call]:
        """The calls of a path so far."""
        return [call for call in list(self.calls) if call.path == path]

    def wait(self, path: str, count: int = 1, seconds: float = 10) -> list[Call]:
        """So many calls of a path, once they are there."""
        eventually(lambda: len(self.at(path)) >= count, f"{count} calls of {path}; there were {[call.target for call in self.calls]}", seconds)
        return self.at(path)

    def stop(self) -> None:
        """Ends it; fails when a handler of the scenario went wrong."""
        self.backend.stop()
