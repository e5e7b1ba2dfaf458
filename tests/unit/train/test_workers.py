"""Worker processes: which packages they import, and what is said of those that die."""

import os
import subprocess
from pathlib import Path

import pytest

from testbed.server import installed
from tests.unit.jobs import history, ledger, tree


def trained(cwd: Path, base: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        installed("train"),
        cwd=cwd,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_workers_import_our_packages_whatever_the_working_directory_holds(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history()})
    for package in ("train", "fleetcast", "container"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()

    job = trained(tmp_path, paths.base)

    assert job.returncode == 0, job.stderr
    assert ledger(paths)["7"]["status"] == "ok"


def test_workers_import_our_packages_whatever_pythonpath_holds(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history()})
    for package in ("train", "container"):
        (tmp_path / "other" / package).mkdir(parents=True)
        (tmp_path / "other" / package / "__init__.py").touch()

    job = trained(tmp_path, paths.base, PYTHONPATH=str(tmp_path / "other"))

    assert job.returncode == 0, job.stderr
    assert ledger(paths)["7"]["status"] == "ok"


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONSAFEPATH"])
def test_a_job_leaves_the_environment_as_it_was(tmp_path: Path, name: str) -> None:
    from train.program import train  # noqa: PLC0415
    from train.settings import TrainSettings  # noqa: PLC0415

    paths = tree(tmp_path, {"7/data.csv": history()})
    before = os.environ.get(name)

    train(paths, TrainSettings.from_files(paths))

    assert os.environ.get(name) == before


def test_a_worker_that_cannot_start_ends_the_job_and_is_not_called_a_lack_of_memory(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history(), "8/data.csv": history()})
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import resource\nlimit = resource.setrlimit\n"
        "def refuse(kind, value):\n"
        "    if kind == resource.RLIMIT_AS:\n        raise ValueError('a planted defect')\n"
        "    limit(kind, value)\nresource.setrlimit = refuse\n"
    )

    job = trained(tmp_path, paths.base, PYTHONPATH=str(hook))

    assert job.returncode == 1
    reason = paths.failure.read_text()
    assert "a worker process ended with exit code 1 before it could take a customer" in reason
    assert "memory" not in reason
    assert "a planted defect" in job.stderr
