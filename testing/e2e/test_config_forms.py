"""Every form a configuration may take: folders of parts, YAML, inline routers and the older spellings, each with traffic
through it."""

import json

import pytest
import yaml

from kit import config as c
from kit.backend import answering
from kit.client import get
from kit.h2peer import Client
from kit.mecha import Mecha, run
from kit.ports import free_port
from kit.wait import eventually


@pytest.fixture
def whole(backend):
    """The smallest configuration that serves, as data to be changed: `config, port = whole()`."""

    def make(**server):
        port = free_port()
        config = c.mosn(
            listeners=[c.http_listener(port)],
            routers=[c.router([c.to_cluster(upstream_protocol="Http1")])],
            clusters=[c.cluster(backend(answering("served")).port)],
            admin=free_port(),
            **server,
        )
        return config, port

    return make


def proxy_of(config) -> dict:
    return config["servers"][0]["listeners"][0]["filter_chains"][0]["filters"][0]["config"]


def test_clusters_and_virtual_hosts_from_folders(mecha, whole, backend, tmp_path):
    config, port = whole()
    two = backend(answering("two"))
    clusters, hosts = tmp_path / "clusters", tmp_path / "hosts"
    clusters.mkdir()
    hosts.mkdir()
    (clusters / "one.json").write_text(json.dumps(config["cluster_manager"]["clusters"][0]))
    (clusters / "two.json").write_text(json.dumps(c.cluster(two.port, name="two")))
    (clusters / "notes.txt").write_text("not a cluster")
    (hosts / "a.json").write_text(json.dumps(c.virtual_host([c.to_cluster("two")], ["two.example"])))
    (hosts / "b.json").write_text(json.dumps(c.virtual_host([c.to_cluster("backend")], ["*"])))
    config["cluster_manager"] = {"clusters_configs": str(clusters)}
    config["servers"][0]["routers"] = [{"router_config_name": "router", "router_configs": str(hosts)}]
    mecha(config)
    assert get(port).text == "served"
    assert get(port, host="two.example").text == "two"


def test_a_fault_in_a_folder_is_named_by_its_file(whole, tmp_path):
    config, _ = whole()
    folder = tmp_path / "clusters"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(config["cluster_manager"]["clusters"][0]))
    (folder / "wrong.json").write_text('{\n  "name": "wrong",\n  "hosts": [{"address": 7}]\n}')
    config["cluster_manager"] = {"clusters_configs": str(folder)}
    file = tmp_path / "mosn.json"
    file.write_text(json.dumps(config))
    done = run("validate", "-c", file)
    assert done.returncode == 1
    assert f"{folder}/wrong.json:3:" in done.stdout + done.stderr
    both = config | {"cluster_manager": {"clusters_configs": str(folder), "clusters": []}}
    file.write_text(json.dumps(both))
    assert run("validate", "-c", file).returncode == 1


def test_a_relative_folder_is_found_where_it_runs(mecha, whole, tmp_path):
    config, port = whole()
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/one.json").write_text(json.dumps(config["cluster_manager"]["clusters"][0]))
    config["cluster_manager"] = {"clusters_configs": "parts"}
    mecha(config)
    assert get(port).text == "served"


def test_a_router_inside_the_listener(mecha, whole):
    """The deprecated `connection_manager` filter; many files still have it."""
    config, port = whole()
    server = config["servers"][0]
    router = server.pop("routers")[0]
    server["listeners"][0]["filter_chains"][0]["filters"].append({"type": "connection_manager", "config": router})
    mecha(config)
    assert get(port).text == "served"


def test_yaml_with_anchors_runs(whole, tmp_path):
    config, port = whole()
    hosts = "&hosts [{address: %s}]" % config["cluster_manager"]["clusters"][0]["hosts"][0]["address"]
    config["cluster_manager"] = None
    text = yaml.safe_dump(config).replace("cluster_manager: null", "cluster_manager:\n  clusters:\n    - {name: other, hosts: %s}\n    - {name: backend, lb_type: LB_RANDOM, hosts: *hosts}" % hosts)
    file = tmp_path / "mosn.yaml"
    file.write_text("# a comment\n" + text)
    process = Mecha(config, tmp_path, file=file)
    try:
        process.ready()
        assert get(port).text == "served"
    finally:
        process.stop()


