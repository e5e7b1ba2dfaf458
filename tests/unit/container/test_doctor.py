"""The table of `doctor`, and its check of the numbers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from fleetcast.forecasting import prophet_reference as golden

ROOT = Path(__file__).parents[3]
Doctor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return a copy of what `doctor` consists of."""
    for package in ("container", "fleetcast"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / "code" / package, ignore=ignored)
    return tmp_path / "code"


@pytest.fixture
def doctor(tmp_path: Path, code: Path) -> Doctor:
    """Run the program in an empty folder that cannot be written to."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o555)

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        env = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "SAGEMAKER_BASE_DIR"), str(empty))
        env |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
        program = [sys.executable, "-m", "fleetcast", "doctor"]
        return subprocess.run(
            program, cwd=empty, env=env | variables, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def table(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    rows = [line.strip().partition("  ") for line in done.stdout.splitlines()]
    return {name: value.strip() for name, _, value in rows}


def test_doctor_prints_machine_settings_and_versions(doctor: Doctor) -> None:
    done = doctor()

    told = table(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told.keys() >= {"system", "cpu", "cores", "memory limit", "profile", "threads", "python", "java"}
    assert told["numpy"] == version("numpy")
    assert told["OMP_NUM_THREADS"] == "1"
    assert done.stderr == ""


def test_doctor_writes_nothing(doctor: Doctor, tmp_path: Path) -> None:
    def tree() -> dict[str, str]:
        paths = sorted(tmp_path.rglob("*"))
        return {str(each): sha256(each.read_bytes()).hexdigest() for each in paths if each.is_file()} | {
            str(each): "" for each in paths if each.is_dir()
        }

    before = tree()

    assert doctor().returncode == 0
    assert tree() == before


def test_doctor_lists_the_variables_that_the_user_has_set(doctor: Doctor) -> None:
    told = table(doctor(OMP_NUM_THREADS="3"))

    assert told["OMP_NUM_THREADS"] == "3 (set by you)"
    assert told["threads"] == "3 in each process of the pool, 3 in code that an archive brings"


def test_doctor_finds_the_numeric_core_right_on_this_machine(doctor: Doctor) -> None:
    findings = [line for line in doctor().stdout.splitlines() if line.startswith("numeric core")]

    assert len(findings) == len(golden.OBJECTIVES) + 1
    assert all(" ok: " in line for line in findings)


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        (golden.OBJECTIVES["linear"], golden.OBJECTIVES["linear"] * (1 + 2e-9), "objective, linear"),
        (golden.OBJECTIVES["logistic"], float("nan"), "objective, logistic"),
        (golden.YHAT[5], golden.YHAT[5] * (1 + 1e-11), "forecast from equal parameters"),
    ],
)
def test_doctor_exits_with_1_where_a_number_differs_from_prophets(
    doctor: Doctor, code: Path, right: float, wrong: float, what: str
) -> None:
    golden = code / "fleetcast" / "forecasting" / "prophet_reference.py"
    text = golden.read_text()
    assert text.count(repr(right)) == 1
    golden.write_text(text.replace(repr(right), f"float({str(wrong)!r})"))

    done = doctor()

    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "failed" in line] == [
        line for line in done.stdout.splitlines() if f"failed: {what} differs by" in line
    ]
    assert f"failed: {what} differs by" in done.stdout


def test_doctor_exits_with_1_where_the_core_cannot_run(doctor: Doctor, code: Path) -> None:
    (code / "fleetcast" / "forecasting" / "prophet_reference.py").unlink()

    done = doctor()

    assert done.returncode == 1
    assert "failed: ImportError: cannot import name 'prophet_reference'" in done.stdout


def test_the_help_of_doctor_says_that_it_writes_no_file(code: Path) -> None:
    program = [sys.executable, "-m", "fleetcast", "doctor", "--help"]

    done = subprocess.run(program, cwd=code, capture_output=True, text=True, timeout=60, check=True)

    assert "Writes no file." in done.stdout
