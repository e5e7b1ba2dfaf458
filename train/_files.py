"""Reading a file that somebody else put there: a regular file, no link to it, no more bytes than expected."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
_FILE: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""O_NONBLOCK: a pipe without a writer must not be waited for."""


class UnusableFileError(ValueError):
    """A file that is not read; the text names it and says why."""


def read_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the bytes of a regular file; neither its name nor its folder's may be a link.

    The file is opened once and checked through its descriptor, so that a name exchanged meanwhile leads
    nowhere else.  Raises `UnusableFileError`.
    """
    try:
        folder = os.open(path.parent, _FOLDER)
        try:
            descriptor = os.open(path.name, _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            return _content(descriptor, path.name, most_bytes)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnusableFileError(_reason(path, error)) from error


def link_problem(name: str) -> str:
    """Return what is wrong with a link called `name`, and what to do about it."""
    return f"{name} is a link, and links are not followed: put the file or folder itself there"


def _content(descriptor: int, name: str, most_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFileError(f"{name} is not a regular file")
    if status.st_size > most_bytes:
        raise UnusableFileError(f"{name} has more than {most_bytes} bytes, the most that is read")
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(status.st_size + 1)
    if len(content) != status.st_size:
        raise UnusableFileError(f"{name} changed while it was read; start again once it is complete")
    return content


def _reason(path: Path, error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return link_problem(path.name if path.is_symlink() else path.parent.name)
    return f"{path.name} cannot be read: {error.strerror}"
