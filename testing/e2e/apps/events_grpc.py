"""A gRPC application of the SDK's extension that subscribes: topics with and without rules. Answers as `events.py` does."""

import json
import os
from collections import Counter

from cloudevents.sdk.event import v1
from dapr.clients.grpc._response import TopicEventResponse
from dapr.ext.grpc import App, Rule, SubscriptionMessage
from tell import tell

BROKERS = ["pubsub", "memory", "redis"]
app = App()
seen: Counter[str] = Counter()


def take(route: str, message: SubscriptionMessage) -> TopicEventResponse:
    """Tells of a message and finds its answer."""
    data = message.data()
    fields = data if isinstance(data, dict) else {}
    name = fields.get("id") or message.id()
    key = f"{route} {message.pubsub_name()} {message.topic()} {name}"
    seen[key] += 1
    told = {
        "id": name,
        "route": route,
        "topic": message.topic(),
        "pubsub": message.pubsub_name(),
        "attempt": seen[key],
        "data": data,
        "raw": message.raw_data().decode("latin-1"),
        "type": message.type(),
        "source": message.source(),
        "contentType": message.data_content_type(),
        "extensions": message.extensions(),
        "metadata": {name: value for name, value in message.metadata().items() if isinstance(value, str)},
    }
    tell("message", **told)
    answers = fields.get("answers", [])
    status = answers[seen[key] - 1] if seen[key] <= len(answers) else "success"
    if status == "raise":
        raise RuntimeError("as asked")
    return TopicEventResponse(status.lower())


def subscribe(broker: str) -> None:
    @app.subscribe(broker, "coded", dead_letter_topic="dead")
    def coded(message: SubscriptionMessage) -> TopicEventResponse:
        return take("coded", message)

    @app.subscribe(broker, "dead")
    def dead(message: SubscriptionMessage) -> TopicEventResponse:
        return take("dead", message)

    @app.subscribe(broker, "bulk")
    def bulk(message: SubscriptionMessage) -> TopicEventResponse:
        return take("bulk", message)

    @app.subscribe(broker, "raw", metadata={"rawPayload": "true"})
    def raw(message: SubscriptionMessage) -> TopicEventResponse:
        return take("raw", message)

    @app.subscribe(broker, "orders", rule=Rule('event.type == "urgent"', 1))
    def urgent(message: SubscriptionMessage) -> TopicEventResponse:
        return take("urgent", message)

    @app.subscribe(broker, "orders", rule=Rule("event.data.size > 10.0", 2))
    def big(message: SubscriptionMessage) -> TopicEventResponse:
        return take("big", message)

    @app.subscribe(broker, "plain")
    def plain(message: SubscriptionMessage) -> TopicEventResponse:
        return take("plain", message)

    @app.subscribe(broker, "legacy")
    def legacy(event: v1.Event) -> None:
        """As handlers were written before `SubscriptionMessage`."""
        body = json.loads(event.Data())
        tell("legacy", id=body["id"], type=event.EventType(), source=event.Source(), subject=event.Subject())


for broker in BROKERS:
    subscribe(broker)


app.run(int(os.environ["APP_PORT"]), "127.0.0.1")