def test_keys_in_any_case(mecha, whole):
    config, port = whole()

    def shouting(value):
        if isinstance(value, dict):
            return {key.upper(): shouting(inner) for key, inner in value.items()}
        return [shouting(inner) for inner in value] if isinstance(value, list) else value

    # The harness has to find the admin's port again.
    admin = config.pop("admin")
    process = mecha(shouting(config) | {"admin": admin})
    assert get(port).text == "served"
    assert "unknown key" not in process.log()


@pytest.mark.parametrize(
    "protocol",
    [
        {"downstream_protocol": "X", "extend_config": {"sub_protocol": "Http1"}},
        {"downstream_protocol": "Http1,Http2"},
        {"downstream_protocol": "Http1", "extend_config": {"max_header_size": 16384}},
        {"Downstream_Protocol": "Http1", "extend_config": {"Http1": {"max_header_size": 16384}}},
    ],
    ids=lambda keys: str(keys.get("downstream_protocol", keys.get("Downstream_Protocol"))),
)
def test_spellings_of_the_protocol(mecha, whole, protocol):
    config, port = whole()
    proxy = proxy_of(config)
    proxy.clear()
    proxy |= {"router_config_name": "router"} | protocol
    mecha(config)
    assert get(port).text == "served"
    if "Http2" in str(protocol):
        with Client(port) as client:
            assert bytes(client.get().data) == b"served"


@pytest.mark.parametrize("address", ["localhost:{}", ":{}", "0.0.0.0:{}"])
def test_spellings_of_an_address(mecha, whole, address):
    config, port = whole()
    config["servers"][0]["listeners"][0]["address"] = address.format(port)
    mecha(config)
    assert get(port).text == "served"


def test_a_host_may_be_a_name(mecha, whole):
    config, port = whole()
    host = config["cluster_manager"]["clusters"][0]["hosts"][0]
    host["address"] = host["address"].replace("127.0.0.1", "localhost")
    mecha(config)
    assert get(port).text == "served"


def test_what_is_not_known_is_said_and_does_no_harm(mecha, whole):
    config, port = whole()
    listener = config["servers"][0]["listeners"][0]
    listener["log_path"] = "stdout"
    listener["stream_filters"] = [{"type": "healthcheck", "config": {"passthrough": False}}]
    config["layered_runtime"] = {}
    process = mecha(config)
    assert get(port).text == "served"
    for word in ("log_path", "healthcheck", "layered_runtime"):
        assert any("warning" in line and word in line for line in process.log().splitlines()), word


def test_a_log_that_is_full_is_rolled(mecha, whole, tmp_path):
    config, port = whole(default_log_path=str(tmp_path / "mosn.log"), global_log_roller="size=1 keep=2")
    log = tmp_path / "access.log"
    config["servers"][0]["listeners"][0]["access_logs"] = [{"log_path": str(log), "log_format": "%request_header_x-fill%"}]
    mecha(config)
    for _ in range(60):
        assert get(port, headers=[("X-Fill", "f" * 50_000)]).status == 200
    eventually(lambda: len(list(tmp_path.glob("access.log*"))) >= 2, "an old file beside the new one")
    assert all(file.stat().st_size <= 2 << 20 for file in tmp_path.glob("access.log*"))


@pytest.mark.parametrize("servers", [0, 2])
def test_exactly_one_server(whole, tmp_path, servers):
    config, _ = whole()
    config["servers"] = config["servers"] * servers
    file = tmp_path / "mosn.json"
    file.write_text(json.dumps(config))
    done = run("validate", "-c", file)
    assert done.returncode == 1 and "servers" in done.stdout + done.stderr
