"""What a user reads when a configuration is wrong."""

import json
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from kit import config as c
from kit.client import get
from kit.mecha import ROOT, run
from kit.ports import free_port

FINDING = re.compile(r"(?P<file>[^:\n]+):(?:(?P<line>\d+):(?P<column>\d+):)? (?P<severity>error|warning): (?P<message>.*)")

#: Nearly everything in it is wrong; the comment at the end of a line is what must be said about it.
MANY = """\
{
  "servers": [{
    "default_log_path": "stdout",
    "default_log_levle": "INFO",                               // warning default_log_levle (did you mean "default_log_level"?)
    "graceful_timeout": "soon",                                // error graceful_timeout
    "processor": -3,                                           // error processor
    "listeners": [{
      "name": "in",
      "address": "127.0.0.1:99999",                            // error address ip:port
      "bind_port": true,
      "connection_idle_timeout": 5,                            // error connection_idle_timeout the unit is missing
      "stream_filters": [{
        "type": "gzp"                                          // warning type (did you mean "gzip"?)
      }],
      "access_logs": [{
        "log_path": "stdout",
        "log_format": "%protocol% %response_code"              // error log_format is not closed
      }],
      "filter_chains": [{
        "filters": [{
          "type": "proxy",
          "config": {
            "downstream_protocol": "Http3",                    // error downstream_protocol (did you mean "Http2"?)
            "router_config_name": "router"
          }
        }]
      }]
    }],
    "routers": [{
      "router_config_name": "router",
      "virtual_hosts": [{
        "name": "all", "domains": ["*"],
        "routers": [
          {"match": {"prefix": "/"}, "route": {
            "cluster_name": "backend",
            "timeout": "5 minutes"                             // error timeout unknown unit
          }},
          {"match": {"regex": "["},                            // error regex is not a regular expression
           "route": {"cluster_name": "backend"}}
        ]
      }]
    }]
  }],
  "cluster_manager": {"clusters": [{
    "name": "backend",
    "lb_type": "LB_ROUNDROBN",                                 // warning lb_type (did you mean "LB_ROUNDROBIN"?)
    "hosts": [
      {"address": "127.0.0.1:8080"},
      {"address": "127.0.0.1"},                                // error address of a host
      {"address": "127.0.0.1:8081", "weight": "heavy"}         // error weight
    ]
  }]}
}
"""


@dataclass
class Report:
    """What `mecha validate` said."""

    status: int
    text: str
    findings: list[dict[str, str]]

    @property
    def summary(self) -> str:
        return self.text.splitlines()[-1]

    def count(self, severity: str) -> int:
        return sum(found["severity"] == severity for found in self.findings)


def validate(file: Path, *flags: str) -> Report:
    done = run("validate", "-c", file, *flags)
    assert done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    findings = [FINDING.fullmatch(line) for line in lines[:-1]]
    assert all(findings), f"each line but the last is one finding:\n{done.stdout}"
    return Report(done.returncode, done.stdout, [found.groupdict() for found in findings])


def without_comments(text: str) -> tuple[str, list[tuple[int, str, list[str]]]]:
    """The JSON, and for each comment its line, severity and words."""
    expected, lines = [], []
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition("  // ")
        lines.append(code.rstrip())
        if comment:
            severity, key, *rest = comment.split(" ", 2)
            expected.append((number, severity, [key, *rest]))
    return "\n".join(lines) + "\n", expected


def write(folder: Path, config: dict | str, name: str = "mosn.json") -> Path:
    file = folder / name
    file.write_text(config if isinstance(config, str) else json.dumps(config, indent=2))
    return file


def small(port: int | None = None, **more) -> dict:
    """A configuration that runs."""
    return c.mosn(listeners=[c.http_listener(port or free_port())], routers=[c.router([c.direct(200, "ok")])], **more)


# All at once.


def test_everything_is_reported_at_once_with_line_key_and_hint(tmp_path):
    text, expected = without_comments(MANY)
    report = validate(write(tmp_path, text))
    assert report.status == 1
    found = {int(finding["line"]): finding for finding in report.findings}
    assert sorted(found) == [line for line, _, _ in expected], report.text
    for line, severity, words in expected:
        finding = found[line]
        assert finding["file"] == str(tmp_path / "mosn.json") and int(finding["column"]) > 0
        assert finding["severity"] == severity, finding
        for word in words:
            assert word in finding["message"], (line, word, finding["message"])
    assert report.summary == f"{tmp_path}/mosn.json: {report.count('error')} errors, {report.count('warning')} warnings"


