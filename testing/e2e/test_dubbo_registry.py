"""A cluster whose hosts are what Dubbo's providers have registered in a real ZooKeeper, kept live."""

import json
import time
from collections.abc import Callable

import pytest
from kit import config as c
from kit.dubbo import SERVICE, Consumer, Peers
from kit.dubboraw import at
from kit.mecha import Mecha, run
from kit.ports import free_port
from kit.wait import eventually
from kit.zookeeper import ZooKeeper


@pytest.fixture
def before(mecha: Callable[..., Mecha]) -> Callable[..., tuple[Mecha, int]]:
    """A listener before what a registry knows of a service: `process, port = before(registry, "group/interface:version")`."""

    def start(registry: ZooKeeper, service: str = SERVICE, **cluster: c.Json) -> tuple[Mecha, int]:
        port = free_port()
        spec = {"subscribe": [{"subscriber": registry.address, "service_name": service}]}
        listener = c.http_listener(port, downstream="dubbo")
        return mecha(listeners=[listener], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(spec=spec, **cluster)]), port

    return start


@pytest.fixture
def consumer(dubbo: Peers) -> Consumer:
    return dubbo.consumer(timeout=3000)


def answering(consumer: Consumer, port: int, *names: str, calls: int = 6, **flags: str) -> None:
    """Waits until so many calls are answered, by all of these providers and no other."""

    def answered() -> set[str]:
        return {consumer.reply("id", **at(port), **flags).get("result", "") for _ in range(calls)}

    eventually(lambda: answered() == set(names), f"calls are answered by {names}", 15)


def test_providers_come_and_go(zookeeper: Callable[[], ZooKeeper], dubbo: Peers, before, consumer: Consumer) -> None:
    registry = zookeeper()
    one = dubbo.provider("one", registry=registry.address)
    registry.wait_registered(SERVICE, 1)
    process, port = before(registry)
    answering(consumer, port, "one")
    two = dubbo.provider("two", registry=registry.address)
    answering(consumer, port, "one", "two")
    one.stop()
    answering(consumer, port, "two")
    assert f"ZooKeeper knows 1 hosts at /dubbo/{SERVICE}/providers" in process.log()
    two.stop()
    gone = eventually(lambda: (reply := consumer.reply("id", **at(port))) and not reply["ok"] and reply, "nobody is there to answer")
    assert "no healthy upstream host" in gone["error"]["message"] and gone["ms"] < 2000, gone
    assert f"{SERVICE}?" not in process.admin("/api/v1/config_dump")[1]
    one.start()
    answering(consumer, port, "one")


def test_a_provider_is_killed(zookeeper: Callable[[], ZooKeeper], dubbo: Peers, before, consumer: Consumer) -> None:
    """ZooKeeper knows it for as long as its session lasts; a host that refuses connections costs no call meanwhile."""
    registry = zookeeper()
    first = dubbo.provider("first", registry=registry.address, ready=False)
    dubbo.provider("second", registry=registry.address, ready=False).ready()
    first.ready()
    registry.wait_registered(SERVICE, 2)
    process, port = before(registry)
    answering(consumer, port, "first", "second")
    first.kill()
    assert [consumer.call("id", **at(port)) for _ in range(10)] == ["second"] * 10
    assert process.upstream("connection_con_fail") > 0
    registry.wait_registered(SERVICE, 1)
    eventually(lambda: "ZooKeeper knows 1 hosts" in process.log(), "its session has ended")
    refused = process.upstream("connection_con_fail")
    assert [consumer.call("id", **at(port)) for _ in range(10)] == ["second"] * 10
    assert process.upstream("connection_con_fail") == refused, "and nobody tries it any more"


def test_zookeeper_is_started_anew(zookeeper: Callable[[], ZooKeeper], dubbo: Peers, before, consumer: Consumer) -> None:
    registry = zookeeper()
    dubbo.provider("one", registry=registry.address)
    process, port = before(registry)
    answering(consumer, port, "one")
    registry.kill()
    assert [consumer.call("id", **at(port)) for _ in range(10)] == ["one"] * 10, "what was known holds on"
    eventually(lambda: "the hosts stay as they are" in process.log(), "Mecha says that ZooKeeper is away")
    registry.start().ready()
    dubbo.provider("two", registry=registry.address)
    answering(consumer, port, "one", "two")


def test_mecha_starts_before_zookeeper(zookeeper: Callable[[], ZooKeeper], dubbo: Peers, before, consumer: Consumer, tmp_path) -> None:
    later = ZooKeeper(tmp_path, "later")
    begun = time.monotonic()
    process, port = before(later)
    assert time.monotonic() - begun < 10
    assert "its registry did not answer within 3s; it begins without" in process.log()
    reply = consumer.reply("id", **at(port))
    assert not reply["ok"] and "no healthy upstream host" in reply["error"]["message"], reply
    dubbo.started.append(later.start())
    later.ready()
    dubbo.provider("one", registry=later.address)
    answering(consumer, port, "one")


def test_group_and_version_are_chosen(zookeeper: Callable[[], ZooKeeper], dubbo: Peers, before, consumer: Consumer) -> None:
    registry = zookeeper()
    kinds = {"blue": {"group": "blue", "version": "1.0.0"}, "green": {"group": "green", "version": "1.0.0"}, "new": {"group": "blue", "version": "2.0.0"}}
    for provider in [dubbo.provider(name, ready=False, registry=registry.address, **kind) for name, kind in kinds.items()]:
        provider.ready()
    registry.wait_registered(SERVICE, 3)
    for name, kind in kinds.items():
        _, port = before(registry, f"{kind['group']}/{SERVICE}:{kind['version']}")
        answering(consumer, port, name, **kind)


def test_what_is_wrong_with_a_subscription_is_told(tmp_path) -> None:
    def said(subscriber: str, service: str) -> str:
        spec = {"subscribe": [{"subscriber": subscriber, "service_name": service}]}
        config = c.mosn(listeners=[c.http_listener(free_port(), downstream="dubbo")], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(spec=spec)])
        file = tmp_path / "mosn.json"
        file.write_text(json.dumps(config))
        done = run("validate", "-c", file)
        assert done.returncode == 1
        return done.stdout + done.stderr

    assert 'there is no registry "zookeper"' in said("zookeper://127.0.0.1:2181", SERVICE)
    assert "names no service" in said("zookeeper://127.0.0.1:2181", "a/b/c")
