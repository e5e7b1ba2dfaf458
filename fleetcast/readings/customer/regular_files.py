"""Reads regular files only, up to a limit of bytes; links, pipes and devices are refused."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from fleetcast.errors import UnusableFileError

_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
_FILE: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""O_NONBLOCK, because opening a pipe without a writer would block."""


def read_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the bytes of a regular file; neither the file nor its folder may be a link.

    The file is opened once and checked through its descriptor, so replacing the name meanwhile has no effect.
    Raises UnusableFileError.
    """
    with _opened(path) as (file, size):
        if size > most_bytes:
            raise UnusableFileError(f"{path.name} has more than {most_bytes} bytes, the most that is read")
        content = file.read(size + 1)
    if len(content) != size:
        raise UnusableFileError(f"{path.name} changed while it was read; start again once it is complete")
    return content


def read_head(path: Path, size: int) -> bytes:
    """Return at most `size` bytes from the start of a regular file; raises UnusableFileError."""
    with _opened(path) as (file, _):
        return file.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    try:
        folder = os.open(path.parent, _FOLDER)
        try:
            descriptor = os.open(path.name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnusableFileError(f"{path.name} is not a regular file")
            yield file, status.st_size
    except OSError as error:
        raise UnusableFileError(_reason(path, error)) from error


def link_problem(name: str) -> str:
    """Return the sentence that refuses a link called `name`."""
    return f"{name} is a link, and links are not followed: put the file or folder itself there"


def _reason(path: Path, error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return link_problem(path.name if path.is_symlink() else path.parent.name)
    return f"{path.name} cannot be read: {error.strerror}"
