"""Files that appear under their final name whole or not at all."""

import os
import re
import socket
import threading
import time
from pathlib import Path

UNFINISHED = ".sagemaker-ignore"
"""SageMaker's checkpoint uploader passes over every file whose name contains this."""
_TEMPORARY = re.compile(rf"{re.escape(UNFINISHED)}\.(?!lock\.)((?P<host>.+)\.)?\d+\.\d+")
"""`replace_atomically`'s names: host, process, thread."""
SECONDS_OF_A_DAY = 86_400


class FilesystemError(OSError):
    """A file could not be written; the text names the file and the reason."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a crash at any moment leaves the old file or the new one.

    Raises `FilesystemError`; the old file is then untouched.
    """
    replace_atomically(path, content)
    sync_folder(path.parent)


def replace_atomically(path: Path, content: bytes) -> None:
    """Do the same but for `sync_folder`, for callers who write many files to one folder.

    The bytes go to a temporary name in the same folder and to the disk; then the name is changed.
    """
    unfinished = path.with_name(f"{UNFINISHED}.{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise FilesystemError(
            f"{path.name} could not be written to {path.parent}: {error.strerror}"
        ) from error


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk; raise `FilesystemError` where that fails."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FilesystemError(f"{folder} could not be brought to the disk: {error.strerror}") from error


def remove_unfinished(folder: Path) -> int:
    """Remove the temporary files that an interrupted run left in `folder`; return how many that were.

    Another host may be at work on the same folder: of its files only those older than a day are removed.
    """
    removed = 0
    for path in folder.iterdir():
        found = _TEMPORARY.fullmatch(path.name)
        if found and (found["host"] == socket.gethostname() or _is_old(path)):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > SECONDS_OF_A_DAY
    except FileNotFoundError:
        return True
