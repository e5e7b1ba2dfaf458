"""Fault 3: the disk of a training job is full or fails."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from container import Paths
from fleetcast.archive import Archive as ArchiveOfOne
from fleetcast.archive import pack, write_atomically
from fleetcast.errors import FilesystemError
from tests.faults.training_job import (
    archives,
    complete,
    corrupt,
)
from train.job import run_job
from train.settings import TrainSettings

pytestmark = pytest.mark.faults


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, name: str, *, at: int, code: int) -> Iterator[list[int]]:
    """Let the `at`-th call of an `os` function fail, as the kernel would on a bad or full disk."""
    real: Callable[..., Any] = getattr(os, name)
    calls: list[int] = []

    def call(*arguments: Any, **keywords: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        yield calls


@pytest.mark.parametrize(
    ("name", "code"), [("fsync", errno.EIO), ("replace", errno.EIO), ("open", errno.ENOSPC)]
)
def test_3_a_disk_error_at_any_step_leaves_the_old_archive_and_names_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    path = tmp_path / "7.tar.gz"
    old, new = (pack(ArchiveOfOne(text, {})) for text in ('{"old": 1}', '{"new": 1}'))
    write_atomically(path, old)

    for at in range(1, 20):
        with failing(monkeypatch, name, at=at, code=code) as calls:
            message = ""
            try:
                write_atomically(path, new)
            except FilesystemError as error:
                message = str(error)
            assert message == "" or (str(tmp_path) in message and os.strerror(code) in message)
        assert path.read_bytes() in (old, new)
        assert [file.name for file in tmp_path.iterdir()] == ["7.tar.gz"]
        if len(calls) < at:
            return
    raise AssertionError("the fault was never passed")


def test_3_a_full_disk_ends_training_with_a_message_and_no_half_archive(paths: Paths) -> None:
    paths.checkpoints.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", paths.checkpoints],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a disk of limited size needs the right to mount")
    try:
        code = complete(paths)

        assert code == 1
        assert "could not be written to" in paths.failure.read_text()
        assert "No space left on device" in paths.failure.read_text()
        assert corrupt(paths) == []
        assert archives(paths)
    finally:
        subprocess.run(["umount", paths.checkpoints], check=True)


def test_a_real_disk_error_in_the_job_is_the_jobs_error_not_a_customers(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        failing(monkeypatch, "fsync", at=5, code=errno.EIO),
        pytest.raises(FilesystemError, match="Input/output"),
    ):
        run_job(paths, TrainSettings(workers=2))

    assert corrupt(paths) == []
