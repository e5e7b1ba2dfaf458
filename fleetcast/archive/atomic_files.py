"""Files that appear under their own name complete or not at all; nothing else in this project renames files.

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
"""How temporary names begin: SageMaker uploads no checkpoint whose name contains this."""
SECONDS_OF_A_DAY: Final = 86_400
_TEMPORARY: Final = re.compile(rf"{re.escape(UNFINISHED)}\.(?!lock\.)((?P<host>.+)\.)?\d+\.\d+")
"""Matches what `_temporary_name` returns: host, process, number of the file in this process."""
_NUMBERS: Final = itertools.count()


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` and its name to the disk; raise `FilesystemError`.

    On failure the file that was there before is untouched.
    """
    replace_atomically(path, content)
    sync_folder(path.parent)


def replace_atomically(path: Path, content: bytes) -> None:
    """Do the same but for `sync_folder`, which is left to a caller who writes many files to one folder."""
    with NewFile(path) as new:
        with new.temporary.open("wb") as file:
            file.write(content)
        new.finish()


class NewFile:
    """A file that is written to `temporary` and gets the name `path` from `finish`.

    Leaving the `with` block without `finish` removes it; the old file then stays. An `OSError` in the block
    becomes a `FilesystemError` that names `path`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(_temporary_name())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.discard()
        if isinstance(error, OSError) and not isinstance(error, FilesystemError):
            raise not_written(self.path, error) from error

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)

    def finish(self) -> None:
        """Bring the closed file to the disk and name it; `sync_folder` is left to the caller."""
        try:
            _sync(self.temporary, os.O_RDONLY)
            self.temporary.replace(self.path)
        except OSError as error:
            raise not_written(self.path, error) from error


class NewFiles:
    """Many files that are synced to the disk together, which takes far less time than one by one.

    Write each to the path that `add` returns, then call `finish`. On leaving the `with` block, temporary
    files that have no name yet are removed.
    """

    def __init__(self, folder: Path) -> None:
        """Write the temporary files to `folder`, on whose file system all of the files must be."""
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
        """Return the temporary path of a file that will be called `path`."""
        unfinished = self._folder / _temporary_name()
        self._paths[unfinished] = path
        return unfinished

    def finish(self) -> None:
        """Bring all files to the disk, then name each, making its folder; raise `FilesystemError`.

        The names themselves are on the disk after `sync_filesystem`.
        """
        sync_filesystem(self._folder)
        for unfinished, path in self._paths.items():
            try:
                path.parent.mkdir(exist_ok=True)
                unfinished.replace(path)
            except OSError as error:
                raise not_written(path, error) from error
        self._paths.clear()


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk; raise `FilesystemError` where that fails."""
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise FilesystemError(f"{folder} could not be synced to the disk: {error.strerror}") from error


def sync_filesystem(folder: Path) -> None:
    """Bring all that was written to the file system of `folder` to the disk; raise `FilesystemError`."""
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
    """Remove the temporary files that a killed run left in `folder`; return how many they were.

    Call it only while a lock keeps other runs of this host out of the folder. Another host may write to it
    at the same time: its files are removed only if they are older than a day.
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


def not_written(path: Path, error: Exception) -> FilesystemError:
    """Return the error that `path` could not be written, with the reason that `error` has."""
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