def test_keys_are_named_by_their_path(tmp_path):
    text, _ = without_comments(MANY)
    report = validate(write(tmp_path, text))
    for path in (
        "servers[0].listeners[0].filter_chains[0].filters[0].config.downstream_protocol: ",
        "servers[0].routers[0].virtual_hosts[0].routers[0].route.timeout: ",
        "cluster_manager.clusters[0].hosts[2].weight: ",
    ):
        assert any(finding["message"].startswith(path) for finding in report.findings), path


def test_start_says_the_same_and_refuses(tmp_path):
    text, _ = without_comments(MANY)
    file = write(tmp_path, text)
    report = validate(file)
    done = run("start", "-c", file)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[:-1] == report.text.splitlines()[:-1]
    assert said[-1] == f"mecha: did not start: {report.summary}"


def test_a_sound_file_is_ok(tmp_path):
    report = validate(write(tmp_path, small()))
    assert (report.status, report.findings) == (0, [])
    assert report.summary == f"{tmp_path}/mosn.json: ok (1 listener, 1 router, 0 clusters)"


# Warnings and --strict.


def test_warnings_let_it_run_and_strict_does_not(tmp_path):
    config = small()
    config["servers"][0]["no_such_key"] = 1
    file = write(tmp_path, config)
    report = validate(file)
    assert (report.status, report.count("warning"), report.count("error")) == (0, 1, 0)
    assert ": ok, 1 warning (" in report.summary
    strict = validate(file, "--strict")
    assert (strict.status, strict.count("error"), strict.count("warning")) == (1, 1, 0)
    refused = run("start", "-c", file, "--strict")
    assert refused.returncode == 1 and "no_such_key" in refused.stderr


def test_a_process_runs_with_warnings_and_says_them(mecha):
    port = free_port()
    config = small(port, admin=free_port())
    config["servers"][0]["listeners"][0]["stream_filters"] = [{"type": "no_such_filter", "config": {"a": 1}}, {"type": "gzip"}]
    process = mecha(config)
    assert get(port).text == "ok"
    assert 'the unknown filter "no_such_filter" is ignored' in process.log()
    assert 'the filter "gzip" is not available yet and is ignored' in process.log()


@pytest.mark.parametrize("name", ["rbac", "jwt_authn", "ip_access", "ext_authz", "my_jwt_check", "corp.auth.v2", "waf"])
@pytest.mark.parametrize("where", ["stream_filters", "per_filter_config"])
def test_a_security_filter_that_is_not_there_always_refuses(tmp_path, name, where):
    config = small()
    if where == "stream_filters":
        config["servers"][0]["listeners"][0]["stream_filters"] = [{"type": name, "config": {}}]
    else:
        config["servers"][0]["routers"][0]["virtual_hosts"][0]["routers"][0]["per_filter_config"] = {name: {}}
    file = write(tmp_path, config)
    report = validate(file)
    assert report.status == 1
    (finding,) = report.findings
    assert finding["severity"] == "error" and f'the security filter "{name}"' in finding["message"]
    assert "remove it if" in finding["message"]
    started = run("start", "-c", file)
    assert started.returncode == 1 and name in started.stderr


def test_tls_is_refused_rather_than_left_out(tmp_path):
    config = small()
    config["servers"][0]["listeners"][0]["filter_chains"][0]["tls_context"] = {"status": True, "cert_chain": "a", "private_key": "b"}
    report = validate(write(tmp_path, config))
    assert report.status == 1 and "TLS is not available yet" in report.text


# Formats.


def test_yaml_is_checked_as_json_is(tmp_path):
    text, expected = without_comments(MANY)
    json_report = validate(write(tmp_path, text))
    file = write(tmp_path, yaml.safe_dump(json.loads(text), sort_keys=False), "mosn.yaml")
    yaml_report = validate(file)
    assert [(f["severity"], f["message"]) for f in yaml_report.findings] == [(f["severity"], f["message"]) for f in json_report.findings]
    lines = file.read_text().splitlines()
    for finding in yaml_report.findings:
        key = finding["message"].split(": ")[0].split(".")[-1].split("[")[0]
        assert key in lines[int(finding["line"]) - 1], f"{finding} points at the line of its key"


BROKEN = [
    ("mosn.json", '{"servers": [{"a": 1},', "the file ends"),
    ("mosn.json", '{\n  "servers": []\n  "cluster_manager": {}\n}', "3:3"),
    ("mosn.json", '{"servers": [], // comment\n}', "1:17"),
    ("mosn.json", '{"servers": [1, 2,]}', "1:19"),
    ("mosn.json", "", "1:1: error: expected a value, found the end of the file"),
    ("mosn.json", "servers: []", "1:1"),
    ("mosn.yaml", "servers:\n  - a: [1\n b: 2\n", "error"),
    ("mosn.yaml", "servers:\n\t- a: 1\n", "2:2: error: tabs"),
    ("mosn.yaml", "a: 1\n---\nb: 2\n", "2:"),
]


