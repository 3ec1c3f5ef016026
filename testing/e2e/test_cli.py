"""The command line: MOSN's start flags, the other commands, and what the environment sets."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from kit import config as c
from kit.client import get
from kit.mecha import BINARY, Mecha, run
from kit.ports import free_port
from kit.wait import eventually

#: Every flag that MOSN takes, with a value as its users write it.
MOSN_FLAGS = {
    "service-cluster": "cluster",
    "service-node": "node",
    "service-type": "sidecar",
    "service-meta": "a=b",
    "sm": "a=b",
    "service-lables": "c=d",
    "sl": "c=d",
    "cluster-domain": "cluster.local",
    "feature-gates": "auto_config=true,XdsMtlsEnable=false",
    "pod-namespace": "default",
    "pns": "default",
    "pod-name": "pod-0",
    "pn": "pod-0",
    "pod-ip": "10.0.0.1",
    "pi": "10.0.0.1",
    "log-level": "info",
    "log-format": "json",
    "component-log-level": "main:debug",
    "local-address-ip-version": "v4",
    "restart-epoch": "0",
    "drain-time-s": "600",
    "parent-shutdown-time-s": "900",
    "max-obj-name-len": "189",
    "concurrency": "2",
    "log-format-prefix-with-location": "0",
    "bootstrap-version": "3",
    "drain-strategy": "immediate",
    "disable-hot-restart": "true",
}
SHORT = {"s": "cluster", "n": "node", "p": "router", "f": "a=true", "l": "warning"}


def small(port: int, admin: int, **server) -> dict:
    return c.mosn(listeners=[c.http_listener(port)], routers=[c.router([c.direct(200, "ok")])], admin=admin, **server)


@pytest.fixture
def started(tmp_path):
    """Starts the binary with these arguments, whatever they are; `{file}` stands for the configuration."""
    processes = []

    def start(*args: str, env: dict[str, str] | None = None, pid: bool = False, **server) -> tuple[Mecha, int]:
        port, admin = free_port(), free_port()
        config = small(port, admin, **server)
        if pid:
            config["pid"] = str(tmp_path / "run" / "mosn.pid")
        process = Mecha.__new__(Mecha)
        process.folder, process.config_file, process.log_file = tmp_path, tmp_path / "mosn.json", tmp_path / "mecha.log"
        process.config_file.write_text(json.dumps(config))
        process.admin_port, process.expected_exit = admin, False
        with process.log_file.open("wb") as log:
            process.process = subprocess.Popen(
                [BINARY, *(arg.format(file=process.config_file) for arg in args)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=tmp_path,
                env=os.environ | (env or {}),
            )
        processes.append(process)
        return process.ready(), port

    yield start
    for process in processes:
        process.stop()


# Flags of start.


@pytest.mark.parametrize("dashes", ["-", "--"])
@pytest.mark.parametrize("joined", [False, True], ids=["apart", "joined"])
def test_every_flag_of_mosn_is_taken_with_one_dash_or_two(started, dashes, joined):
    args = ["start", f"{dashes}config={{file}}"] if joined else ["start", f"{dashes}config", "{file}"]
    for name, value in MOSN_FLAGS.items():
        if name in ("sm", "sl", "pns", "pn", "pi"):
            continue
        joins = joined or name == "disable-hot-restart"
        args += [f"{dashes}{name}={value}"] if joins else [f"{dashes}{name}", value]
    _, port = started(*args)
    assert get(port).text == "ok"


def test_short_flags_and_short_names_are_taken(started):
    args = ["start", "-c", "{file}"]
    for name in ("sm", "sl", "pns", "pn", "pi"):
        args += [f"-{name}", MOSN_FLAGS[name]]
    for name, value in SHORT.items():
        args += [f"-{name}", value]
    process, port = started(*args)
    assert get(port).text == "ok"
    assert json.loads(process.admin("/api/v1/get_loglevel")[1]) == {"stdout": "WARN"}


@pytest.mark.parametrize("args", [["--conifg", "x"], ["-conifg=x"], ["-c"], ["--drain-time-s", "soon"], ["-l", "loud"], ["--concurrency", "-1"], ["surplus"]])
def test_a_flag_that_makes_no_sense_fails(args):
    done = run("start", *args)
    assert done.returncode == 2 and "error: " in done.stderr, done.stderr


def test_a_misspelt_flag_or_command_gets_a_hint():
    assert "'--config'" in run("start", "--conifg", "x").stderr
    done = run("strat")
    assert done.returncode == 2 and "'start'" in done.stderr


def test_the_configuration_can_come_from_the_environment(started, tmp_path):
    _, port = started("start", env={"MOSN_CONFIG": str(tmp_path / "mosn.json")})
    assert get(port).text == "ok"


def test_flags_without_effect_are_told_at_debug(started):
    process, _ = started("start", "-c", "{file}", "-l", "debug", "--restart-epoch", "1", "--service-node", "n")
    assert "without effect: --service-node, --restart-epoch" in process.log()


# Workers.


def workers(process: Mecha) -> float:
    return process.metric("server_workers")


def threads(process: Mecha) -> int:
    """Worker threads that really run."""
    names = (open(f"/proc/{process.pid}/task/{task}/comm").read().strip() for task in os.listdir(f"/proc/{process.pid}/task"))
    return sum(name.startswith("worker-") for name in names)


@pytest.mark.parametrize(("processor", "expected"), [(1, 1), (3, 3), ("4", 4)])
def test_processor_sets_the_number_of_workers(started, processor, expected):
    process, _ = started("start", "-c", "{file}", processor=processor)
    assert workers(process) == threads(process) == expected


@pytest.mark.parametrize("processor", ["auto", None, 0])
def test_without_a_number_there_is_one_per_core(started, processor):
    cores = len(os.sched_getaffinity(0))
    process, _ = started("start", "-c", "{file}", processor=processor)
    assert 1 <= workers(process) <= cores
    assert workers(process) == threads(process)


def test_affinity_bounds_the_workers(started):
    one = {min(os.sched_getaffinity(0))}
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, one)
    try:
        process, _ = started("start", "-c", "{file}", processor="auto")
    finally:
        os.sched_setaffinity(0, before)
    assert workers(process) == 1


def test_the_environment_wins_over_the_configuration_and_the_flag_over_both(started):
    process, _ = started("start", "-c", "{file}", processor=1, env={"MECHA_WORKERS": "3"})
    assert workers(process) == threads(process) == 3
    process.stop()
    process.expected_exit = True
    process, _ = started("start", "-c", "{file}", "--concurrency", "2", processor=1, env={"MECHA_WORKERS": "3"})
    assert workers(process) == 2


def test_a_number_of_workers_that_is_none_is_refused():
    done = run("start", "-c", "x", env={"MECHA_WORKERS": "many"})
    assert done.returncode == 2 and "MECHA_WORKERS" in done.stderr


# Stop.


def test_stop_ends_the_process_of_the_pid_file(started):
    process, port = started("start", "-c", "{file}", pid=True)
    pid_file = process.folder / "run" / "mosn.pid"
    assert pid_file.read_text().strip() == str(process.pid)
    process.expected_exit = True
    done = run("stop", "-c", process.config_file)
    assert (done.returncode, done.stdout) == (0, f"stopped process {process.pid}\n")
    assert process.wait() == 0
    assert not pid_file.exists()
    again = run("stop", "-c", process.config_file)
    assert again.returncode == 1 and str(pid_file) in again.stderr and "is Mecha running?" in again.stderr


def test_stop_spares_other_processes(tmp_path):
    pid_file, file = tmp_path / "mosn.pid", tmp_path / "mosn.json"
    file.write_text(json.dumps(small(free_port(), free_port()) | {"pid": str(pid_file)}))
    other = subprocess.Popen(["sleep", "60"])
    try:
        # The kernel shows the arguments of a new program a moment after it has begun.
        eventually(Path(f"/proc/{other.pid}/cmdline").read_bytes, "the other process has its name")
        pid_file.write_text(f"{other.pid}\n")
        done = run("stop", "-c", file)
        assert done.returncode == 1 and f"process {other.pid} is not Mecha but `sleep 60`" in done.stderr
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    done = run("stop", "-c", file)
    assert done.returncode == 1 and "leftover" in done.stderr
    pid_file.write_text("none\n")
    assert "holds no process id" in run("stop", "-c", file).stderr


def test_stop_without_a_pid_file_says_what_to_add(tmp_path):
    file = tmp_path / "mosn.json"
    file.write_text(json.dumps(small(free_port(), free_port())))
    done = run("stop", "-c", file)
    assert done.returncode == 1 and 'add "pid"' in done.stderr


# The other commands.


def test_version_has_three_spellings():
    spellings = [run("version"), run("--version"), run("-v")]
    assert {done.returncode for done in spellings} == {0}
    assert len({done.stdout for done in spellings}) == 1
    name, number = spellings[0].stdout.split()
    assert name == "mecha" and number.count(".") == 2


def test_help_names_every_command_and_without_arguments_is_an_error():
    text = run("--help").stdout
    for command in ("start", "stop", "reload", "validate", "quickstart", "version", "completions"):
        assert f"  {command} " in text
        assert "Usage: mecha " + command in run(command, "--help").stdout
    bare = run()
    assert bare.returncode == 2 and "Usage: mecha" in bare.stderr


def test_start_help_names_every_flag():
    text = run("start", "--help").stdout
    for flag in MOSN_FLAGS:
        assert f"--{flag}" in text, flag


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "elvish", "powershell"])
def test_completions_know_commands_and_flags(shell):
    done = run("completions", shell)
    assert done.returncode == 0 and "quickstart" in done.stdout and "drain-time-s" in done.stdout
    assert "quickstart-service" not in done.stdout, "hidden commands stay hidden"


def test_bash_takes_the_completions(tmp_path, need):
    script = tmp_path / "mecha.bash"
    script.write_text(run("completions", "bash").stdout)
    ask = f'source {script}; COMP_WORDS=(mecha start --conf); COMP_CWORD=2; _mecha mecha --conf start; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run([need("bash"), "-c", ask], capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == ["--config"], done.stderr


def test_reload_does_nothing_as_in_mosn(tmp_path):
    file = tmp_path / "mosn.json"
    file.write_text(json.dumps(small(free_port(), free_port())))
    assert run("reload", "-c", file).returncode == 0


def test_output_into_a_closed_pipe_is_no_crash():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.Popen([BINARY, "start", "--help"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    _, errors = done.communicate(timeout=20)
    assert "panicked" not in errors


# Signals.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_each_signal_that_ends_it_gives_status_zero(started, number):
    process, port = started("start", "-c", "{file}")
    assert get(port).text == "ok"
    process.signal(number)
    assert process.wait() == 0
    assert "stopped" in process.log()


def test_hangup_changes_nothing_and_says_so(started):
    process, port = started("start", "-c", "{file}")
    process.signal(signal.SIGHUP)
    eventually(lambda: "SIGHUP" in process.log(), "the log mentions it")
    assert get(port).text == "ok"
