"""Reading: member by member, into memory, bounded; nothing is ever unpacked to disk."""

import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any

from archive._write import MEMBERS, METADATA, MODEL, Archive

MOST_BYTES = 64 * 1024 * 1024
"""A stock Prophet model of 100,000 rows takes 16 MB."""


class ArchiveError(ValueError):
    """An archive or model folder that cannot be used; the text says what is wrong with it."""


def read_archive(path: Path) -> Archive:
    """Read a `.tar.gz`; see `unpack`.  A file that cannot be read is an `ArchiveError` too."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"the archive cannot be read: {error.strerror or error}") from error
    return unpack(packed)


def unpack(packed: bytes) -> Archive:
    """Return what the bytes of a `.tar.gz` hold, read to their end, so that gzip's checksum covers it.

    Raises `ArchiveError` for anything but a regular, whole archive with a `model.json` in it.
    """
    return _archive(_members(_decompress(packed)))


def read_folder(folder: Path) -> Archive:
    """Read an archive that somebody else has extracted to `folder`."""
    found = {}
    for name in MEMBERS:
        path = folder / name
        if path.is_file():
            if path.stat().st_size > MOST_BYTES:
                raise ArchiveError(f"{name} is larger than {MOST_BYTES} bytes")
            found[name] = path.read_bytes()
    return _archive(found)


def _decompress(compressed: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = stream.decompress(compressed, MOST_BYTES)
    except zlib.error as error:
        raise ArchiveError("the archive is not gzip, or it is damaged") from error
    if stream.unconsumed_tail:
        raise ArchiveError(f"the archive holds more than {MOST_BYTES} bytes")
    if not stream.eof:
        raise ArchiveError("the archive is cut short")
    return plain


def _members(plain: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in MEMBERS and member.isreg() and (file := tar.extractfile(member)) is not None:
                    found[name] = file.read()
    except tarfile.TarError as error:
        raise ArchiveError("the archive is not a tar file, or it is damaged") from error
    return found


def _archive(members: dict[str, bytes]) -> Archive:
    if MODEL not in members:
        raise ArchiveError(f"there is no {MODEL} in it")
    try:
        metadata: Any = json.loads(members.get(METADATA, b"{}"))
        model = members[MODEL].decode()
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{METADATA} is not JSON, or {MODEL} is not text") from error
    if not isinstance(metadata, dict):
        raise ArchiveError(f"{METADATA} is not a JSON object")
    return Archive(model=model, metadata=metadata)