@pytest.mark.parametrize(("name", "text", "word"), BROKEN)
def test_a_file_that_is_no_json_or_yaml_is_one_error_with_its_place(tmp_path, name, text, word):
    report = validate(write(tmp_path, text, name))
    assert report.status == 1 and report.count("error") == 1, report.text
    assert word in report.text
    assert report.summary.endswith(": 1 error")


def test_keys_in_any_case_and_durations_as_mosn_has_them(tmp_path):
    config = c.mosn(listeners=[c.http_listener(free_port())], routers=[c.router([c.to_cluster()])], clusters=[c.cluster(1)])
    config["Servers"] = config.pop("servers")
    cluster = config["cluster_manager"]["clusters"][0]
    cluster["Name"], cluster["CONNECT_TIMEOUT"] = cluster.pop("name"), "1h1m1.5s"
    report = validate(write(tmp_path, config))
    assert (report.status, report.findings) == (0, [])


# Files and addresses that cannot be had.


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for file in (tmp_path / "missing.json", tmp_path):
        report = validate(file)
        assert report.status == 1 and f"{file}: error: can't be read" in report.text and "-c" in report.text
        assert run("start", "-c", file).returncode == 1


def test_a_port_in_use_says_who_wanted_it_and_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("start", "-c", write(tmp_path, small(port)))
        assert done.returncode == 1
        assert f'listener "listener-{port}": cannot listen on 127.0.0.1:{port}' in done.stderr
        assert "another process listens there" in done.stderr
        done = run("start", "-c", write(tmp_path, small(admin=port)))
        assert done.returncode == 1
        assert f"admin: cannot listen on 127.0.0.1:{port}" in done.stderr and "another process" in done.stderr


def test_two_listeners_of_one_address_are_an_error(tmp_path):
    port = free_port()
    config = small(port)
    config["servers"][0]["listeners"].append(c.http_listener(port, name="again"))
    report = validate(write(tmp_path, config))
    assert report.status == 1 and f"127.0.0.1:{port}" in report.text


def test_an_address_of_another_machine_is_explained(tmp_path):
    config = small()
    config["servers"][0]["listeners"][0]["address"] = "192.0.2.1:2045"
    done = run("start", "-c", write(tmp_path, config))
    assert done.returncode == 1 and "192.0.2.1:2045" in done.stderr and "no interface of this machine" in done.stderr


def unwritable(tmp_path: Path) -> str:
    """A path below a file, which nobody can make, root included."""
    (tmp_path / "file").write_text("")
    return str(tmp_path / "file" / "some.log")


def test_a_log_that_cannot_be_opened_is_named(tmp_path):
    path = unwritable(tmp_path)
    config = small()
    config["servers"][0]["listeners"][0]["access_logs"] = [{"log_path": path}]
    done = run("start", "-c", write(tmp_path, config))
    assert done.returncode == 1 and "access log of listener" in done.stderr and path in done.stderr
    config = small()
    config["servers"][0]["default_log_path"] = path
    done = run("start", "-c", write(tmp_path, config))
    assert done.returncode == 1 and path in done.stderr and "can be written to" in done.stderr


def test_a_pid_file_that_cannot_be_written_is_named(tmp_path):
    path = unwritable(tmp_path)
    config = small() | {"pid": path}
    done = run("start", "-c", write(tmp_path, config))
    assert done.returncode == 1 and f"cannot write the pid file {path}" in done.stderr


def test_a_start_that_failed_leaves_nothing_behind(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = small(admin=taken.getsockname()[1]) | {"pid": str(tmp_path / "mosn.pid")}
        assert run("start", "-c", write(tmp_path, config)).returncode == 1
    assert not (tmp_path / "mosn.pid").exists()


# The shipped examples with a name that leads nowhere; test_examples.py has those with a misspelt key.


EXAMPLES = sorted(file for file in (ROOT / "examples").glob("mosn/*/*.json") if not file.name.startswith("package")) + sorted((ROOT / "examples").glob("mosn/*/*.yaml"))


def test_there_are_examples():
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_wrong_cluster_in_an_example_is_explained(tmp_path, example):
    broken, times = re.subn(r"(cluster(?:_name)?\"?: \"?)(\w+)", r"\1\2x", example.read_text(), count=1)
    assert times == 1
    report = validate(write(tmp_path, broken, example.name))
    assert "there is no cluster named" in report.text and "did you mean" in report.text


def test_colours_only_for_a_terminal(tmp_path):
    file = write(tmp_path, small())
    assert "\x1b" not in run("validate", "-c", file, env={"TERM": "xterm-256color"}).stdout


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc")
def test_a_file_may_come_through_a_pipe(tmp_path):
    done = run("validate", "-c", "/dev/stdin", stdin=json.dumps(small()))
    assert done.returncode == 0 and "ok" in done.stdout
