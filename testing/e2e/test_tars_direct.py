"""TARS' peers against each other, without Mecha between them."""

from pathlib import Path

from kit import tars


def test_every_case(tmp_path: Path) -> None:
    server = tars.Server(tmp_path).start().ready()
    try:
        tars.passes(server.port, *tars.CASES)
    finally:
        server.stop()
