"""The tutorial "Use your own CSV", command by command, in a folder whose path has a space."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.server import serving_plain
from tests.unit.test_documentation import DOCS, commands

PAGE = DOCS / "tutorial" / "your-own-csv.md"
RESPONSE = DOCS / "tutorial" / "your-own-csv-response.json"
COMMANDS = commands(PAGE)
SERVE = next(at for at, command in enumerate(COMMANDS) if command.endswith("fleetcast serve"))


def run(command: str, folder: Path) -> str:
    """Run a command of the page in a shell and return its output."""
    return subprocess.run(
        ["bash", "-ec", command], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("my fleet")
    (folder / ".venv").symlink_to(sys.prefix)
    for command in COMMANDS[:SERVE]:
        if not command.startswith("make"):
            run(command, folder)
    return folder


def test_the_commands_up_to_the_server_leave_an_archive_for_each_meter(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "meters" / "checkpoints").iterdir()) == [
        "north.tar.gz",
        "south.tar.gz",
    ]


def test_the_server_answers_the_commands_of_the_page_as_it_shows(folder: Path) -> None:
    requests = [command for command in COMMANDS[SERVE:] if command.startswith("curl")]

    with serving_plain(folder / "meters") as server:
        host, port = server.address
        forecast, table = (run(text.replace("localhost:8090", f"{host}:{port}"), folder) for text in requests)

    shown, received = json.loads(RESPONSE.read_text()), json.loads(forecast)
    assert received["target_model"] == shown["target_model"]
    for row, expected in zip(received["predictions"], shown["predictions"], strict=True):
        assert row.pop("ds") == expected.pop("ds")
        assert row == pytest.approx(expected, rel=1e-3)
    assert table.splitlines()[0].startswith("target_model,ds,")
    assert len(table.splitlines()) == 4
