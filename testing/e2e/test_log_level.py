"""The log level changes at run time through the admin API."""

import json

import pytest

from kit import config as c
from kit.client import get
from kit.mecha import run
from kit.ports import free_port
from kit.wait import eventually

LEVELS = ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"]


@pytest.fixture
def logging(mecha, tmp_path):
    """A process that answers by itself and logs to a file: process, port, the log."""

    def start(level: str = "INFO", *args: str, **more):
        port, log = free_port(), tmp_path / "mosn.log"
        process = mecha(
            None,
            *args,
            listeners=[c.http_listener(port)],
            routers=[c.router([c.direct(200, "ok")])],
            default_log_path=str(log),
            default_log_level=level,
            **more,
        )
        return process, port, log

    return start


def update(process, path, level) -> tuple[int, str]:
    """Asks for another level."""
    return process.admin("/api/v1/update_loglevel", "POST", json.dumps({"log_path": str(path), "log_level": level}))


def levels(process) -> dict[str, str]:
    """Path to level."""
    return json.loads(process.admin("/api/v1/get_loglevel")[1])


def test_debug_lines_appear_once_asked_for_and_stop_again(logging):
    process, _, log = logging()
    assert levels(process) == {str(log): "INFO"}
    process.admin("/api/v1/version")
    assert update(process, log, "DEBUG") == (200, "update logger success\n")
    assert levels(process) == {str(log): "DEBUG"}
    eventually(lambda: "has the level DEBUG now" in log.read_text(), "the change is logged")
    assert "GET /api/v1/version" not in log.read_text(), "nothing of before the change"
    process.admin("/api/v1/version")
    eventually(lambda: "GET /api/v1/version" in log.read_text(), "a debug line")
    assert update(process, log, "INFO")[0] == 200
    eventually(lambda: "has the level INFO now" in log.read_text(), "the change back is logged")
    process.admin("/api/v1/version")
    assert update(process, log, "DEBUG")[0] == 200
    eventually(lambda: log.read_text().count("has the level DEBUG now") == 2, "the last change is logged")
    assert log.read_text().count("GET /api/v1/version") == 1


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_can_be_set_in_any_case(logging, level):
    process, port, log = logging()
    assert update(process, log, level.lower())[0] == 200
    assert levels(process) == {str(log): level}
    assert get(port).text == "ok"


def test_a_level_of_the_configuration_is_the_one_at_the_start(logging):
    process, _, log = logging("ERROR")
    assert levels(process) == {str(log): "ERROR"}
    assert "[INFO]" not in log.read_text()


def test_the_flag_wins_over_the_configuration(logging):
    process, _, log = logging("ERROR", "-log-level", "debug")
    assert levels(process) == {str(log): "DEBUG"}
    process.admin("/api/v1/version")
    eventually(lambda: "[DEBUG]" in log.read_text(), "debug lines")


def test_mistakes_are_named(logging):
    process, _, log = logging()
    cases = [
        (json.dumps({"log_path": str(log), "log_level": "LOUD"}), "LOUD"),
        (json.dumps({"log_path": "/nowhere.log", "log_level": "DEBUG"}), str(log)),
        (json.dumps({"log_level": "DEBUG"}), "log_path"),
        ("not json", "no JSON"),
        ("", "no JSON"),
        (json.dumps({"log_path": 1, "log_level": 2}), "log_path"),
    ]
    for body, word in cases:
        status, answer = process.admin("/api/v1/update_loglevel", "POST", body)
        error = json.loads(answer)["error"]
        assert status == 400 and error.startswith("update logger failed: ") and word in error, (body, answer)
    assert levels(process) == {str(log): "INFO"}


@pytest.mark.parametrize("disable", ["disable_log", "disbale_log"])
def test_a_log_is_switched_off_and_on_in_both_spellings(logging, disable):
    process, _, log = logging("DEBUG")
    process.admin("/api/v1/states")
    eventually(lambda: "GET /api/v1/states" in log.read_text(), "the log writes")
    assert process.admin(f"/api/v1/{disable}", "POST", f"{log}\n") == (200, "disable logger success\n")
    process.admin("/api/v1/version")
    assert process.admin("/api/v1/enable_log", "POST", str(log)) == (200, "enable logger success\n")
    process.admin("/api/v1/features")
    eventually(lambda: "GET /api/v1/features" in log.read_text(), "the log writes again")
    assert "GET /api/v1/version" not in log.read_text()


def test_a_log_that_nobody_has_cannot_be_switched(logging):
    process, _, log = logging()
    for verb in ("enable", "disable"):
        status, answer = process.admin(f"/api/v1/{verb}_log", "POST", "/nowhere.log")
        error = json.loads(answer)["error"]
        assert status == 400 and error.startswith(f"{verb} logger failed: ")
        assert "/nowhere.log" in error and str(log) in error, "those that there are, are named"


def test_standard_output_is_a_log_like_others(mecha):
    process = mecha(listeners=[])
    assert levels(process) == {"stdout": "INFO"}
    assert update(process, "stdout", "DEBUG")[0] == 200
    process.admin("/api/v1/version")
    eventually(lambda: "GET /api/v1/version" in process.log(), "debug lines on standard output")


def test_a_level_that_does_not_exist_is_an_error_in_the_configuration(tmp_path):
    config = c.mosn(listeners=[], default_log_level="LOUD")
    file = tmp_path / "mosn.json"
    file.write_text(json.dumps(config))
    done = run("validate", "-c", file)
    assert "default_log_level" in done.stdout and "LOUD" in done.stdout
