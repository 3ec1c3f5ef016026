"""The command line of the runtime: `mecha run`, run files, and `daprd` under its own name."""

import json
import os
import signal
import subprocess
import textwrap

import pytest

from kit.mecha import BINARY, refuses, run
from kit.ports import free_port, free_ports
from kit.process import Process
from kit.resources import component, document
from kit.tools import curl_code
from kit.wait import eventually


class Command(Process):
    """A command of the binary whose output is in a file."""

    def __init__(self, folder, *args, env=None, program=BINARY, name="command"):
        self.folder, self.log_file = folder, folder / f"{name}.log"
        self.launch([program, *args], folder, {"MECHA_DATA_DIR": str(folder / "data"), "HOME": str(folder)} | (env or {}))


@pytest.fixture
def start(tmp_path):
    """Starts a command in a folder of its own, ended after the scenario: `start("run", ...)`."""
    started = []

    def begin(*args, **more):
        started.append(Command(tmp_path, *args, name=f"command-{len(started)}", **more))
        return started[-1]

    yield begin
    for command in started:
        command.expected_exit = True
        command.stop()


def flags():
    """Ports of a runtime that nobody else has."""
    names = ["dapr-http-port", "dapr-grpc-port", "dapr-internal-grpc-port", "metrics-port"]
    ports = free_ports(len(names))
    given = [f"--{name}={port}" for name, port in zip(names, ports, strict=True)]
    return ports, ["--dapr-listen-addresses=127.0.0.1", "--metrics-listen-address=127.0.0.1", "--dapr-internal-grpc-listen-address=127.0.0.1", *given]


def shell(script):
    return ["--", "sh", "-c", textwrap.dedent(script)]


# --- mecha run


def test_an_application_knows_its_runtime(start):
    (http, grpc, _, metrics), ports = flags()
    app = free_port()
    command = start("run", "--app-id=known", f"--app-port={app}", *ports, *shell("env"))
    # Nobody listens on the application's port, which is none of the command's business.
    assert command.wait() == 0
    lines = [line.removeprefix("== APP == ") for line in command.log().splitlines() if line.startswith("== APP == ")]
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    expected = {"APP_ID": "known", "APP_PORT": app, "DAPR_HTTP_PORT": http, "DAPR_GRPC_PORT": grpc, "DAPR_METRICS_PORT": metrics, "APP_PROTOCOL": "http"}
    assert {name: environment.get(name) for name in expected} == {name: str(value) for name, value in expected.items()}


def test_the_embedded_defaults_are_there(start):
    (http, *_), ports = flags()
    command = start(
        "run",
        "--app-id=defaults",
        *ports,
        *shell("""
            set -e
            base=http://127.0.0.1:$DAPR_HTTP_PORT/v1.0
            curl -fsS -X POST $base/state/statestore -H 'content-type: application/json' -d '[{"key": "k", "value": "kept"}]'
            echo "state $(curl -fsS $base/state/statestore/k)"
            curl -fsS -X POST $base/publish/pubsub/topic -H 'content-type: application/json' -d '{}' && echo published
            echo "secret $(curl -fsS $base/secrets/secretstore/E2E_SECRET)"
        """),
        env={"E2E_SECRET": "s3cret"},
    )
    assert command.wait() == 0, command.log()
    log = command.log()
    for line in ('state "kept"', "published", 'secret {"E2E_SECRET":"s3cret"}'):
        assert f"== APP == {line}" in log
    again = start("run", "--app-id=defaults", *flags()[1], *shell("curl -fsS http://127.0.0.1:$DAPR_HTTP_PORT/v1.0/state/statestore/k"))
    assert again.wait() == 0
    assert '== APP == "kept"' in again.log(), "state outlives the process"


@pytest.mark.parametrize("status", [0, 1, 42])
def test_the_status_is_the_applications(start, status):
    command = start("run", "--app-id=status", *flags()[1], *shell(f"exit {status}"))
    assert command.wait() == status


def test_both_outputs_are_prefixed(start):
    command = start("run", "--app-id=prefix", *flags()[1], *shell("echo out; echo err >&2; printf 'no newline'"))
    assert command.wait() == 0
    assert {"== APP == out", "== APP == err", "== APP == no newline"} <= set(command.log().splitlines())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_application(start, number):
    (http, *_), ports = flags()
    name = number.name.removeprefix("SIG")
    script = f"""
        trap 'curl -fsS -o /dev/null -w "said goodbye %{{http_code}}\\n" http://127.0.0.1:$DAPR_HTTP_PORT/v1.0/healthz/outbound; exit 7' {name}
        echo ready
        while :; do sleep 0.05; done
    """
    command = start("run", "--app-id=signals", *ports, *shell(script))
    eventually(lambda: "== APP == ready" in command.log(), "the application runs")
    command.signal(number)
    assert command.wait() == 7
    assert "said goodbye 204" in command.log(), "the APIs stay until the application has ended"
    assert refuses(http)


