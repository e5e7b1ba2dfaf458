"""Files whose bytes are those that were written: a compressed one is checked against its checksum."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CHUNK = 1024 * 1024


class DamagedFileError(ValueError):
    """A compressed file is not what was written; the text names the file and the damage."""


@contextmanager
def open_verified(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes; one that ends in .gz is decompressed.

    Damage of a compressed file raises `DamagedFileError` at the latest when its last byte has been read: until then
    nothing of it is to be trusted.  `verify` reads a file to its end for that alone.
    """
    if path.suffix.lower() != ".gz":
        with path.open("rb") as plain:
            yield plain
        return
    try:
        with gzip.open(path, "rb") as file:
            yield file  # type: ignore[misc]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(
            f"{path.name} is damaged: {str(error)[:200]}; compress and copy it again"
        ) from error


def verify(path: Path) -> None:
    """Read a file to its end; `DamagedFileError` where it is compressed and damaged, OSError where it cannot be read."""
    with open_verified(path) as file:
        while file.read(CHUNK):
            pass
