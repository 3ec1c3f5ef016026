"""Takes orders, works on them, and remembers what became of each."""

import json
import os

import uvicorn
from dapr.clients import DaprClient
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, HTTPException

app = FastAPI()
dapr_app = DaprApp(app)
dapr = DaprClient()


@app.post("/orders", status_code=202)
def accept(order: dict = Body()):
    """Called by checkout. The order is on disk before it is accepted, and is worked on afterwards."""
    dapr.publish_event("pubsub", "orders", data=json.dumps(order), data_content_type="application/json")
    return {"accepted": order["id"]}


@dapr_app.subscribe(pubsub="pubsub", topic="orders", route="/work")
def work(event: dict = Body()):
    """An event of the topic. If this raises, or the process dies, the event comes again."""
    order = event["data"] | {"status": "processed"}
    dapr.save_state("statestore", f"order-{order['id']}", json.dumps(order))
    print(f"processed order {order['id']}", flush=True)


@app.get("/orders/{number}")
def show(number: int):
    """What is known about an order."""
    kept = dapr.get_state("statestore", f"order-{number}").data
    if not kept:
        raise HTTPException(404, f"order {number} is not processed yet")
    return json.loads(kept)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["APP_PORT"]), log_level="warning")
