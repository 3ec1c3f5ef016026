"""The pages of the repository: what they link to exists, and the commands that they name do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.mecha import ROOT, run

TRACKED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True).stdout.split() if shutil.which("git") else []
PAGES = sorted(TRACKED) or ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.M)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def anchors(page: Path) -> set[str]:
    """The names by which headings can be linked to."""
    text = FENCE.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", (ROOT / page).read_text())
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page} links to {link}, a heading that is not there"


def test_the_readme_names_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\bmecha ([a-z]+)\b", text)) | set(re.findall(r"cargo run --release -- ([a-z]+)", text))
    assert {"start", "validate", "quickstart"} <= named
    for command in named:
        assert run(command, "--help").returncode == 0, command
    for program in ("test", "bench/proxy"):
        assert (ROOT / program).stat().st_mode & 0o111, program


def test_the_readme_example_of_validate_works(tmp_path):
    (command,) = re.findall(r"^mecha (validate -c \S+)", (ROOT / "README.md").read_text(), re.M)
    *flags, file = command.split()
    shutil.copy(ROOT / "examples/mosn/http/mosn.json", tmp_path / file)
    assert run(*flags, file, cwd=tmp_path).returncode == 0


def test_the_calls_of_the_readme_work(dapr, need):
    need("curl")
    (calls,) = re.findall(r"^api=.*?(?=^```)", (ROOT / "README.md").read_text(), re.M | re.S)
    shop = dapr.sidecar("shop")
    calls = calls.replace("http://127.0.0.1:3500", f"http://127.0.0.1:{shop.http}").replace("curl -i", "curl -sSi")
    done = subprocess.run(["bash", "-c", calls], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    statuses = [int(status) for status in re.findall(r"HTTP/1.1 (\d+)", done.stdout)]
    assert statuses == [204, 200, 204, 500, 200], done.stdout
    assert '{"stock":3}' in done.stdout and "couldn't find service: billing" in done.stdout and '{"HOME":' in done.stdout
