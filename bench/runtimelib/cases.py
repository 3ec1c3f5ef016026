"""The calls that are measured, each with the direct call that it is compared with."""

import json
from dataclasses import dataclass

from proxylib import stand as proxies
from proxylib.process import Scope
from proxylib.tools import Tools

from . import message, stand
from .load import Call
from .stand import Sidecar

# What a system is called here, and in the type of its component.
KINDS = {"memory": "in-memory", "embedded": "mecha", "redis": "redis"}
VALUE = json.dumps({"order": 42, "text": "x" * 220})
# Every request another key: what is overwritten at once would flatter a store that writes in batches.
NEW_KEYS = """
local number = 0
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local value = '%s'
request = function()
  number = number + 1
  return wrk.format(nil, nil, nil, '[{"key":"key' .. number .. '","value":' .. value .. '}]')
end
"""


@dataclass
class Case:
    """A call, the processes it passes, and the call it is compared with."""

    name: str
    call: Call
    direct: Call
    sidecars: list[Sidecar]


def all_cases(scope: Scope, tools: Tools, systems: list[str]) -> list[Case]:
    """Starts everything and returns the cases, all of which can be measured in turns."""
    h1, h2 = proxies.h1_backend(scope, tools), stand.echo(scope, tools)
    direct = {False: Call(f"http://127.0.0.1:{h1}/"), True: Call(f"http://127.0.0.1:{h2}/bench.Echo/Say", grpc=True, body=message.framed(b"x" * 256))}
    files = []
    for system in systems:
        metadata = {"redisHost": f"127.0.0.1:{stand.redis(scope, tools)}", "redisPassword": ""} if system == "redis" else {}
        files.append(stand.component(system, f"state.{KINDS[system]}", **metadata))
        files.append(stand.component(f"{system}bus", f"pubsub.{KINDS[system]}", **metadata))
    sidecar = stand.sidecar(scope, tools, "bench", files)
    cases = []
    for system in systems:
        cases += state(sidecar, system, direct)
    for system in systems:
        cases += publishing(sidecar, f"{system}bus", direct)
    internal = scope.workshop.port()
    callee = stand.sidecar(scope, tools, "callee", [], (h1, "http"), internal=internal)
    caller = stand.sidecar(scope, tools, "caller", [], names=internal)
    invoke = Call(f"http://127.0.0.1:{caller.http}/v1.0/invoke/callee/method/bench")
    cases.append(Case("invoke, HTTP", invoke, direct[False], [caller, callee]))
    internal = scope.workshop.port()
    callee = stand.sidecar(scope, tools, "callee-grpc", [], (h2, "grpc"), internal=internal)
    caller = stand.sidecar(scope, tools, "caller-grpc", [], names=internal)
    proxied = Call(f"http://127.0.0.1:{caller.grpc}/bench.Echo/Say", grpc=True, body=direct[True].body, headers={"dapr-app-id": "callee"})
    cases.append(Case("invoke, gRPC proxied", proxied, direct[True], [caller, callee]))
    return cases


def state(sidecar: Sidecar, store: str, direct: dict[bool, Call]) -> list[Case]:
    """Get and set of one store by both APIs."""
    http, grpc = f"http://127.0.0.1:{sidecar.http}/v1.0/state/{store}", f"http://127.0.0.1:{sidecar.grpc}{message.SERVICE}"
    body = f'[{{"key":"bench","value":{VALUE}}}]'.encode()
    write = Call(http, body=body, headers={"content-type": "application/json"}, script=NEW_KEYS % VALUE)
    return [
        # Writing first leaves something to get.
        Case(f"state set, {store}, HTTP", write, direct[False], [sidecar]),
        Case(f"state get, {store}, HTTP", Call(f"{http}/bench"), direct[False], [sidecar]),
        Case(f"state set, {store}, gRPC", Call(grpc + "SaveState", True, message.save_state(store, "bench", VALUE.encode())), direct[True], [sidecar]),
        Case(f"state get, {store}, gRPC", Call(grpc + "GetState", True, message.get_state(store, "bench")), direct[True], [sidecar]),
    ]


def publishing(sidecar: Sidecar, bus: str, direct: dict[bool, Call]) -> list[Case]:
    """Publishing to one broker by both APIs; nobody subscribes."""
    http, grpc = f"http://127.0.0.1:{sidecar.http}/v1.0/publish/{bus}/bench", f"http://127.0.0.1:{sidecar.grpc}{message.SERVICE}"
    data = VALUE.encode()
    return [
        Case(f"publish, {bus}, HTTP", Call(http, body=data, headers={"content-type": "application/json"}), direct[False], [sidecar]),
        Case(f"publish, {bus}, gRPC", Call(grpc + "PublishEvent", True, message.publish(bus, "bench", data)), direct[True], [sidecar]),
    ]
