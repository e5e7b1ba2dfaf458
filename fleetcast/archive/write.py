"""Packing: equal input gives equal bytes, on every machine and at every time."""

import gzip
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetcast.archive.atomic_files import replace_atomically

SUFFIX = ".tar.gz"
MODEL = "model.json"
METADATA = "metadata.json"
MEMBERS = (MODEL, METADATA)


@dataclass(frozen=True, slots=True)
class Archive:
    """What is kept of one customer."""

    model: str
    """Prophet's own JSON."""
    metadata: Mapping[str, Any]
    brings_code: bool = False
    """Whether `code/inference.py` lies beside it, which is of no use to us and not kept."""


def pack(archive: Archive) -> bytes:
    """Return the bytes of the `.tar.gz`; the two members carry no time, owner or permission of their own."""
    contents = archive.model, json.dumps(archive.metadata, sort_keys=True, allow_nan=False)
    members = (_member(name, text.encode()) for name, text in zip(MEMBERS, contents, strict=True))
    plain = b"".join(members) + b"\0" * (2 * tarfile.BLOCKSIZE)
    return gzip.compress(plain + _padding(len(plain), tarfile.RECORDSIZE), compresslevel=6, mtime=0)


def _member(name: str, content: bytes) -> bytes:
    """Return what `tarfile` writes for a file, in half its time."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header.tobuf(tarfile.USTAR_FORMAT) + content + _padding(len(content), tarfile.BLOCKSIZE)


def _padding(size: int, block: int) -> bytes:
    return b"\0" * (-size % block)


def write_archive(folder: Path, customer: str, packed: bytes) -> Path:
    """Write packed bytes to `<folder>/<customer>.tar.gz`, whole or not at all, and return its path.

    The name is on the disk after `sync_folder(folder)`.  Raises `FilesystemError`.
    """
    path = folder / f"{customer}{SUFFIX}"
    replace_atomically(path, packed)
    return path