def test_the_runtime_ends_when_it_is_told_to_and_the_application_with_it(start):
    (http, *_), ports = flags()
    command = start("run", "--app-id=told", *ports, *shell("trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.05; done"))
    eventually(lambda: "== APP == ready" in command.log(), "the application runs")
    subprocess.run(["curl", "-fsS", "-X", "POST", f"http://127.0.0.1:{http}/v1.0/shutdown"], check=True, capture_output=True)
    command.wait()
    assert "== APP == ended" in command.log()


def test_without_a_command_it_is_a_runtime(start):
    (http, *_), ports = flags()
    command = start("run", "--app-id=alone", *ports)
    eventually(lambda: not refuses(http), "it serves")
    command.signal(signal.SIGINT)
    assert command.wait() == 0
    assert "Daprd shutdown gracefully" in command.log()


def test_two_applications_take_free_ports(start, tmp_path):
    scripts = "echo port $DAPR_HTTP_PORT; trap 'exit 0' TERM INT; while :; do sleep 0.05; done"
    free = ["--metrics-port=0", "--dapr-http-port=0", "--dapr-grpc-port=0", "--dapr-internal-grpc-port=0"]
    first, second = (start("run", f"--app-id={name}", *free, *shell(scripts), env={"MECHA_DATA_DIR": str(tmp_path / name)}) for name in ("first", "second"))
    ports = [eventually(lambda one=one: [line for line in one.log().splitlines() if "== APP == port" in line], "it runs")[0] for one in (first, second)]
    assert ports[0] != ports[1]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "--", "true"], "app-id"),
        (["run", "--app-id=a.b", "--", "true"], "a.b"),
        (["run", "--app-id=x", "--nonsense", "--", "true"], "nonsense"),
        (["run", "--app-id=x", "--app-port=http", "--", "true"], "app-port"),
        (["run", "-f", "nowhere.yaml"], "nowhere.yaml"),
        (["daprd"], "app-id"),
        (["daprd", "--app-id=x", "--app-protocol=carrier-pigeon"], "carrier-pigeon"),
        (["daprd", "--app-id=x", "--max-body-size=huge"], "huge"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path, args, says):
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 1, done
    assert says in done.stdout + done.stderr


def test_a_command_that_is_not_there(start):
    command = start("run", "--app-id=missing", *flags()[1], "--", "no-such-program-at-all")
    assert command.wait() != 0
    assert "no-such-program-at-all" in command.log()


# --- run files


def test_several_applications_of_one_file(start, tmp_path):
    resources = tmp_path / "resources"
    resources.mkdir()
    (resources / "store.yaml").write_text(document(component("shared", "state.in-memory")))
    ports = free_ports(8)
    script = """
        trap "exit 0" TERM INT
        echo "I am $APP_ID with $COLOUR and $OWN"
        curl -fsS http://127.0.0.1:$DAPR_HTTP_PORT/v1.0/state/shared/k -o /dev/null -w "%{http_code}\n"
        while :; do sleep 0.05; done
    """
    apps = [
        {
            "appID": name,
            "appDirPath": str(tmp_path),
            "daprHTTPPort": ports[4 * index],
            "daprGRPCPort": ports[4 * index + 1],
            "metricsPort": ports[4 * index + 2],
            "daprInternalGRPCPort": ports[4 * index + 3],
            "command": ["sh", "-c", script],
            "env": {"OWN": f"its-{name}"},
        }
        for index, name in enumerate(["orders", "shop"])
    ]
    file = tmp_path / "dapr.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({"version": 1, "common": {"resourcesPath": str(resources), "env": {"COLOUR": "green"}}, "apps": apps}))
    command = start("run", "-f", file)
    for name in ("orders", "shop"):
        eventually(lambda name=name: f"== APP - {name} == I am {name} with green and its-{name}" in command.log(), f"{name} runs")
        eventually(lambda name=name: f"== APP - {name} == 204" in command.log(), f"{name} has the store")
    command.signal(signal.SIGINT)
    assert command.wait(20) == 0, command.log()
    assert all(refuses(port) for port in (ports[0], ports[4]))


# --- daprd


@pytest.fixture
def daprd(tmp_path):
    """A link of that name."""
    link = tmp_path / "daprd"
    link.symlink_to(BINARY)
    return link


