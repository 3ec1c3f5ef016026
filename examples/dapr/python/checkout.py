"""Sends five orders to the order processor and waits until they are done: by calls, or, when both applications share a
broker, by messages (`CHECKOUT_BY=messages`)."""

import json
import os
import time

from dapr.clients import DaprClient

PROCESSOR = "order-processor"
ORDERS = [{"id": number, "item": item} for number, item in enumerate(["apples", "pears", "plums", "figs", "nuts"], 1)]
PATIENCE = 20


def patiently(attempt):
    """Makes the attempt until it succeeds: the other application may still be starting, or be busy."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except Exception:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def send(dapr: DaprClient, order: dict) -> str:
    """Hands an order over; says how."""
    data = json.dumps(order)
    if os.environ.get("CHECKOUT_BY") == "messages":
        dapr.publish_event("pubsub", "orders", data=data, data_content_type="application/json")
        return "published"
    dapr.invoke_method(PROCESSOR, "orders", data=data, content_type="application/json", http_verb="POST")
    return "accepted"


def main() -> None:
    with DaprClient() as dapr:
        for order in ORDERS:
            print(f"order {order['id']} {patiently(lambda: send(dapr, order))}", flush=True)
        for order in ORDERS:
            # The answer is 404, which the SDK raises, until the order is processed.
            patiently(lambda: dapr.invoke_method(PROCESSOR, f"orders/{order['id']}", data=b"", http_verb="GET"))
        print("all orders are processed", flush=True)


if __name__ == "__main__":
    main()
