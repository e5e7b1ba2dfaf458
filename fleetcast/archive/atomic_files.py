"""Writes files that get their name only when they are complete; nothing else in this project renames files.

A file is written under a temporary name on the same file system, synced to the disk, and then renamed, so
that a crash or a power failure at any moment leaves the old file or the new one. The temporary name holds the
host and the process, so that two hosts can share a folder; a run that was killed leaves such files behind,
and the next one calls `remove_unfinished`.
"""

import ctypes
import itertools
import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from fleetcast.errors import FilesystemError

UNFINISHED: Final = ".sagemaker-ignore"
"""Prefix of temporary names; SageMaker does not upload checkpoints whose name contains it."""
SECONDS_OF_A_DAY: Final = 86_400
_TEMPORARY: Final = re.compile(rf"{re.escape(UNFINISHED)}\.(?!lock\.)((?P<host>.+)\.)?\d+\.\d+")
"""Matches the names that `_temporary_name` makes of host, process and a number; a lock has no host."""
_NUMBERS: Final = itertools.count()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`; when this returns, file and name are on the disk.

    Raises FilesystemError; the old file is then untouched.
    """
    replace_atomically(path, content)
    sync_folder(path.parent)


def replace_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`; its name is on the disk once `sync_folder` returns.

    For callers who write many files to one folder.  Raises FilesystemError; the old file is then untouched.
    """
    with NewFile(path) as new:
        with new.temporary.open("wb") as file:
            file.write(content)
        new.finish()


class NewFile:
    """A context in which a file is written to `temporary`; `finish` gives it the name `path`.

    Leaving the context without `finish` removes the temporary file, and the old file stays.  An OSError in
    the context becomes a FilesystemError that names `path`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(_temporary_name())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.discard()
        if isinstance(error, OSError) and not isinstance(error, FilesystemError):
            raise write_error(self.path, error) from error

    def discard(self) -> None:
        """Remove the temporary file if it exists."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)

    def finish(self) -> None:
        """Sync the closed file to the disk and rename it to `path`; the caller calls `sync_folder`.

        Raises FilesystemError.
        """
        try:
            _sync(self.temporary, os.O_RDONLY)
            self.temporary.replace(self.path)
        except OSError as error:
            raise write_error(self.path, error) from error


class NewFiles:
    """A context in which many files are written and then synced together, much faster than one by one.

    Write each file to the path that `add` returns, then call `finish`.  Leaving the context removes the
    files that have not got their name.
    """

    def __init__(self, folder: Path) -> None:
        """Use `folder` for temporary files; it must be on the same file system as the final paths."""
        self._folder = folder
        self._paths: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            for unfinished in self._paths:
                unfinished.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, path: Path) -> Path:
        """Return the temporary path to write to; `finish` renames it to `path`."""
        unfinished = self._folder / _temporary_name()
        self._paths[unfinished] = path
        return unfinished

    def finish(self) -> None:
        """Sync all files to the disk, then rename each to its path and create the path's folder.

        The names are on the disk once `sync_filesystem` returns.  Raises FilesystemError.
        """
        if not self._paths:
            return
        sync_filesystem(self._folder)
        for unfinished, path in self._paths.items():
            try:
                path.parent.mkdir(exist_ok=True)
                unfinished.replace(path)
            except OSError as error:
                raise write_error(path, error) from error
        self._paths.clear()


def set_aside(path: Path) -> Path:
    """Rename the file at `path` so that another can be written there; return its new path.

    `name.ext` becomes `name.old.ext`, and an older file of that name is replaced.  Raises FilesystemError.
    """
    other = path.with_name(f"{path.stem}.old{path.suffix}")
    try:
        path.replace(other)
    except OSError as error:
        raise write_error(other, error) from error
    sync_folder(path.parent)
    return other


def sync_folder(folder: Path) -> None:
    """Sync the names in `folder` to the disk; raises FilesystemError."""
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FilesystemError(f"{folder} could not be synced to the disk: {error.strerror}") from error


def sync_filesystem(folder: Path) -> None:
    """Sync every file and name on the file system of `folder` to the disk; raises FilesystemError."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:  # not Linux
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if syncfs(descriptor):
            reason = os.strerror(ctypes.get_errno())
            raise FilesystemError(f"{folder} could not be synced to the disk: {reason}")
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path) -> int:
    """Remove the temporary files that a killed run left in `folder`; return their number.

    Call it only while a lock keeps other runs of this host out of the folder.  Another host may be writing
    to the folder, so its files are removed only if they are older than a day.
    """
    removed = 0
    for path in folder.iterdir():
        temporary = _TEMPORARY.fullmatch(path.name)
        if temporary and (temporary["host"] == socket.gethostname() or _is_old(path)):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _temporary_name() -> str:
    return f"{UNFINISHED}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"


def write_error(path: Path, error: Exception) -> FilesystemError:
    """Return a FilesystemError that names `path` and the reason of `error`."""
    reason = getattr(error, "strerror", None) or error
    return FilesystemError(f"{path.name} could not be written to {path.parent}: {reason}")


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > SECONDS_OF_A_DAY
    except FileNotFoundError:
        return True
