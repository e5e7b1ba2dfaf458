"""Files appear under their own name complete or not at all."""

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from fleetcast.archive import (
    Archive,
    BundleWriter,
    NewFile,
    NewFiles,
    pack,
    remove_unfinished,
    set_aside,
    write_archive,
    write_atomically,
)
from fleetcast.errors import FilesystemError


def test_nothing_is_left_under_a_temporary_name(tmp_path: Path) -> None:
    write_archive(tmp_path, "7", pack(Archive("{}", {})))
    write_archive(tmp_path, "7", pack(Archive("{}", {})))

    assert [path.name for path in tmp_path.iterdir()] == ["7.tar.gz"]


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    (path / "inside").mkdir(parents=True)

    with pytest.raises(FilesystemError, match="taken could not be written"):
        write_atomically(path, b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_temporary_files_of_a_killed_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f".sagemaker-ignore.{socket.gethostname()}.123.456").write_bytes(b"half")
    (tmp_path / "8.tar.gz").write_bytes(b"whole")

    assert remove_unfinished(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["8.tar.gz"]


def test_temporary_files_of_another_host_stay_unless_they_are_old(tmp_path: Path) -> None:
    (tmp_path / ".sagemaker-ignore.other-host.1.2").write_bytes(b"half")
    old = tmp_path / ".sagemaker-ignore.other-host.1.3"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert remove_unfinished(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".sagemaker-ignore.other-host.1.2"]


def test_a_file_that_is_not_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("old")

    with NewFile(path) as new:
        new.temporary.write_text("new")

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("table", "old")]


def test_a_bundle_that_is_not_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "fleet.sqlite"
    path.write_text("old")

    with BundleWriter(path) as bundle:
        bundle.add("7", b"packed")

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("fleet.sqlite", "old")]


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    reason = f"table could not be written to {tmp_path}: No space left on device"

    with pytest.raises(FilesystemError, match=reason), NewFile(tmp_path / "table"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_many_files_get_their_names_together_after_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, is_synced = os.replace, []

    def rename(source: Path, target: Path) -> None:
        assert is_synced
        replace(source, target)

    monkeypatch.setattr("fleetcast.archive.atomic_files.sync_filesystem", is_synced.append)
    monkeypatch.setattr(os, "replace", rename)

    with NewFiles(tmp_path) as files:
        for name in "78":
            files.add(tmp_path / name / "data.csv").write_text(name)
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
        files.finish()

    assert {path.name: (path / "data.csv").read_text() for path in tmp_path.iterdir()} == {"7": "7", "8": "8"}


def test_files_without_a_name_are_removed_where_writing_stops(tmp_path: Path) -> None:
    with suppress(KeyboardInterrupt), NewFiles(tmp_path) as files:
        files.add(tmp_path / "7" / "data.csv").write_text("half")
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_set_aside_replaces_an_older_one_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for content in ("first", "second"):
        path.write_text(content)

        assert set_aside(path) == tmp_path / "journal.old.jsonl"

    assert [each.name for each in tmp_path.iterdir()] == ["journal.old.jsonl"]
    assert (tmp_path / "journal.old.jsonl").read_text() == "second"


def test_a_missing_file_cannot_be_set_aside(tmp_path: Path) -> None:
    with pytest.raises(FilesystemError, match=r"journal.old.jsonl could not be written"):
        set_aside(tmp_path / "journal.jsonl")
