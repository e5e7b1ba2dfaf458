"""Every error that a person can act on has one root and a name of its own."""

import ast
from pathlib import Path

import pytest

from container import run
from fleetcast import errors
from fleetcast.errors import FleetcastError
from serving.errors import RequestError

ROOT = Path(__file__).parents[3]
PROGRAMS = ("container", "pipeline", "processing", "serving", "train")
INTERNAL = {
    "NoSolutionError",
    "ProtocolError",
    "StoppedError",
    "TreesStoppedError",
    "_Incomplete",
    "TooFewError",
}
"""Raised and caught within one room: a solver that gives way to another, a job that is to end."""


def classes() -> list[tuple[str, set[str]]]:
    """Return (name, names of its bases) of each error class of the library and the programs."""
    nodes = [
        (node.name, {base.id for base in node.bases if isinstance(base, ast.Name)})
        for package in ("fleetcast", *PROGRAMS)
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    return [(name, bases) for name, bases in nodes if any(b.endswith(("Error", "Exception")) for b in bases)]


def test_no_two_errors_have_one_name() -> None:
    names = [name for name, _ in classes()]

    assert sorted(names) == sorted(set(names))


def test_every_error_descends_from_the_root() -> None:
    known = {"FleetcastError"}
    for _ in range(5):
        known |= {name for name, bases in classes() if bases & known}

    assert {name for name, _ in classes()} - known == INTERNAL


@pytest.mark.parametrize(
    "error", [error for error in vars(errors).values() if isinstance(error, type)] + [RequestError]
)
def test_each_ends_a_program_with_one_line_and_code_1(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def program(_: object) -> int:
        raise error("the reason, and what is accepted")

    caplog.set_level("INFO")  # run() sets it; this restores the level after the test
    reasons: list[str] = []
    code = run(program, failed=lambda _, reason: reasons.append(reason))

    assert code == 1
    assert issubclass(error, FleetcastError)
    assert reasons == ["the reason, and what is accepted"]
    assert [record.exc_info for record in caplog.records] == [None]