def test_a_link_called_daprd_takes_its_flags(start, daprd, tmp_path):
    resources = tmp_path / "resources"
    resources.mkdir()
    (resources / "store.yml").write_text(document(component("store", "state.in-memory")))
    http, grpc, internal, metrics, public, profile = free_ports(6)
    given = {
        "mode": "standalone",
        "app-id": "linked",
        "app-protocol": "http",
        "dapr-http-port": http,
        "dapr-grpc-port": grpc,
        "dapr-internal-grpc-port": internal,
        "dapr-internal-grpc-listen-address": "127.0.0.1",
        "dapr-listen-addresses": "127.0.0.1",
        "dapr-public-port": public,
        "dapr-public-listen-address": "127.0.0.1",
        "metrics-port": metrics,
        "metrics-listen-address": "127.0.0.1",
        "profile-port": profile,
        "log-level": "debug",
        "enable-app-health-check": "false",
        "app-health-probe-interval": "0",
        "app-health-threshold": "1",
        "enable-mtls": "false",
        "enable-api-logging": "true",
        "placement-host-address": "127.0.0.1:1",
        "scheduler-host-address": "127.0.0.1:2",
        "sentry-address": "127.0.0.1:3",
        "resources-path": str(resources),
        "dapr-graceful-shutdown-seconds": "1",
    }
    # A name with one hyphen, its value behind an equals sign or on its own.
    args = []
    for name, value in given.items():
        apart = len(name) % 2 and value not in ("true", "false")
        args += [f"-{name}", str(value)] if apart else [f"-{name}={value}"]
    command = start(*args, "--enable-profiling", program=daprd)
    eventually(lambda: not refuses(http) and "dapr initialized. Status: Running." in command.log(), "it runs")
    for port in (http, grpc, internal, public, metrics):
        assert not refuses(port)
    log = command.log()
    assert "Starting Dapr Runtime -- version" in log
    assert "Component loaded: store (state.in-memory/v1)" in log
    for flag in ("placement-host-address", "scheduler-host-address", "sentry-address", "enable-profiling"):
        assert any(flag in line and "not" in line for line in log.splitlines()), f"{flag} is mentioned"
    command.signal(signal.SIGINT)
    assert command.wait() == 0


def test_an_environment_without_path_and_home_is_enough(daprd, tmp_path):
    (http, *_), ports = flags()
    command = subprocess.Popen([daprd, "--app-id=bare", *ports], env={"NAMESPACE": "shop"}, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: curl_code(f"http://127.0.0.1:{http}/v1.0/healthz") == 204, "it is ready")
    finally:
        command.send_signal(signal.SIGINT)
        assert command.wait(10) == 0


def test_wait(start, daprd):
    (http, *_), ports = flags()
    waiting = subprocess.Popen([daprd, "--wait", "--app-id=waited", *ports])
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.5)
    start("--app-id=waited", *ports, program=daprd)
    assert waiting.wait(10) == 0


def test_version_and_build_info(daprd):
    version = subprocess.run([daprd, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.strip()
    assert subprocess.run([daprd, "--build-info"], capture_output=True, text=True, check=True).stdout.strip()
    assert "--dapr-http-port" in subprocess.run([daprd, "--help"], capture_output=True, text=True, check=True).stdout


def test_a_port_that_is_taken(start):
    (http, grpc, internal, metrics), ports = flags()
    first = start("daprd", "--app-id=first", *ports)
    eventually(lambda: not refuses(http), "the first serves")
    second = start("daprd", "--app-id=second", *ports)
    assert second.wait() == 1
    assert str(http) in second.log()
    assert first.running


def test_sockets_in_a_folder(start, tmp_path):
    folder = tmp_path / "sockets"
    folder.mkdir()
    start("daprd", "--app-id=unix", f"--unix-domain-socket={folder}", *flags()[1])
    socket = folder / "dapr-unix-http.socket"
    eventually(socket.exists, "the socket is there")
    eventually(lambda: curl_code("--unix-socket", socket, "http://localhost/v1.0/healthz") == 204, "it answers")
    assert (folder / "dapr-unix-grpc.socket").exists()


def test_two_processes_do_not_share_their_data(start):
    """The embedded store belongs to one process at a time."""
    (http, *_), ports = flags()
    start("run", "--app-id=one", *ports)
    eventually(lambda: not refuses(http), "it serves")
    second = start("run", "--app-id=one", *flags()[1])
    assert second.wait() == 1
    assert "statestore" in second.log()
    assert os.fspath(second.folder / "data/one") in second.log()
    (http, *_), ports = flags()
    start("run", "--app-id=two", *ports)
    eventually(lambda: not refuses(http), "another application has a folder of its own")
