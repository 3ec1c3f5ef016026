"""Each example: its page is run as it is written, its configurations load, and one that breaks says why."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from kit import java, node
from kit.mecha import ROOT, run
from kit.page import copy_examples, run_page

EXAMPLES = ROOT / "examples"
PAGES = sorted(str(page.relative_to(ROOT)) for page in EXAMPLES.glob("*/*/README.md"))
CONFIGURATIONS = sorted(str(file.relative_to(ROOT)) for file in EXAMPLES.glob("mosn/*/*") if file.suffix in (".json", ".yaml") and file.name != "package.json")
#: Seconds for a page; two applications with an SDK start in each of some.
LIMIT = 55
TWINS = [file for file in CONFIGURATIONS if file.endswith(".yaml")]


def test_every_folder_of_an_example_has_a_page():
    folders = {Path(file).parent for file in CONFIGURATIONS}
    assert {folder.name for folder in folders} >= {"http", "http2", "auto", "tcp", "dubbo", "bolt"}
    assert {Path(page).parent for page in PAGES if page.startswith("examples/mosn/")} == folders
    assert {Path(page).parent.name for page in PAGES if page.startswith("examples/dapr/")} == {"curl", "python", "node"}
    overview = (EXAMPLES / "README.md").read_text()
    assert all(str(Path(page).relative_to("examples")) in overview for page in PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page, tmp_path, need):
    text = (ROOT / page).read_text()
    for program in ("nghttpd", "h2load", "nc", "curl", "redis-server"):
        if program in text:
            need(program)
    if "npm install" in text:
        need("node")
        node.environment()
    if "peers/dubbo-java" in text:
        java.command("dubbo-java")
    copy_examples(tmp_path)
    for step in run_page(tmp_path / page, tmp_path, LIMIT):
        assert "command not found" not in step.output, step.output
        missing = step.missing()
        assert missing is None, f"not printed: {missing}\nby:\n{step.commands}\nwhich printed:\n{step.output}"


@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_a_configuration_has_no_fault_and_no_warning(file):
    done = run("validate", "--strict", "-c", ROOT / file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TWINS)
def test_json_and_yaml_say_the_same(file):
    twin = (ROOT / file).with_suffix(".json")
    assert yaml.safe_load((ROOT / file).read_text()) == json.loads(twin.read_text())


@pytest.mark.parametrize("file", CONFIGURATIONS)
@pytest.mark.parametrize(("right", "wrong"), [("bind_port", "bind_prot"), ("cluster_manager", "cluster_manger"), ("filter_chains", "filter_chain")])
def test_a_typo_in_any_of_them_is_found_with_its_line(file, right, wrong, tmp_path):
    text = (ROOT / file).read_text()
    mistaken = tmp_path / Path(file).name
    mistaken.write_text(text.replace(right, wrong))
    line = next(number for number, row in enumerate(mistaken.read_text().splitlines(), 1) if wrong in row)
    done = run("validate", "--strict", "-c", mistaken)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    about = [row for row in said.splitlines() if f"{mistaken}:{line}:" in row and wrong in row]
    assert about and f'did you mean "{right}"?' in about[0], said


def test_examples_are_copied_with_ports_that_are_free(tmp_path):
    """What keeps the pages' runs apart: no port of the originals may be left in a copy."""
    ports = copy_examples(tmp_path)
    for file in CONFIGURATIONS:
        assert not any(f":{port}" in (tmp_path / file).read_text() for port in ports)
    shutil.rmtree(tmp_path / "examples")
