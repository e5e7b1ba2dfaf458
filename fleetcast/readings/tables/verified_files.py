"""Reads files that may be compressed with gzip; damage is found by gzip's checksum."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fleetcast.errors import DamagedFileError

CHUNK = 1024 * 1024


@contextmanager
def open_verified(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file for reading bytes; a name that ends in .gz is decompressed.

    Damage raises DamagedFileError when the last byte is read, if not before; do not use what was read until
    then.  `verify` reads a file to its end for this purpose.
    """
    if path.suffix.lower() != ".gz":
        with path.open("rb") as plain:
            yield plain
        return
    with _named_damage(path.name), gzip.open(path, "rb") as file:
        yield file


def decompress(content: bytes, name: str, *, most_bytes: int) -> bytes:
    """Return the decompressed bytes of the .gz file `name`.

    Raises DamagedFileError if it is damaged or decompresses to more than `most_bytes` bytes.
    """
    with _named_damage(name), gzip.open(io.BytesIO(content), "rb") as file:
        plain = file.read(most_bytes + 1)
    if len(plain) > most_bytes:
        raise DamagedFileError(f"{name} has more than {most_bytes} bytes when decompressed")
    return plain


@contextmanager
def _named_damage(name: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(
            f"{name} is damaged: {str(error)[:200]}; compress and copy it again"
        ) from error


def verify(path: Path) -> None:
    """Read a file to its end; raises DamagedFileError if it is compressed and damaged."""
    with open_verified(path) as file:
        while file.read(CHUNK):
            pass
