"""A gRPC application: methods by the SDK's extension, and beside them a service of its own, the kit's `e2e.Echo`."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from dapr.ext.grpc import App, InvokeMethodRequest, InvokeMethodResponse
from google.protobuf.wrappers_pb2 import StringValue
from tell import tell

from kit.grpcs import LIMITS, Echo

app = App(thread_pool=ThreadPoolExecutor(16), handlers=[Echo()], options=LIMITS)
app.register_health_check(lambda: tell("probed"))


@app.method("echo")
def echo(request: InvokeMethodRequest) -> InvokeMethodResponse:
    """The request as it arrived."""
    headers = [[name, value] for name, value in request.get_metadata() if isinstance(value, str)]
    told = {"body": request.data.decode("latin-1"), "content type": request.content_type, "headers": headers}
    tell("echo", body=told["body"][:100])
    response = InvokeMethodResponse(json.dumps(told).encode(), "application/json")
    response.headers = (("x-answer", "yes"),)
    return response


@app.method("mirror")
def mirror(request: InvokeMethodRequest) -> InvokeMethodResponse:
    """The body whole."""
    return InvokeMethodResponse(request.data, "application/octet-stream")


@app.method("message")
def message(request: InvokeMethodRequest) -> StringValue:
    """A protocol buffer message for another."""
    text = StringValue()
    request.unpack(text)
    return StringValue(value=text.value.upper())


@app.method("raise")
def broken(request: InvokeMethodRequest) -> InvokeMethodResponse:
    raise RuntimeError("as asked")


app.run(int(os.environ["APP_PORT"]), "127.0.0.1")
