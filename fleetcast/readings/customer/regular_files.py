"""Reading a file that somebody else put there: a regular file, no link to it, no more bytes than expected."""

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
"""O_NONBLOCK: a pipe without a writer must not be waited for."""


def read_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the bytes of a regular file; neither its name nor its folder's may be a link.

    The file is opened once and checked through its descriptor, so that a name exchanged meanwhile leads
    nowhere else.  Raises `UnusableFileError`.
    """
    with _opened(path) as (file, size):
        if size > most_bytes:
            raise UnusableFileError(f"{path.name} has more than {most_bytes} bytes, the most that is read")
        content = file.read(size + 1)
    if len(content) != size:
        raise UnusableFileError(f"{path.name} changed while it was read; start again once it is complete")
    return content


def read_head(path: Path, size: int) -> bytes:
    """Return the first bytes of a file that `read_file` would read; raise `UnusableFileError`."""
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
    """Return what is wrong with a link called `name`, and what to do about it."""
    return f"{name} is a link, and links are not followed: put the file or folder itself there"


def _reason(path: Path, error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return link_problem(path.name if path.is_symlink() else path.parent.name)
    return f"{path.name} cannot be read: {error.strerror}"
