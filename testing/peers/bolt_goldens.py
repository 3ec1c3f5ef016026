#!/usr/bin/env python3
"""Writes crates/codec/goldens/bolt and boltv2 anew: frames that SOFA Bolt's own peers have put on the wire.

    .cache/venv/bin/python testing/peers/bolt_goldens.py

`./test` must have installed the peers. A client makes the calls of a case through a relay; the first request that is of the
case and its response become files. What each of them is stands in the README.md of the folder.
"""

import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testing/e2e"))

from kit.bolt import Frame, Server, frames, java_client, node_client, run, sofa_client  # noqa: E402
from kit.capture import Relay  # noqa: E402

FOLDERS = {1: ROOT / "crates/codec/goldens/bolt", 2: ROOT / "crates/codec/goldens/boltv2"}
CLIENTS = {"java": java_client, "node": node_client, "sofa": sofa_client}
JAVA = ("sync", "headers", "oneway", "throw", "no-processor", "busy", "garbled", "unserializable", "heartbeat")
NODE = ("id", "props", "fail", "no-service", "heartbeat")
#: The cases by peer and wire. SOFARPC speaks version 1, and so does the client that makes Node's one-way calls.
CASES = {
    "java": {"v1": JAVA, "v2": JAVA, "v2-crc": JAVA},
    "node": {"v1": (*NODE, "oneway"), "v2": NODE, "v2-crc": NODE},
    "sofa": {"v1": ("id", "props", "object", "fail", "no-service", "generic", "oneway")},
}


def write(name: str, wire: str, frame: Frame) -> None:
    """Writes a file, unless another wire has one of the same name whose frame is built in the same way."""
    if frame.crc is not None:
        # What the README says of the CRC: its four bytes are the last ones, over everything before them.
        assert frame.crc == zlib.crc32(frame.raw[:-4]), f"another CRC in {name}"
    elif wire == "v2-crc":
        print(f"{name} has no CRC though its client has switched it on")
        return
    file = FOLDERS[frame.protocol] / f"{name}{'-crc' if frame.crc is not None else ''}.bin"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(frame.raw)
    print(f"{file.relative_to(ROOT)}: {len(frame.raw)} bytes, kind {frame.kind}, command {frame.command}, {frame.timeout_or_status}")


def capture(server: Server, peer: str, wire: str, case: str, **options: object) -> None:
    """The first request that is of the case, and its response."""
    command, kind = (0 if case == "heartbeat" else 1), (2 if case == "oneway" else 1)
    with Relay(server.port) as relay:
        options |= {} if peer == "sofa" else {"wire": wire}
        told = run(CLIENTS[peer](relay.address, case, **options))
        assert told[case]["ok"], told
    name = f"{peer}-{case}" + "".join(f"-{option}{value}" for option, value in options.items() if option != "wire")
    for said in relay.conversations:
        for request in (frame for frame in frames(bytes(said.asked)) if (frame.command, frame.kind) == (command, kind)):
            write(f"{name}-request", wire, request)
            for response in (frame for frame in frames(bytes(said.answered)) if frame.id == request.id):
                write(f"{name}-response", wire, response)
            return
    raise AssertionError(f"no {case} of {peer} on {wire}")


def main() -> None:
    for old in (file for folder in FOLDERS.values() for file in folder.glob("*.bin")):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for peer, wires in CASES.items():
            server = Server(peer, Path(folder), "blue")
            # A stack trace of Node would have the paths of this machine.
            server.env |= {"NODE_OPTIONS": "--stack-trace-limit=0"}
            server.start().ready()
            try:
                for wire, cases in wires.items():
                    for case in cases:
                        capture(server, peer, wire, case)
                if peer == "java":
                    capture(server, peer, "v2", "sync", version=1)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
