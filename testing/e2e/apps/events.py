"""A FastAPI application that subscribes: by the SDK's extension to `coded`, and with routes that declared subscriptions name.

A message says itself how it is answered: `answers` in its data is a list of statuses, one for each time it comes
(`SUCCESS`, `RETRY`, `DROP`, anything else, a number for an HTTP status, null for an empty body); after those, SUCCESS.
"""

import json
import os
from collections import Counter

import uvicorn
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, Request, Response
from tell import tell

BROKERS = ["pubsub", "memory", "redis"]
app = FastAPI()
subscriber = DaprApp(app)
seen: Counter[str] = Counter()


def take(route: str, event: dict, headers: list[list[str]]) -> object:
    """Tells of a message and finds its answer; its id is what the publisher put into its data."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    name = data.get("id") or event.get("id", "")
    key = f"{route} {event.get('pubsubname')} {event.get('topic')} {name}"
    seen[key] += 1
    about = {"id": name, "route": route, "topic": event.get("topic"), "pubsub": event.get("pubsubname")}
    tell("message", **about, attempt=seen[key], envelope=event, headers=headers)
    answers = data.get("answers", [])
    return answers[seen[key] - 1] if seen[key] <= len(answers) else "SUCCESS"


def answer(event: dict, request: Request) -> Response:
    headers = [[name.decode(), value.decode()] for name, value in request.scope["headers"]]
    status = take(request.url.path, event, headers)
    if status is None:
        return Response()
    if isinstance(status, int):
        return Response("as asked", status)
    return Response(json.dumps({"status": status}), media_type="application/json")


def subscribe(broker: str) -> None:
    @subscriber.subscribe(pubsub=broker, topic="coded", dead_letter_topic="dead")
    def coded(request: Request, event: dict = Body()) -> Response:
        return answer(event, request)


for broker in BROKERS:
    subscribe(broker)


@app.post("/bulk")
def bulk(body: dict = Body()) -> dict:
    """Several at once: each has its own answer, and one whose answer is null is left out."""
    entries = body["entries"]
    tell("bulk", size=len(entries), body=body)
    statuses = []
    for entry in entries:
        status = take("/bulk", entry["event"], [])
        if status is not None:
            statuses.append({"entryId": entry["entryId"], "status": status})
    return {"statuses": statuses}


@app.post("/{path}")
def routed(path: str, request: Request, event: dict = Body()) -> Response:
    return answer(event, request)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["APP_PORT"]), log_level="warning")
