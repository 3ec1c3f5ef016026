"""An HTTP application that answers with what it was sent: `/echo/...`, and statuses, bodies and streams as they are asked for."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from tell import tell

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
app = FastAPI()


@app.api_route("/echo{rest:path}", methods=METHODS)
async def echo(request: Request) -> dict[str, object]:
    """The request as it arrived."""
    body = (await request.body()).decode("latin-1")
    told = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in request.scope["headers"]],
        "body": body,
    }
    tell("echo", path=told["path"], body=body[:100])
    return told


@app.api_route("/status/{code}", methods=METHODS)
async def status(code: int, request: Request) -> Response:
    """A status of the caller's choice, with a header and the body that came."""
    body = await request.body()
    return Response(body or f"status {code}", code, {"x-answer": "yes"}, "text/x-answer")


@app.get("/moved")
async def moved() -> Response:
    return RedirectResponse("/echo", 307)


@app.post("/mirror")
async def mirror(request: Request) -> Response:
    """The body whole."""
    return Response(await request.body(), media_type="application/octet-stream")


@app.post("/count")
async def count(request: Request) -> int:
    """How many bytes came."""
    return sum([len(piece) async for piece in request.stream()])


@app.get("/zeros/{mebibytes}")
async def zeros(mebibytes: int) -> StreamingResponse:
    """A large body."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(mebibytes):
            yield bytes(1 << 20)

    return StreamingResponse(pieces(), media_type="application/octet-stream")


class Trickle:
    """Each piece of the body as soon as it has come, in capitals.

    Without FastAPI's own streaming, which reads from the connection too, to learn that the caller has gone.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self.receive, self.send = receive, send

    def __await__(self) -> Generator[Any, None, None]:
        return self.answer().__await__()

    async def answer(self) -> None:
        kind = (b"content-type", b"application/octet-stream")
        await self.send({"type": "http.response.start", "status": 200, "headers": [kind]})
        more = True
        while more:
            message = await self.receive()
            more = message.get("more_body", False)
            await self.send({"type": "http.response.body", "body": message.get("body", b"").upper(), "more_body": more})


app.router.routes.append(Route("/trickle", Trickle, methods=["POST"]))


#: Server-sent events that callers have let out.
ticks = asyncio.Semaphore(0)


@app.post("/tick")
async def tick() -> None:
    ticks.release()


@app.get("/events/{count}")
async def events(count: int) -> StreamingResponse:
    """So many server-sent events, each when `/tick` is called."""

    async def stream() -> AsyncIterator[str]:
        try:
            for number in range(count):
                await ticks.acquire()
                yield f"data: {number}\n\n"
            tell("events over", whole=True)
        except asyncio.CancelledError:
            tell("events over", whole=False)
            raise

    return StreamingResponse(stream(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["APP_PORT"]), log_level="warning")
