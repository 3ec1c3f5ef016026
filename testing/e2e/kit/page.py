"""A page of commands, run as a reader would paste it: every `sh` block in order in one shell, each followed by what it
must print if a `text` block stands below it.

In a `text` block `...` stands for anything; its lines must appear in the output in this order, others may stand between.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .java import BUILT as PEERS
from .mecha import BINARY, ROOT
from .node import INSTALLED as NODE_MODULES
from .ports import free_port

#: Ports that the examples use; a test gives each a free one, in the pages and in the configurations alike.
EXAMPLE_PORTS = ("2045", "2046", "8080", "12200", "20880", "34901", "34902", "3500", "3501", "50001", "50003", "50004", "50005", "50006", "6001", "6002", "6379", "9090")
PORTS = re.compile(rf"\b({'|'.join(EXAMPLE_PORTS)})\b")
#: What a page builds or installs for its reader is there when the tests run.
INSTALLS = ("cargo build", "pip install", "npm install", "mvn")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)


@dataclass
class Step:
    """Commands, and the lines that they must print."""

    commands: str
    expected: list[str]
    output: str = ""

    def missing(self) -> str | None:
        """The first expected line that the output lacks."""
        lines = iter(self.output.splitlines())
        for wanted in self.expected:
            pattern = ".*".join(map(re.escape, wanted.split("...")))
            if wanted != "..." and not any(re.fullmatch(pattern, line.rstrip()) for line in lines):
                return wanted
        return None


def steps(page: str) -> list[Step]:
    """The blocks of a page."""
    found: list[Step] = []
    for kind, text in BLOCK.findall(page):
        if kind == "sh":
            found.append(Step(text, []))
        else:
            assert found and not found[-1].expected, f"no command prints this:\n{text}"
            found[-1].expected = text.splitlines()
    return found


def copy_examples(to: Path) -> dict[str, int]:
    """A copy of the examples with free ports. Returns which port became which."""
    chosen = {port: free_port() for port in EXAMPLE_PORTS}
    shutil.copytree(ROOT / "examples", to / "examples", ignore=shutil.ignore_patterns("node_modules", ".dapr", "__pycache__"))
    for file in to.glob("examples/**/*"):
        if file.is_file():
            file.write_text(PORTS.sub(lambda found: str(chosen[found[1]]), file.read_text()))
    for folder in ("examples/dapr/node", "examples/mosn/bolt"):
        (to / folder / "node_modules").symlink_to(NODE_MODULES)
    (to / ".cache").mkdir()
    (to / ".cache/peers").symlink_to(PEERS)
    return chosen


def run_page(page: Path, root: Path, seconds: float = 50) -> list[Step]:
    """Runs a page of a copy of the repository in `root`; `mecha` is the binary under test, and `python3` that of the tests; what
    installs something is left out.
    """
    blocks = [step for step in steps(page.read_text()) if not any(tool in step.commands for tool in INSTALLS)]
    tools = root / "bin"
    tools.mkdir()
    (tools / "mecha").symlink_to(BINARY)
    # As in a terminal, each job has a process group of its own.
    script = ["set -m"]
    for number, step in enumerate(blocks):
        script.append(f"{{\n{step.commands}}} >{root}/{number}.out 2>&1 </dev/null")
    environment = os.environ | {"PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=root, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    in_time = True
    try:
        shell.wait(seconds)
    except subprocess.TimeoutExpired:
        in_time = False
    finally:
        end_session(shell.pid)
        shell.wait()
    for number, step in enumerate(blocks):
        output = root / f"{number}.out"
        step.output = output.read_text(errors="replace") if output.exists() else ""
    assert in_time, f"not done within {seconds} s; printed so far:\n" + "".join(f"{step.commands}->\n{step.output}\n" for step in blocks if step.output)
    return blocks


def end_session(session: int) -> None:
    """Ends every process of a session that is still there."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in parentheses: state, parent, group, session.
            if int(entry.read_text().rpartition(")")[2].split()[3]) == session:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
