"""Two trainings on one tree: the second says so and harms nothing; a killed one locks nothing."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from container import Paths
from testbed.server import installed
from tests.unit.jobs import archives, history, ledger, run_train, tree
from train.lock import TreeInUseError, locked

CUSTOMERS = {f"{number}/data.csv": history(seed=number) for number in range(20)}


def lock_files(paths: Paths) -> list[str]:
    return [path.name for path in paths.checkpoints.iterdir() if "lock" in path.name]


def test_a_second_training_on_the_same_folders_ends_and_changes_nothing(tmp_path: Path) -> None:
    paths = tree(tmp_path, CUSTOMERS)
    assert run_train(paths)[0] == 0
    before = archives(paths)
    unfinished = paths.output_data / f".sagemaker-ignore.{socket.gethostname()}.12.3"
    unfinished.write_text("of the first")

    with locked(paths.checkpoints, "algo-1"):
        code, log = run_train(paths)

    assert code == 1
    assert "another training writes to" in log
    assert "Traceback" not in log
    assert archives(paths) == before
    assert unfinished.read_text() == "of the first"
    assert not paths.failure.exists()


def test_one_of_two_trainings_at_once_is_complete(tmp_path: Path) -> None:
    paths = tree(tmp_path, CUSTOMERS)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path)}

    both = [
        subprocess.Popen(installed("train"), env=environment, stderr=subprocess.DEVNULL) for _ in range(2)
    ]
    codes = [process.wait(120) for process in both]

    assert 0 in codes
    assert set(codes) <= {0, 1}
    assert len(archives(paths)) == len(ledger(paths)) == 20
    assert (paths.model / "fleet-algo-1.sqlite").is_file()
    assert lock_files(paths) == []


def test_a_killed_training_leaves_no_lock(tmp_path: Path) -> None:
    paths = tree(tmp_path, CUSTOMERS)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    with subprocess.Popen(
        installed("train"), env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not (paths.checkpoints.is_dir() and lock_files(paths)) and process.poll() is None:
            pass
        os.killpg(process.pid, signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    assert lock_files(paths) != []
    assert run_train(paths)[0] == 0
    assert lock_files(paths) == []


def test_two_hosts_of_one_job_may_share_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path, "algo-1"), locked(tmp_path, "algo-2"):
        assert len(list(tmp_path.iterdir())) == 2

    assert list(tmp_path.iterdir()) == []


def test_the_same_host_cannot_lock_a_folder_twice(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "algo-1"),
        pytest.raises(TreeInUseError, match="another training"),
        locked(tmp_path, "algo-1"),
    ):
        pass


def test_a_folder_that_cannot_be_locked_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)

    with locked(tmp_path, "algo-1"):
        pass

    assert "cannot be locked (No locks available)" in caplog.text
    assert list(tmp_path.iterdir()) == []
