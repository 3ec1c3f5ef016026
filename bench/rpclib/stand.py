"""Starts what is measured: Mecha with a case's configuration, and the servers behind it."""

import json
from pathlib import Path

from proxylib import client, peers
from proxylib import stand as proxies
from proxylib.peers import mecha
from proxylib.process import LOAD_CORE, Scope
from proxylib.tools import Tools
from proxylib.topology import Topology, small

from .cases import PROTOCOLS, Case

# The service that the load calls (`crates/rpc/examples/rpc_bench/frames.rs`), as routes see it.
SERVICES = {
    "bolt": "com.alipay.sofa.samples.GreetingsService:1.0",
    "boltv2": "com.alipay.sofa.samples.GreetingsService:1.0",
    "dubbo": "org.apache.dubbo.samples.api.GreetingsService",
}
OTHER_SERVICES = ("com.example.billing.Invoices", "com.example.billing.Payments")


def backends(scope: Scope, tools: Tools) -> dict[str, int]:
    """One server for each protocol, on the load core; their ports."""
    ports = {}
    for protocol in ("h1", *PROTOCOLS):
        port, directory = scope.workshop.port(), scope.directory(f"backend-{protocol}")
        process = scope.spawn(f"backend-{protocol}", [tools["rpc_bench"], "echo", protocol, str(port)], LOAD_CORE, directory)
        client.until(process, "listened", lambda port=port: client.listens(port))
        ports[protocol] = port
    return ports


def serving(scope: Scope, tools: Tools, case: Case, backend: int) -> proxies.Proxy:
    """Starts Mecha for a case and waits until it serves."""
    proxy = prepared(scope, tools, case, backend).spawn()
    client.until(proxy.process, "listened", lambda: client.listens(proxy.topology.port))
    return proxy


def prepared(scope: Scope, tools: Tools, case: Case, backend: int) -> proxies.Prepared:
    """Mecha with a case's configuration."""
    if case.protocol == "h1":
        return proxies.prepare(scope, tools, mecha.NAME, small("h1", backend))
    topology = Topology(case.protocol, backend, (), ("app",)).at(scope.workshop.port(), scope.workshop.port())
    directory = scope.directory(case.name)
    launch = rpc_launch(tools[mecha.NAME], topology, case, directory)
    return proxies.Prepared(case.name, topology, directory, launch, scope)


def rpc_launch(program: str, topology: Topology, case: Case, directory: Path) -> peers.Launch:
    """As `proxylib` configures Mecha for HTTP, three routes of which the second matches, by service in place of paths."""
    log = directory / "access.log"
    services = (OTHER_SERVICES[0], SERVICES[case.protocol], OTHER_SERVICES[1])
    routers = [
        {
            "match": {"headers": [{"name": "service", "value": service}]},
            "route": {"cluster_name": "app", "timeout": f"{topology.timeout_seconds}s"},
        }
        for service in services
    ]
    hosts = [{"name": "all", "domains": ["*"], "routers": routers}]
    clusters = [{**mecha.cluster("app", topology), "pool_mode": case.pool_mode}]
    path = directory / "mecha.json"
    path.write_text(json.dumps(mecha.document(topology, directory, log, hosts, clusters), indent=1))
    return peers.Launch([program, "start", "-c", str(path)], log)
